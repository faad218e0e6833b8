/// Parts an answer into its thought, which stands in `<think>` tags at its beginning, and the rest. The line breaks that the
/// tags stand in belong to neither.
struct ThoughtSplitter: Sendable {
    /// What a piece of text led to.
    struct Output: Equatable {
        var thought = ""
        var content = ""
    }

    private enum Place {
        /// Before anything but white space.
        case start
        case thought
        /// Behind the thought's end, where line breaks are left out.
        case gap
        case content
    }

    static let opening = "<think>"
    static let closing = "</think>"
    /// Bytes of white space before a thought at most.
    private static let maximumSpace = 256

    private var place: Place
    private var finder = TagFinder(closing)
    private var held = ""
    /// Line breaks at the end of the thought so far: left out if they stand before its end.
    private var breaks = ""
    private var hasThought = false

    /// A splitter at the beginning of an answer.
    ///
    /// - Parameter isOpen: Whether the prompt has opened the thought.
    init(isOpen: Bool) { place = isOpen ? .thought : .start }

    /// Takes a piece of text.
    mutating func append(_ piece: String) -> Output {
        var output = Output()
        feed(piece, &output)
        return output
    }

    /// The rest, at the end.
    mutating func finish() -> Output {
        var output = Output()
        switch place {
        case .start: output.content = held
        case .thought: addThought(finder.finish(), &output)
        case .gap, .content: break
        }
        held = ""
        return output
    }

    private mutating func feed(_ piece: String, _ output: inout Output) {
        guard !piece.isEmpty else { return }
        switch place {
        case .content: output.content += piece
        case .gap:
            let rest = piece.drop { $0 == "\n" || $0 == "\r\n" }
            guard !rest.isEmpty else { return }
            place = .content
            output.content += rest
        case .thought:
            let (before, after) = finder.append(piece)
            addThought(before, &output)
            guard let after else { return }
            breaks = ""
            place = .gap
            feed(after, &output)
        case .start:
            held += piece
            let text = held.drop(while: \.isWhitespace)
            if text.hasPrefix(Self.opening) {
                place = .thought
                let rest = String(text.dropFirst(Self.opening.count))
                held = ""
                feed(rest, &output)
            } else if !Self.opening.hasPrefix(text) || held.utf8.count > Self.maximumSpace {
                place = .content
                output.content += held
                held = ""
            }
        }
    }

    private mutating func addThought(_ text: String, _ output: inout Output) {
        var text = breaks + text
        breaks = ""
        if !hasThought { text = String(text.drop { $0 == "\n" || $0 == "\r\n" }) }
        let end = text.lastIndex { $0 != "\n" && $0 != "\r\n" }.map { text.index(after: $0) } ?? text.startIndex
        breaks = hasThought || end > text.startIndex ? String(text[end...]) : ""
        if end > text.startIndex { hasThought = true }
        output.thought += text[..<end]
    }
}
