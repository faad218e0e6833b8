/// Turns tokens into text one by one, as they are generated, and never gives out half a character.
///
/// Text is held back while it ends in U+FFFD, whether from bytes that may yet become a character, from broken ones, or
/// from the replacement character itself: the pieces are those of the reference's `DecodeStream`. All pieces and
/// `finish()` together are exactly `decode` of all ids.
public struct StreamDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipSpecialTokens: Bool
    private var held: [UInt8] = []

    /// A decoder at the start of a text.
    public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = false) {
        self.tokenizer = tokenizer
        self.skipSpecialTokens = skipSpecialTokens
    }

    /// The text that one more token completes; empty while a character is incomplete.
    public mutating func append(_ id: Int) -> String {
        tokenizer.appendBytes(of: id, skipSpecialTokens: skipSpecialTokens, to: &held)
        return UTF8Text.endsInCharacter(held) ? finish() : ""
    }

    /// The text that was held back, its incomplete characters replaced by U+FFFD; the decoder starts anew.
    public mutating func finish() -> String {
        defer { held.removeAll(keepingCapacity: true) }
        return String(decoding: held, as: UTF8.self)
    }
}
