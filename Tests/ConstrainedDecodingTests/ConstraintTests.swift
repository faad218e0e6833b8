import OrderedJSON
import RegularExpressions
import Testing

@testable import ConstrainedDecoding

@Suite("Constrained decoding")
struct ConstraintTests {
    /// Whether a text can be written byte by byte, and is complete then.
    static func accepts(_ text: String, _ constraint: TokenConstraint) -> Bool {
        var cursor = ConstraintCursor(constraint)
        for byte in text.utf8 {
            guard case .tokens(let mask, _, _) = cursor.allowed(), mask.contains(Int(byte)) else { return false }
            cursor.take(Int(byte))
        }
        guard case .tokens(_, _, let mayEnd) = cursor.allowed() else { return false }
        return mayEnd
    }

    static func constraint(_ schema: JSONValue) throws -> TokenConstraint {
        TokenConstraint(try JSONGrammar(schema: schema), trie: RandomWriter.trie)
    }

    @Test("whatever is written under a schema parses and validates, and no way leads nowhere", arguments: 0..<8)
    func fuzz(part: UInt64) throws {
        var complete = 0
        for seed in 0..<60 {
            var generator = SchemaGenerator(seed: part << 32 | UInt64(seed))
            let schema = generator.document()
            let grammar: JSONGrammar
            do { grammar = try JSONGrammar(schema: schema) } catch {
                #expect(error.code == .unsatisfiable, "\(error) of \(schema.text())")
                continue
            }
            let constraint = TokenConstraint(grammar, trie: RandomWriter.trie)
            var writer = RandomWriter(random: SeededGenerator(state: UInt64(seed)))
            for _ in 0..<6 {
                let (bytes, isComplete, isStuck) = writer.write(constraint, limit: 400)
                #expect(!isStuck, "\(String(decoding: bytes, as: UTF8.self)) of \(schema.text())")
                guard isComplete else { continue }
                complete += 1
                let value = try JSONValue(parsing: bytes)
                #expect(
                    try SchemaValidator(document: schema).accepts(value),
                    "\(String(decoding: bytes, as: UTF8.self)) of \(schema.text())")
            }
        }
        #expect(complete > 150, "\(complete)")
    }

    @Test("any object that a JSON reader takes can be written, and nothing else")
    func anyObject() throws {
        let constraint = TokenConstraint(try .anyObject(), trie: RandomWriter.trie)
        for text in [
            "{}", " {\n}", "{\"a\":1}", "{\"a\" : [1, 2.5e3, -0, null, true, {\"b\": \"\\u00e9\\n\\\"\"}]}",
            "{\"\": \"\u{1F600}é\"}", "{\"a\":{\"a\":{}},\"b\":[[],[{}]]}", "{\"a\":-0.5E-07}",
        ] {
            #expect(Self.accepts(text, constraint), "\(text)")
            _ = try JSONValue(parsing: text)
        }
        for text in [
            "", "{", "[]", "1", "{a:1}", "{\"a\":01}", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{}x", "{} ", "{\"a\":\"\n\"}",
            "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\x\"}", "{\"a\":.5}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":tru}",
            "{\"a\":1e}",
        ] { #expect(!Self.accepts(text, constraint), "\(text)") }
    }

    @Test("a string's bytes are UTF-8, wherever tokens cut them")
    func encoding() throws {
        let constraint = try Self.constraint(["type": "string"])
        for bytes: [UInt8] in [
            [0xC0, 0x80], [0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE0, 0x80, 0x80], [0xF8],
            [0xC3, 0x22],
            [0x1F],
        ] {
            var cursor = ConstraintCursor(constraint)
            var isAllowed = true
            for byte in [0x22] + bytes + [0x22] {
                guard case .tokens(let mask, _, _) = cursor.allowed(), mask.contains(Int(byte)) else {
                    isAllowed = false
                    break
                }
                cursor.take(Int(byte))
            }
            #expect(!isAllowed, "\(bytes)")
        }
        #expect(Self.accepts("\"é\u{FFFF}\u{10FFFF}\u{7F}\"", constraint))
    }

    /// A schema, texts that satisfy it, and texts that don't.
    private static let numberTable: [(String, [String], [String])] = [
        (
            #"{"type": "integer", "minimum": -12, "maximum": 105}"#, ["-12", "0", "105", "-0", "99"],
            ["-13", "106", "1000", "5.0", "1e1"]
        ),
        (
            #"{"type": "number", "minimum": 0.5, "exclusiveMaximum": 2}"#, ["0.5", "1", "1.999999", "0.75"],
            ["0.4", "2", "2.0", "0", "-1", "1e0"]
        ),
        (
            #"{"type": "number", "exclusiveMinimum": -0.001, "maximum": 0}"#, ["0", "-0", "-0.0009", "0.0"],
            ["-0.001", "0.1", "-1"]
        ),
        (#"{"type": "integer", "exclusiveMinimum": 3.5, "maximum": 4.5}"#, ["4"], ["3", "5"]),
        (#"{"type": "number", "minimum": 1e20}"#, [], ["1"]),
        (#"{"type": "integer"}"#, ["123456789012345678", "-7"], ["1234567890123456789", "1.5"]),
        (#"{"type": "number"}"#, ["1e5", "-2.5E+10", "12345678901234.5"], ["1e555", "0x1"]),
    ]

    @Test("numbers keep within their bounds, digit by digit", arguments: numberTable.indices)
    func numbers(row: Int) throws {
        let (schema, inside, outside) = Self.numberTable[row]
        guard let constraint = try? Self.constraint(JSONValue(parsing: schema)) else {
            #expect(inside.isEmpty)
            return
        }
        for text in inside { #expect(Self.accepts(text, constraint), "\(text) of \(schema)") }
        for text in outside { #expect(!Self.accepts(text, constraint), "\(text) of \(schema)") }
    }

    @Test("properties come in their order, required ones always, others only where the schema says so")
    func objects() throws {
        let closed = try Self.constraint(
            JSONValue(
                parsing: #"{"type": "object", "required": ["b"], "properties": {"a": {"type": "integer"}, "#
                    + #""b": {"type": "boolean"}, "c": {"type": "null"}}}"#))
        for text in ["{\"b\":true}", "{\"a\":1,\"b\":false,\"c\":null}", "{\"b\":true,\"c\":null}"] {
            #expect(Self.accepts(text, closed), "\(text)")
        }
        for text in ["{}", "{\"a\":1}", "{\"b\":true,\"a\":1}", "{\"b\":true,\"d\":1}", "{\"b\":true,\"b\":true}"] {
            #expect(!Self.accepts(text, closed), "\(text)")
        }
        let open = try Self.constraint([
            "type": "object", "properties": ["ab": ["type": "integer"]], "additionalProperties": ["type": "string"],
        ])
        for text in ["{\"ab\":1,\"a\":\"x\",\"abc\":\"y\"}", "{}", "{\"x\":\"y\"}"] {
            #expect(Self.accepts(text, open), "\(text)")
        }
        for text in ["{\"ab\":\"x\"}", "{\"\\u0061b\":\"x\"}", "{\"a\":1}"] {
            #expect(!Self.accepts(text, open), "\(text)")
        }
    }

    @Test("recursion, references and patterns")
    func references() throws {
        let list = try Self.constraint(
            JSONValue(
                parsing: ##"{"$ref": "#/$defs/list", "$defs": {"##
                    + ##""list": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/list"}, {"$ref": "#/$defs/cell"}]}, "##
                    + ##""cell": {"type": "object", "required": ["tail"], "##
                    + ##""properties": {"tail": {"$ref": "#/$defs/list"}}}}}"##))
        #expect(Self.accepts("null", list))
        #expect(Self.accepts("{\"tail\":{\"tail\":null}}", list))
        let deep = String(repeating: "{\"tail\":", count: 64) + "null" + String(repeating: "}", count: 64)
        #expect(Self.accepts(deep, list))
        #expect(!Self.accepts("{\"tail\":" + deep + "}", list))
        let day = try Self.constraint(["type": "string", "format": "date"])
        #expect(Self.accepts("\"2024-02-28\"", day) && !Self.accepts("\"2024-02-30\"", day))
        #expect(Self.accepts("\"\\u00320\\u003204-12-31\"", day) == false)
        #expect(Self.accepts("\"\\u0032024-12-31\"", day))
    }

    private static let refusals: [(String, SchemaError.Code, String)] = [
        (
            #"{"type": "object", "patternProperties": {}}"#, .unsupported,
            #"the schema has 'patternProperties', which answers can't be held to; leave it out"#
        ),
        (
            #"{"properties": {"a": {"oneOf": []}}}"#, .unsupported,
            #"the schema at 'properties.a' has 'oneOf', which answers can't be held to; leave it out"#
        ),
        (
            #"{"type": "array", "uniqueItems": true}"#, .unsupported,
            #"the schema has 'uniqueItems', which answers can't be held to; leave it out"#
        ),
        (
            #"{"$ref": "https://x.org/a"}"#, .unsupported,
            #"the schema has the $ref "https://x.org/a"; only places of the schema itself, as '#/$defs/name'"#
        ),
        (
            ##"{"$ref": "#/$defs/x"}"##, .malformed,
            ##"the schema has the $ref "#/$defs/x", which leads to nothing"##
        ),
        (
            #"{"type": "text"}"#, .malformed,
            #"the schema at 'type' is "text", expected one of ["null", "boolean", "integer", "number", "string", "array", "object"]"#
        ),
        (
            #"{"type": "string", "pattern": "("}"#, .malformed,
            #"the schema at 'pattern' is an invalid regular expression at character 0: missing ), unterminated group"#
        ),
        (
            #"{"type": "string", "pattern": "\\bx"}"#, .unsupported,
            #"the schema at 'pattern' is an invalid regular expression at character 0: word and line boundaries can't be stepped through"#
        ),
        (
            #"{"type": "string", "pattern": "(a|b)*a(a|b){20}"}"#, .tooLarge,
            #"the schema at 'pattern' is an invalid regular expression at character 0: it needs too many states; use smaller counts"#
        ),
        (
            #"{"type": "string", "format": "hostname"}"#, .unsupported,
            #"the schema at 'format' is "hostname", offered are date, date-time, email, ipv4, time, uuid"#
        ),
        (
            #"{"type": "integer", "minimum": 3, "maximum": 2}"#, .unsatisfiable,
            #"no JSON value of at most 64 levels satisfies the schema"#
        ),
        (
            ##"{"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}}"##, .unsatisfiable,
            ##"no JSON value of at most 64 levels satisfies the schema"##
        ),
        (
            #"{"type": "string", "minLength": -1}"#, .malformed,
            #"the schema at 'minLength' is -1, expected a whole number from 0 on"#
        ),
        (
            #"{"anyOf": [{"type": "null"}], "type": "null"}"#, .unsupported,
            #"the schema has 'type' beside 'anyOf'; put it into what 'anyOf' refers to"#
        ),
        (
            #"{"type": "object", "properties": {}, "required": ["a"]}"#, .malformed,
            #"the schema requires 'a', which is not among its properties"#
        ),
        (
            #"[1]"#, .malformed,
            #"the schema is a list, expected a schema: an object, true or false"#
        ),
    ]

    @Test("what answers can't be held to is named", arguments: refusals.indices)
    func errors(row: Int) throws {
        let (schema, code, message) = Self.refusals[row]
        let value = try JSONValue(parsing: schema)
        do {
            _ = try JSONGrammar(schema: value)
            Issue.record("accepted: \(schema)")
        } catch {
            #expect(error.code == code)
            #expect(error.message == message)
        }
    }

    @Test("a thought is free, and an end comes only behind a whole answer")
    func thoughts() throws {
        let constraint = try Self.constraint(["const": true])
        let (opening, closing) = (RandomWriter.tokens.count + 1, RandomWriter.tokens.count + 2)
        var cursor = ConstraintCursor(constraint, thought: .init(opening: opening, closing: closing, isOpen: false))
        guard case .tokens(let mask, also: opening, mayEnd: false) = cursor.allowed() else {
            Issue.record("the thought can't be opened")
            return
        }
        #expect(mask.contains(Int(UInt8(ascii: "t"))) && !mask.contains(Int(UInt8(ascii: "x"))))
        cursor.take(opening)
        for token in [5, 200, opening] {
            guard case .anythingButEnd = cursor.allowed() else {
                Issue.record("the thought is not free")
                return
            }
            cursor.take(token)
        }
        cursor.take(closing)
        for byte in "\n\ntrue".utf8 {
            guard case .tokens(let mask, also: nil, mayEnd: false) = cursor.allowed() else {
                Issue.record("the answer is not held")
                return
            }
            #expect(mask.contains(Int(byte)))
            cursor.take(Int(byte))
        }
        guard case .tokens(let rest, also: nil, mayEnd: true) = cursor.allowed() else {
            Issue.record("the answer can't end")
            return
        }
        #expect(rest.count == 0)
        cursor.take(Int(UInt8(ascii: "x")))
        guard case .nothing = cursor.allowed() else {
            Issue.record("what is not allowed goes on")
            return
        }
    }

    @Test("a mask holds every token that leads on, byte by byte, whether it is made, kept or made again")
    func masks() throws {
        let schema: JSONValue = ["type": "array", "items": ["type": "string", "maxLength": 300]]
        let constraint = try Self.constraint(schema)
        let text = Array(("[\"" + String(repeating: "a\u{e9}\\n b", count: 60) + "\", \"\"]").utf8)
        try #require(text.count > TokenConstraint.maximumMasks)
        var seen: Set<ArraySlice<UInt8>> = []
        let tokens = RandomWriter.tokens.map { bytes in bytes.flatMap { seen.insert($0).inserted ? $0 : nil } }
        for _ in 0..<2 {
            var automaton = ByteAutomaton(try JSONGrammar(schema: schema))
            var (state, cursor) = (ByteAutomaton.start, ConstraintCursor(constraint))
            for byte in text {
                guard case .tokens(let mask, _, _) = cursor.allowed() else {
                    throw SchemaError(.unsatisfiable, "stuck")
                }
                for (id, bytes) in tokens.enumerated() {
                    guard let bytes else { continue }
                    var end = state
                    for byte in bytes where end != ByteAutomaton.dead { end = automaton.next(end, byte) }
                    if mask.contains(id) != (end != ByteAutomaton.dead) {
                        Issue.record("token \(id) in state \(state)")
                    }
                }
                state = automaton.next(state, byte)
                cursor.take(Int(byte))
            }
        }
    }

    @Test("a machine that is begun anew goes on where it was")
    func renewal() throws {
        let constraint = try Self.constraint(["type": "string", "maxLength": 9_000])
        var one = ConstraintCursor(constraint)
        one.take(Int(UInt8(ascii: "\"")))
        for _ in 0..<3 { one.take(Int(UInt8(ascii: "a"))) }
        let text = "\"" + String(repeating: "b", count: 9_000)
        #expect(Self.accepts(text + "\"", constraint))
        #expect(!Self.accepts(text + "b\"", constraint))
        one.take(Int(UInt8(ascii: "\"")))
        guard case .tokens(_, _, mayEnd: true) = one.allowed() else {
            Issue.record("the place was lost")
            return
        }
    }
}
