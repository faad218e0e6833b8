/// Finds stop texts in text that arrives in pieces, and gives out only what can't be part of one.
///
/// The result does not depend on where the text is cut: the first stop text that is completed ends it; of several that
/// are completed by the same character, the longest. The stop text itself is not given out.
public struct StopMatcher: Sendable {
    /// What a piece of text led to.
    public struct Output: Sendable, Equatable {
        /// Text that is now certain not to be part of a stop text; may be empty.
        public var text: String
        /// The stop text that ended the stream, if one did.
        public var match: String?
    }

    /// Most stop texts that are accepted; each costs time at every byte.
    public static let maximumCount = 64
    /// Longest stop text that is accepted, bytes of UTF-8; text of that length may be held back.
    public static let maximumLength = 4096

    private var patterns: [Pattern]
    private var held: [UInt8] = []
    /// The stop text that ended the stream; nothing is given out after it.
    public private(set) var match: String?

    /// A matcher.
    ///
    /// - Throws: `InferenceError` with code `invalidParameter` for an empty text, one too long, or too many.
    public init(stops: [String]) throws(InferenceError) {
        guard stops.count <= Self.maximumCount else {
            throw InferenceError(
                .invalidParameter, "stop: \(stops.count) texts, expected at most \(Self.maximumCount)")
        }
        for (index, stop) in stops.enumerated() where !(1...Self.maximumLength).contains(stop.utf8.count) {
            throw InferenceError(
                .invalidParameter,
                "stop: text \(index) has \(stop.utf8.count) bytes, expected 1 to \(Self.maximumLength)")
        }
        patterns = stops.map(Pattern.init)
    }

    /// Takes the next piece.
    public mutating func append(_ piece: String) -> Output {
        guard match == nil else { return Output(text: "", match: match) }
        for byte in piece.utf8 {
            held.append(byte)
            var longest: Pattern?
            for index in patterns.indices where patterns[index].advance(byte) {
                if patterns[index].bytes.count > longest?.bytes.count ?? 0 { longest = patterns[index] }
            }
            if let longest {
                match = longest.text
                return Output(text: release(keeping: longest.bytes.count), match: match)
            }
        }
        return Output(text: release(keeping: patterns.map(\.matched).max() ?? 0), match: nil)
    }

    /// Gives out what was held back, at the end of the stream; nothing after a match.
    public mutating func finish() -> String {
        defer { held = [] }
        return match == nil ? release(keeping: 0) : ""
    }

    /// Removes and returns all but the last bytes. What is kept is the start of a stop text, so no character is cut.
    private mutating func release(keeping count: Int) -> String {
        let text = String(decoding: held.dropLast(count), as: UTF8.self)
        held.removeFirst(held.count - count)
        return text
    }
}

/// One stop text and how much of it the text seen so far ends with.
///
/// Source: Knuth, Morris, Pratt 1977.
private struct Pattern: Sendable {
    let text: String
    let bytes: [UInt8]
    /// For each length, the longest shorter start of the text that also ends its first `length` bytes.
    let fallback: [Int]
    var matched = 0

    init(_ text: String) {
        self.text = text
        bytes = Array(text.utf8)
        var fallback = [0, 0]
        for index in bytes.indices.dropFirst() {
            var length = fallback[index]
            while length > 0, bytes[length] != bytes[index] { length = fallback[length] }
            fallback.append(bytes[length] == bytes[index] ? length + 1 : 0)
        }
        self.fallback = fallback
    }

    /// Takes a byte; returns whether it completes the text.
    mutating func advance(_ byte: UInt8) -> Bool {
        if matched == bytes.count { matched = fallback[matched] }
        while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
        if bytes[matched] == byte { matched += 1 }
        return matched == bytes.count
    }
}
