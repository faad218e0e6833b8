/// Finds the first of a tag in text that arrives in pieces, and holds back only what may be its beginning.
struct TagFinder: Sendable {
    private let tag: [UInt8]
    private var held: [UInt8] = []

    init(_ tag: String) { self.tag = Array(tag.utf8) }

    /// Takes a piece.
    ///
    /// - Returns: Text that is certain to stand before any tag, and what follows the tag once it is found.
    mutating func append(_ piece: String) -> (before: String, after: String?) {
        held += piece.utf8
        if let start = firstIndex() {
            let before = String(decoding: held[..<start], as: UTF8.self)
            let after = String(decoding: held[(start + tag.count)...], as: UTF8.self)
            held = []
            return (before, after)
        }
        // The longest beginning of the tag that the text ends with.
        let keep = (0..<min(tag.count, held.count + 1)).reversed().first {
            held.suffix($0).elementsEqual(tag.prefix($0))
        }
        let cut = held.count - (keep ?? 0)
        let before = String(decoding: held[..<cut], as: UTF8.self)
        held.removeFirst(cut)
        return (before, nil)
    }

    /// What was held back, at the end.
    mutating func finish() -> String {
        defer { held = [] }
        return String(decoding: held, as: UTF8.self)
    }

    private func firstIndex() -> Int? {
        guard held.count >= tag.count else { return nil }
        return (0...held.count - tag.count).first { held[$0] == tag[0] && held[$0...].starts(with: tag) }
    }
}
