extension Tokenizer {
    /// The text of token ids.
    ///
    /// Bytes that are not UTF-8 become one U+FFFD for each maximal part of a character, as Python's
    /// `errors="replace"` has it. Ids without a token, which padded embeddings can produce, stand for nothing.
    ///
    /// - Parameter skipSpecialTokens: Leaves out `<|im_end|>` and its like; added tokens that are not special stay.
    public func decode(_ ids: some Sequence<Int>, skipSpecialTokens: Bool = false) -> String {
        var bytes: [UInt8] = []
        for id in ids { appendBytes(of: id, skipSpecialTokens: skipSpecialTokens, to: &bytes) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends what a token contributes to decoded text.
    func appendBytes(of id: Int, skipSpecialTokens: Bool, to bytes: inout [UInt8]) {
        if skipSpecialTokens, addedToken(of: id)?.isSpecial == true { return }
        if let part = slice(of: id) { bytes += part }
    }
}
