/// Reads Python's regular-expression syntax into a tree.
struct PatternParser {
    let scalars: [Unicode.Scalar]
    var position = 0
    var options: Pattern.Options
    private(set) var groupCount = 0
    private(set) var groupNumbers: [String: Int] = [:]

    init(_ source: String, options: Pattern.Options) throws(PatternError) {
        scalars = Array(source.unicodeScalars.prefix(Pattern.maximumLength + 1))
        self.options = options
        guard scalars.count <= Pattern.maximumLength else {
            throw fault(.tooLarge, "it is longer than \(Pattern.maximumLength) characters")
        }
    }

    func fault(_ message: String, at offset: Int? = nil) -> PatternError { fault(.syntax, message, at: offset) }

    func fault(_ code: PatternError.Code, _ message: String, at offset: Int? = nil) -> PatternError {
        PatternError(code: code, message: message, offset: offset ?? position)
    }

    var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    func scalar(after count: Int) -> Unicode.Scalar? {
        position + count < scalars.count ? scalars[position + count] : nil
    }

    mutating func skip(_ expected: Unicode.Scalar) -> Bool {
        guard current == expected else { return false }
        position += 1
        return true
    }

    mutating func parse() throws(PatternError) -> PatternTree {
        let tree = try parseAlternation(depth: 0)
        guard position == scalars.count else { throw fault("unbalanced parenthesis") }
        return tree
    }

    private mutating func parseAlternation(depth: Int) throws(PatternError) -> PatternTree {
        guard depth <= Pattern.maximumDepth else {
            throw fault(.tooLarge, "groups are nested deeper than \(Pattern.maximumDepth)")
        }
        var branches = [try parseConcatenation(depth: depth)]
        while skip("|") { branches.append(try parseConcatenation(depth: depth)) }
        return branches.count == 1 ? branches[0] : .alternation(branches)
    }

    private mutating func parseConcatenation(depth: Int) throws(PatternError) -> PatternTree {
        var trees: [PatternTree] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            if let (minimum, maximum) = try parseQuantifier() {
                trees.append(try repeated(trees.popLast(), minimum, maximum))
            } else if let tree = try parseAtom(depth: depth) {
                trees.append(tree)
            }
        }
        if trees.isEmpty { return .empty }
        return trees.count == 1 ? trees[0] : .concatenation(trees)
    }

    /// The quantifier that begins here, without its `?`; a brace that is none is left to be a literal.
    private mutating func parseQuantifier() throws(PatternError) -> (Int, Int?)? {
        switch current {
        case "*": position += 1; return (0, nil)
        case "+": position += 1; return (1, nil)
        case "?": position += 1; return (0, 1)
        case "{":
            let start = position
            position += 1
            if current == "}" {
                position = start
                return nil
            }
            let low = try parseCount()
            let high = skip(",") ? try parseCount() : low
            guard skip("}") else {
                position = start
                return nil
            }
            if let low, let high, high < low {
                throw fault("min repeat greater than max repeat", at: start)
            }
            let hasComma = scalars[start..<position].contains(",")
            return (low ?? 0, hasComma ? high : low)
        default: return nil
        }
    }

    /// Digits of a count, or `nil` if there is none.
    private mutating func parseCount() throws(PatternError) -> Int? {
        let start = position
        var value = 0
        while let scalar = current, scalar.value >= 0x30, scalar.value <= 0x39 {
            value = min(value * 10 + Int(scalar.value - 0x30), Int(Int32.max))
            position += 1
        }
        return position == start ? nil : value
    }

    private mutating func repeated(
        _ tree: PatternTree?, _ minimum: Int, _ maximum: Int?
    ) throws(PatternError) -> PatternTree {
        switch tree {
        case nil, .assertion: throw fault("nothing to repeat", at: position - 1)
        case .repetition: throw fault("multiple repeat", at: position - 1)
        default: break
        }
        let limit = Pattern.maximumInstructions
        guard minimum <= limit, maximum ?? 0 <= limit else {
            throw fault(.tooLarge, "a count above \(limit)", at: position - 1)
        }
        let isLazy = skip("?")
        if !isLazy, current == "+" {
            throw fault(.unsupported, "possessive quantifiers are not supported; leave out the second '+'")
        }
        return .repetition(tree ?? .empty, minimum: minimum, maximum: maximum, isLazy: isLazy)
    }

    /// One atom, or `nil` for what only sets flags or comments.
    private mutating func parseAtom(depth: Int) throws(PatternError) -> PatternTree? {
        guard let scalar = current else { return nil }
        switch scalar {
        case "(": return try parseGroup(depth: depth)
        case "[": return .scalar(try parseClass())
        case "\\": return try parseEscape()
        default: break
        }
        position += 1
        switch scalar {
        case ".": return .scalar(.dot(matchesNewline: options.contains(.dotMatchesNewline)))
        case "^": return .assertion(options.contains(.multiline) ? .lineStart : .textStart)
        case "$": return .assertion(options.contains(.multiline) ? .lineEnd : .textEndOrLastNewline)
        default: return literal(scalar.value)
        }
    }

    func literal(_ value: UInt32) -> PatternTree {
        .scalar(ScalarSet([.scalar(value)], ignoresCase: options.contains(.ignoreCase)))
    }

    private mutating func parseGroup(depth: Int) throws(PatternError) -> PatternTree? {
        let start = position
        position += 1
        let outerOptions = options
        var number: Int?
        if skip("?") {
            switch try parseGroupHead(from: start) {
            case .nothing: return nil
            case .plain: break
            case .named(let name):
                number = try openGroup(at: start)
                groupNumbers[name] = number
            }
        } else {
            number = try openGroup(at: start)
        }
        let tree = try parseAlternation(depth: depth + 1)
        guard skip(")") else { throw fault("missing ), unterminated group", at: start) }
        options = outerOptions
        return .group(tree, number: number)
    }

    private mutating func openGroup(at start: Int) throws(PatternError) -> Int {
        groupCount += 1
        guard groupCount <= Pattern.maximumGroups else {
            throw fault(.tooLarge, "more than \(Pattern.maximumGroups) capturing groups; use (?:…)", at: start)
        }
        return groupCount
    }
}
