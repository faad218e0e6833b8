extension PatternParser {
    /// What stands behind `(?`.
    enum GroupHead {
        /// A comment or flags for the whole expression: no group at all.
        case nothing
        /// A group that does not capture.
        case plain
        case named(String)
    }

    /// Reads on behind `(?`.
    mutating func parseGroupHead(from start: Int) throws(PatternError) -> GroupHead {
        guard let scalar = current else { throw fault("unexpected end of pattern") }
        switch scalar {
        case ":":
            position += 1
            return .plain
        case "P":
            position += 1
            return .named(try parseGroupName(from: start))
        case "#":
            while let scalar = current, scalar != ")" { _ = skip(scalar) }
            guard skip(")") else { throw fault("missing ), unterminated comment", at: start) }
            return .nothing
        case "=", "!": throw fault(.unsupported, "look-ahead is not supported", at: start)
        case "<" where [Unicode.Scalar("="), "!"].contains(self.scalar(after: 1)):
            throw fault(.unsupported, "look-behind is not supported", at: start)
        case ">": throw fault(.unsupported, "atomic groups are not supported; use (?:…)", at: start)
        case "(": throw fault(.unsupported, "conditional groups are not supported", at: start)
        default: return try parseFlags(from: start)
        }
    }

    private mutating func parseGroupName(from start: Int) throws(PatternError) -> String {
        if current == "=" || current == ">" {
            throw fault(.unsupported, "backreferences are not supported", at: start)
        }
        guard skip("<") else { throw fault("unknown extension; expected (?P<name>…)", at: start) }
        var name = ""
        while let scalar = current, scalar != ">" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard skip(">") else { throw fault("missing >, unterminated name", at: start) }
        let isName = name.unicodeScalars.first.map { !ScalarProperties.isDigit($0.value) } ?? false
        guard isName, name.unicodeScalars.allSatisfy({ ScalarProperties.isWord($0.value) }) else {
            throw fault("bad group name; expected letters, digits and underscores", at: start)
        }
        guard groupNumbers[name] == nil else { throw fault("the group name \(name) is used twice", at: start) }
        return name
    }

    /// `(?ims)` at the start of the expression, or `(?ims-ims:`.
    private mutating func parseFlags(from start: Int) throws(PatternError) -> GroupHead {
        let added = try parseFlagLetters()
        if !added.isEmpty, skip(")") {
            guard start == 0 || isOnlyFlags(before: start) else {
                throw fault("global flags not at the start of the expression", at: start)
            }
            options.formUnion(added)
            return .nothing
        }
        var removed: Pattern.Options = []
        if skip("-") {
            removed = try parseFlagLetters()
            guard !removed.isEmpty else { throw fault("missing flag") }
            guard added.isDisjoint(with: removed), !removed.contains(.asciiOnly) else {
                throw fault("bad inline flags: turned on and off, or one that can't be turned off", at: start)
            }
        }
        guard skip(":") else { throw fault("missing -, : or ) after the flags, or an unknown extension") }
        options = options.union(added).subtracting(removed)
        return .plain
    }

    /// Whether only flag groups and comments stand before a place.
    private func isOnlyFlags(before end: Int) -> Bool {
        var index = 0
        while index < end {
            guard scalars[index] == "(", index + 2 < end, scalars[index + 1] == "?" else { return false }
            guard let close = scalars[index..<end].firstIndex(of: ")") else { return false }
            let inside = scalars[(index + 2)..<close]
            guard inside.first == "#" || inside.allSatisfy({ "aimsu".unicodeScalars.contains($0) }) else {
                return false
            }
            index = close + 1
        }
        return true
    }

    private mutating func parseFlagLetters() throws(PatternError) -> Pattern.Options {
        var flags: Pattern.Options = []
        while let scalar = current {
            switch scalar {
            case "i": flags.insert(.ignoreCase)
            case "m": flags.insert(.multiline)
            case "s": flags.insert(.dotMatchesNewline)
            case "a": flags.insert(.asciiOnly)
            case "u": flags.insert(.unicode)
            case "x": throw fault(.unsupported, "the verbose flag x is not supported")
            case "L": throw fault(.unsupported, "the locale flag L is not supported")
            default: return flags
            }
            position += 1
        }
        return flags
    }
}

extension Pattern.Options {
    /// `(?u)`: the default, accepted for Python's sake.
    static let unicode = Pattern.Options(rawValue: 1 << 16)
}
