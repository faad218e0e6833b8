import Foundation
import RegularExpressions
import Testing

/// One row of the table made with Python 3.11's `re`: spans in scalars, `[-1, -1]` for a group that took no part.
private struct PythonCase: Decodable {
    var pattern: String
    var text: String
    var error: Bool?
    var search: [[Int]]?
    var match: [[Int]]?
    var full: [[Int]]?
    /// Whether Python goes once more through a loop without reading anything, so that groups differ (see `Pattern`).
    var emptyIteration: Bool?
}

@Suite("Regular expressions")
struct PatternTests {
    /// The spans of a match in scalars, as the table has them.
    private static func spans(_ match: Match?, in text: String) -> [[Int]]? {
        guard let match else { return nil }
        let scalars = text.unicodeScalars
        return ([match.range] + match.groups).map { range in
            guard let range else { return [-1, -1] }
            return [range.lowerBound, range.upperBound].map { scalars.distance(from: scalars.startIndex, to: $0) }
        }
    }

    @Test("the table of Python's answers is reproduced: matches, groups and refusals")
    func pythonTable() throws {
        let url = try #require(
            Bundle.module.url(forResource: "python-cases", withExtension: "json", subdirectory: "Resources"))
        let cases = try JSONDecoder().decode([PythonCase].self, from: Data(contentsOf: url))
        #expect(cases.count > 200)
        for row in cases {
            let name = Comment(rawValue: "\(row.pattern.debugDescription) in \(row.text.debugDescription)")
            guard let pattern = try? Pattern(row.pattern) else {
                #expect(row.error == true, name)
                continue
            }
            #expect(row.error != true, name)
            for (match, expected) in [
                (pattern.firstMatch(in: row.text), row.search), (pattern.prefixMatch(in: row.text), row.match),
                (pattern.fullMatch(row.text), row.full),
            ] {
                let spans = Self.spans(match, in: row.text)
                #expect(spans?.first == expected?.first, name)
                if row.emptyIteration != true { #expect(spans == expected, name) }
            }
        }
    }

    @Test(
        "what is not offered or not sound is refused with the reason and the place",
        arguments: [
            (#"(a)\1"#, "unsupported", 3, "backreferences are not supported"),
            ("(?P<x>a)(?P=x)", "unsupported", 8, "backreferences are not supported"),
            ("a(?=b)", "unsupported", 1, "look-ahead is not supported"),
            ("a(?!b)", "unsupported", 1, "look-ahead is not supported"),
            ("(?<=a)b", "unsupported", 0, "look-behind is not supported"),
            ("(?<!a)b", "unsupported", 0, "look-behind is not supported"),
            ("(?>a)", "unsupported", 0, "atomic groups are not supported; use (?:…)"),
            ("(a)?(?(1)b|c)", "unsupported", 4, "conditional groups are not supported"),
            ("a*+", "unsupported", 2, "possessive quantifiers are not supported; leave out the second '+'"),
            ("(?x)a", "unsupported", 2, "the verbose flag x is not supported"),
            ("(?L)a", "unsupported", 2, "the locale flag L is not supported"),
            (#"\N{DIGIT ONE}"#, "unsupported", 0, #"names of characters are not supported; use \uXXXX"#),
            ("(a", "syntax", 0, "missing ), unterminated group"),
            ("a)", "syntax", 1, "unbalanced parenthesis"),
            ("*a", "syntax", 0, "nothing to repeat"),
            ("a**", "syntax", 2, "multiple repeat"),
            ("a{3,2}", "syntax", 1, "min repeat greater than max repeat"),
            ("[z-a]", "syntax", 1, "bad character range"),
            ("[a", "syntax", 0, "unterminated character set"),
            (#"\q"#, "syntax", 0, #"bad escape \q"#),
            ("a{10001}", "tooLarge", 7, "a count above 10000"),
            ("(?:(?:a{1000}){1000}){1000}", "tooLarge", 0, "it needs more than 10000 steps; use smaller counts"),
        ])
    func refusals(source: String, code: String, offset: Int, message: String) {
        let error = #expect(throws: PatternError.self) { try Pattern(source) }
        #expect(
            error?.code.rawValue == code && error?.offset == offset && error?.message == message,
            "\(String(describing: error))")
    }

    @Test("length, nesting and groups are bounded")
    func limits() {
        for source in [
            String(repeating: "a", count: 10_001), String(repeating: "(?:", count: 9_000 / 3),
            String(repeating: "()", count: 101),
            String(repeating: "(?:)", count: 200) + String(repeating: "(", count: 5_000),
        ] {
            let error = #expect(throws: PatternError.self) { try Pattern(source) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test("an empty body repeated any number of times is no work")
    func emptyBodies() throws {
        var source = "(?:)"
        for _ in 0..<90 { source = "(?:" + source + "{10000})" }
        #expect(try Pattern(source).fullMatch("") != nil)
        #expect(try Pattern("(?:(?:){0,10000}){0,999}x").firstMatch(in: "x") != nil)
    }

    @Test("expressions that explode with backtracking take linear time")
    func noBacktracking() throws {
        let text = String(repeating: "a", count: 20_000)
        #expect(try Pattern("(a*)*b").fullMatch(text) == nil)
        #expect(try Pattern("(?:a|a)*b|(?:a?){30}a{30}c").fullMatch(text) == nil)
        #expect(try Pattern("(x+x+)+y").firstMatch(in: text) == nil)
    }

    @Test("a named group of a text of a megabyte is found")
    func longText() throws {
        let thought = String(repeating: "so é = 1\n", count: 100_000)
        let text = "<think>" + thought + "</think>\n<answer>42</answer>"
        let pattern = try Pattern(#"(?s)\A<think>(?P<thought>.*?)</think>\s*<answer>(?P<answer>.*)</answer>\Z"#)
        let match = try #require(pattern.fullMatch(text))
        let answer = try #require(match["answer"])
        #expect(text[answer] == "42" && match["nothing"] == nil && pattern.groupCount == 2)
        #expect(match["thought"].map { text[$0].utf8.count } == thought.utf8.count)
    }

    @Test("options are the inline flags")
    func options() throws {
        #expect(
            try Pattern("^é.$", options: [.ignoreCase, .multiline, .dotMatchesNewline]).firstMatch(in: "x\nÉ\n") != nil)
        #expect(try Pattern(#"\w"#, options: .asciiOnly).firstMatch(in: "é") == nil)
    }

    @Test("random expressions neither crash nor hang")
    func randomExpressions() {
        var generator = SplitMix(state: 11)
        let pieces = [
            "a", "b", ".", "(", ")", "(?:", "(?P<x>", "|", "*", "+", "?", "{2,3}", "{", "}", "[", "]", "^", "$", "\\",
            "\\b", "\\d",
            "-", "é", "(?i)", "{,9}", "\\x4", "(?", "<", ",", "1", "\\B", "(?s:", "[^",
        ]
        var accepted = 0
        for _ in 0..<100_000 {
            let source = (0..<Int.random(in: 1...14, using: &generator)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &generator)]
            }.joined()
            guard let pattern = try? Pattern(source) else { continue }
            accepted += 1
            let text = (0..<Int.random(in: 0...8, using: &generator)).map { _ in
                ["a", "b", "é", "\n", "1"][Int.random(in: 0..<5, using: &generator)]
            }.joined()
            if pattern.fullMatch(text) != nil {
                #expect(pattern.prefixMatch(in: text) != nil && pattern.firstMatch(in: text) != nil, "\(source)")
            }
        }
        #expect(accepted > 10_000)
    }
}

/// A small generator with a fixed seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
