import Yams

/// Reads one YAML document into located values. Hostile text is fine: size and depth are limited, and anchors, aliases
/// and tags are refused *before* anything could follow them.
struct YAMLText {
    static let maximumBytes = 1 << 20
    static let maximumDepth = 32

    /// The file's name for faults.
    let source: String
    /// Makes the place of a mark; an override gives itself.
    let place: (_ line: Int, _ column: Int) -> RecipeError.Place

    /// Reads a recipe's text.
    init(source: String) {
        self.source = source
        self.place = { .line($0, column: $1) }
    }

    /// Reads the value of a `--set` override.
    init(override: String) {
        self.source = "--set"
        self.place = { _, _ in .override(override) }
    }

    /// The document's root, or `nil` when there is none.
    func read(_ text: String) throws(RecipeError) -> Located? {
        let text = text.first == "\u{FEFF}" ? String(text.dropFirst()) : text
        guard text.utf8.count <= Self.maximumBytes else {
            throw malformed(1, 1, "the text has \(text.utf8.count) bytes, at most \(Self.maximumBytes) are read")
        }
        if text.utf8.contains(UInt8(ascii: "*")) { try refuseAliases(text) }
        return try compose(text) { node, depth throws(RecipeError) in try locate(node, depth: depth) }
    }

    /// An alias can stand for a value of any size ("billion laughs"), and Yams compares keys through it. So the text is
    /// first read with every asterisk replaced: a plain scalar that then begins where an asterisk was would be an alias.
    private func refuseAliases(_ text: String) throws(RecipeError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        let disarmed = String(
            decoding: text.utf8.map { $0 == UInt8(ascii: "*") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
        _ = try compose(disarmed) { node, depth throws(RecipeError) in
            try refuseAliases(node, lines: lines, depth: depth)
            return Located(content: .list([]), place: place(1, 1))
        }
    }

    private func refuseAliases(_ node: Node, lines: [Substring], depth: Int) throws(RecipeError) {
        try checkDepth(node, depth)
        switch node {
        case .scalar(let scalar):
            guard scalar.style == .plain, scalar.string.first == "_", let mark = node.mark,
                lines.indices.contains(mark.line - 1)
            else { return }
            if lines[mark.line - 1].unicodeScalars.dropFirst(mark.column - 1).first == "*" {
                throw malformed(
                    mark.line, mark.column,
                    "a value can't begin with '*': aliases are not supported, "
                        + "write the value out, or put quotes around text")
            }
        case .sequence(let sequence):
            for element in sequence { try refuseAliases(element, lines: lines, depth: depth + 1) }
        case .mapping(let mapping):
            for (key, value) in mapping {
                try refuseAliases(key, lines: lines, depth: depth + 1)
                try refuseAliases(value, lines: lines, depth: depth + 1)
            }
        case .alias: return
        }
    }

    private func compose(
        _ text: String, _ body: (Node, Int) throws(RecipeError) -> Located
    ) throws(RecipeError) -> Located? {
        let parser: Parser
        let root: Node?
        do {
            // The basic resolver leaves plain scalars alone; their meaning is decided in `Located.scalar`.
            parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            root = try parser.singleRoot()
        } catch {
            throw self.error(error, in: text)
        }
        defer { withExtendedLifetime(parser) {} }  // It holds the anchors.
        guard let root else { return nil }
        return try body(root, 0)
    }

    private func locate(_ node: Node, depth: Int) throws(RecipeError) -> Located {
        try checkDepth(node, depth)
        let (line, column) = (node.mark?.line ?? 1, node.mark?.column ?? 1)
        let place = place(line, column)
        if node.anchor != nil {
            throw malformed(
                line, column, "anchors ('&') are not supported: write the value out, or put quotes around text")
        }
        switch node {
        case .scalar(let scalar):
            try checkTag(node, "tag:yaml.org,2002:str")
            return Located(content: .scalar(scalar.string, isPlain: scalar.style == .plain), place: place)
        case .sequence(let sequence):
            try checkTag(node, "tag:yaml.org,2002:seq")
            var elements: [Located] = []
            for element in sequence { elements.append(try locate(element, depth: depth + 1)) }
            return Located(content: .list(elements), place: place)
        case .mapping(let mapping):
            try checkTag(node, "tag:yaml.org,2002:map")
            var entries: [Located.Entry] = []
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key else {
                    throw malformed(key.mark?.line ?? line, key.mark?.column ?? column, "a key must be a plain word")
                }
                let keyPlace = try locate(key, depth: depth + 1).place
                entries.append(.init(key: scalar.string, place: keyPlace, value: try locate(value, depth: depth + 1)))
            }
            return Located(content: .map(entries), place: place)
        case .alias: throw malformed(line, column, "aliases are not supported: write the value out")
        }
    }

    private func checkDepth(_ node: Node, _ depth: Int) throws(RecipeError) {
        if depth > Self.maximumDepth {
            throw malformed(
                node.mark?.line ?? 1, node.mark?.column ?? 1, "nested deeper than \(Self.maximumDepth) levels")
        }
    }

    private func checkTag(_ node: Node, _ expected: String) throws(RecipeError) {
        let name = node.tag.description
        guard name == expected || name.isEmpty || name == "!" else {
            throw malformed(
                node.mark?.line ?? 1, node.mark?.column ?? 1, "the tag '\(name.prefix(60))' is not supported: remove it"
            )
        }
    }

    private func error(_ error: any Error, in text: String) -> RecipeError {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let during = context.map { "\($0.text) " } ?? ""
            return malformed(mark.line, mark.column, "not YAML: \(during)\(problem)")
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            let column =
                before.count
                - (before.lastIndex(where: \.isNewline).map { before.distance(from: before.startIndex, to: $0) + 1 }
                    ?? 0)
            return malformed(line, column + 1, "not YAML: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.prefix(5).map { "'\($0.prefix(60))'" }.joined(separator: ", ")
            return malformed(context.mark.line, context.mark.column, "the key \(names) is given twice in one section")
        default: return malformed(1, 1, "not YAML: \(error)")
        }
    }

    private func malformed(_ line: Int, _ column: Int, _ message: String) -> RecipeError {
        RecipeError(
            .malformed, faults: [.init(source: source, place: place(line, column), path: "", message: message)])
    }
}
