/// A compiled regular expression with the syntax and the leftmost-first choice of Python's `re`, matched in time
/// proportional to text × expression, whatever the expression: there is no backtracking.
///
/// Offered: literals, the escapes of `re` (`\d \w \s \b \A \Z \n \x41 \u0041` …, Unicode-aware as in Python), classes, `.`,
/// anchors, groups (`(…)`, `(?:…)`, `(?P<name>…)`, `(?i:…)`), alternation, greedy and lazy quantifiers, and the flags
/// `a i m s u`. Backreferences, look-around, atomic groups, possessive quantifiers and `(?x)` are refused.
///
/// One difference from Python remains: where the body of a loop can match the empty text, Python tries it once more at
/// the end of the loop. A group inside then shows that empty try, here the last one that read something; and if an earlier
/// alternative of the body is empty (`(?:\b|.)*`), the loop may go on here where Python stops.
///
/// The text is walked once with the set of all states that are still alive, in order of preference.
/// Source: Cox 2009, "Regular Expression Matching: the Virtual Machine Approach" (Pike's machine).
public struct Pattern: Sendable {
    /// How the expression is read; each has an inline form.
    public struct Options: OptionSet, Hashable, Sendable {
        /// The set as bits.
        public let rawValue: Int
        /// A set from its bits.
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// `(?i)`: upper and lower case are the same.
        public static let ignoreCase = Options(rawValue: 1)
        /// `(?m)`: `^` and `$` match at each line.
        public static let multiline = Options(rawValue: 2)
        /// `(?s)`: `.` matches a newline too.
        public static let dotMatchesNewline = Options(rawValue: 4)
        /// `(?a)`: `\d`, `\w`, `\s`, `\b` know ASCII only.
        public static let asciiOnly = Options(rawValue: 8)
    }

    /// The longest expression, in Unicode scalars.
    public static let maximumLength = 10_000
    /// The deepest nesting of groups.
    public static let maximumDepth = 100
    /// The most capturing groups.
    public static let maximumGroups = 100
    /// The most instructions an expression may compile to; `a{50}` takes 50. It bounds time and memory of a match.
    public static let maximumInstructions = 10_000

    /// The expression as given.
    public let source: String
    /// The names of named groups and their numbers.
    public let groupNumbers: [String: Int]
    /// How many capturing groups there are.
    public let groupCount: Int
    let program: Program

    /// Compiles an expression.
    ///
    /// - Parameter maximumInstructions: A lower limit than `Pattern.maximumInstructions`, for many small expressions.
    /// - Throws: `PatternError` with the place of the fault.
    public init(
        _ source: String, options: Options = [], maximumInstructions: Int = Pattern.maximumInstructions
    ) throws(PatternError) {
        var parser = try PatternParser(source, options: options)
        let tree = try parser.parse()
        self.source = source
        groupNumbers = parser.groupNumbers
        groupCount = parser.groupCount
        program = try PatternCompiler.compile(
            tree, groupCount: parser.groupCount, limit: min(maximumInstructions, Self.maximumInstructions))
    }

    /// The match that spans the whole text (`re.fullmatch`), if there is one.
    public func fullMatch(_ text: String) -> Match? { run(text, .whole) }

    /// The first match anywhere in the text (`re.search`), if there is one.
    public func firstMatch(in text: String) -> Match? { run(text, .anywhere) }

    /// The match that begins where the text begins (`re.match`), if there is one.
    public func prefixMatch(in text: String) -> Match? { run(text, .atStart) }

    private func run(_ text: String, _ mode: PatternMachine.Mode) -> Match? {
        var text = text
        let slots = text.withUTF8 { bytes in
            var machine = PatternMachine(program: program, bytes: bytes, mode: mode)
            return machine.run()
        }
        guard let slots else { return nil }
        func range(_ group: Int) -> Range<String.Index>? {
            let (start, end) = (slots[2 * group], slots[2 * group + 1])
            guard start >= 0, end >= start else { return nil }
            return text.utf8.index(text.startIndex, offsetBy: start)..<text.utf8.index(text.startIndex, offsetBy: end)
        }
        guard let whole = range(0) else { return nil }
        return Match(range: whole, groups: (1..<groupCount + 1).map(range), groupNumbers: groupNumbers)
    }
}

/// Where a regular expression matched.
public struct Match: Sendable {
    /// The whole match.
    public let range: Range<String.Index>
    /// The capturing groups from group 1 on; `nil` where a group took no part.
    public let groups: [Range<String.Index>?]
    fileprivate let groupNumbers: [String: Int]

    /// The range of a named group, or `nil` if it took no part or there is none of this name.
    public subscript(name: String) -> Range<String.Index>? {
        groupNumbers[name].flatMap { groups[$0 - 1] }
    }

    fileprivate init(range: Range<String.Index>, groups: [Range<String.Index>?], groupNumbers: [String: Int]) {
        self.range = range
        self.groups = groups
        self.groupNumbers = groupNumbers
    }
}
