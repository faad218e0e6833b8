import OrderedJSON
import Testing

@testable import Rewards

@Suite("JSON Schema")
struct JSONSchemaTests {
    @Test(
        "a schema accepts what the standard says",
        arguments: [
            ("true", ["1"], []), ("false", [], ["1", "null"]), ("{}", ["1", "{}"], []),
            (#"{"type":"integer"}"#, ["1", "1.0", "-3"], ["1.5", "\"1\"", "true", "1e400"]),
            (#"{"type":["string","null"]}"#, ["\"a\"", "null"], ["1", "[]"]),
            (#"{"type":"number"}"#, ["1", "1.5"], ["null"]), (#"{"type":"object"}"#, ["{}"], ["[]"]),
            (#"{"enum":[1,"a",{"x":[1.0],"y":2}]}"#, ["1.0", "\"a\"", #"{"y":2,"x":[1]}"#], ["2", #"{"x":[1]}"#]),
            (#"{"const":null}"#, ["null"], ["0", "false"]),
            (#"{"minimum":1,"exclusiveMaximum":2}"#, ["1", "1.9", "\"a\""], ["0.9", "2"]),
            (#"{"exclusiveMinimum":1,"maximum":2}"#, ["2", "1.1"], ["1", "2.1"]),
            (#"{"multipleOf":0.1}"#, ["0.3", "1", "-0.7"], ["0.35"]),
            (#"{"minLength":2,"maxLength":3}"#, ["\"ab\"", "\"äöü\"", "1"], ["\"a\"", "\"abcd\""]),
            (#"{"pattern":"^a+$"}"#, ["\"aa\"", "1"], ["\"b\"", "\"\""]), (#"{"pattern":"b"}"#, ["\"abc\""], ["\"a\""]),
            (#"{"items":{"type":"integer"},"minItems":1}"#, ["[1]", "1"], ["[]", "[1,\"a\"]"]),
            (#"{"prefixItems":[{"type":"integer"}],"items":false}"#, ["[1]", "[]"], ["[1,2]", "[\"a\"]"]),
            (#"{"prefixItems":[{"type":"integer"}]}"#, ["[1,\"a\"]"], ["[\"a\"]"]),
            (#"{"uniqueItems":true}"#, ["[1,2]", "[[1],[2]]"], ["[1,1.0]", #"[{"a":1,"b":2},{"b":2,"a":1}]"#]),
            (#"{"uniqueItems":false}"#, ["[1,1]"], []),
            (
                #"{"properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}"#,
                [#"{"a":1}"#, "3"], ["{}", #"{"a":"x"}"#, #"{"a":1,"b":2}"#]
            ),
            (#"{"additionalProperties":{"type":"integer"}}"#, [#"{"a":1}"#], [#"{"a":"x"}"#]),
            (#"{"minProperties":1,"maxProperties":1}"#, [#"{"a":1}"#], ["{}", #"{"a":1,"b":1}"#]),
            (#"{"anyOf":[{"type":"integer"},{"minimum":5}]}"#, ["1", "7.5"], ["1.5"]),
            (#"{"oneOf":[{"type":"integer"},{"minimum":5}]}"#, ["1", "7.5"], ["7", "1.5"]),
            (#"{"allOf":[{"type":"integer"},{"minimum":5}]}"#, ["7"], ["1", "7.5"]),
            (#"{"not":{"type":"integer"}}"#, ["\"a\""], ["1"]),
            (
                ##"{"$defs":{"tree":{"properties":{"next":{"$ref":"#/$defs/tree"}},"additionalProperties":false}},"$ref":"#/$defs/tree"}"##,
                ["{}", #"{"next":{"next":{}}}"#], [#"{"next":{"x":1}}"#]
            ),
            (
                ##"{"properties":{"a":{"$ref":"#"}},"additionalProperties":false,"title":"t"}"##, [#"{"a":{"a":{}}}"#],
                [#"{"a":{"b":1}}"#]
            ),
        ] as [(String, [String], [String])])
    func accepts(schema: String, good: [String], bad: [String]) throws {
        let schema = try JSONSchema(JSONValue(parsing: schema))
        for text in good { #expect(schema.accepts(try JSONValue(parsing: text)), "\(text)") }
        for text in bad { #expect(!schema.accepts(try JSONValue(parsing: text)), "\(text)") }
    }

    @Test("schemas that call themselves over and over end, with no")
    func endless() throws {
        for text in [
            ##"{"$ref":"#"}"##, ##"{"not":{"$ref":"#"}}"##,
            ##"{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##,
        ] {
            let schema = try JSONSchema(JSONValue(parsing: text))
            _ = schema.accepts(1)
        }
        #expect(!(try JSONSchema(JSONValue(parsing: ##"{"$ref":"#"}"##)).accepts(1)))
    }

    @Test(
        "what is outside the subset is an error with its place",
        arguments: [
            ("3", "schema: #: expected a schema, an object or true or false"),
            (
                #"{"format":"date"}"#,
                "schema: #/format: this keyword is not supported; remove it, or check the rest with a plugin"
            ),
            (
                #"{"properties":{"a":{"if":true}}}"#,
                "schema: #/properties/a/if: this keyword is not supported; remove it, or check the rest with a plugin"
            ),
            (
                #"{"type":"int"}"#,
                "schema: #/type: expected one or several of array, boolean, integer, null, number, object, string"
            ),
            (
                #"{"type":[]}"#,
                "schema: #/type: expected one or several of array, boolean, integer, null, number, object, string"
            ),
            (#"{"enum":[]}"#, "schema: #/enum: expected a list with elements"),
            (#"{"required":[1]}"#, "schema: #/required: expected a list of names"),
            (#"{"minLength":-1}"#, "schema: #/minLength: expected a count"),
            (#"{"minimum":"1"}"#, "schema: #/minimum: expected a number"),
            (#"{"multipleOf":0}"#, "schema: #/multipleOf: expected a number > 0"),
            (#"{"uniqueItems":1}"#, "schema: #/uniqueItems: expected true or false"),
            (##"{"$ref":"http://x"}"##, "schema: #/$ref: expected a reference inside the schema, such as #/$defs/name"),
            (##"{"$ref":"#/$defs/a"}"##, "schema: #/$ref: '#/$defs/a' is not there; define it under $defs"),
            (#"{"$defs":1}"#, "schema: #/$defs: expected an object of schemas"),
        ])
    func faults(schema: String, message: String) throws {
        let value = try JSONValue(parsing: schema)
        let error = #expect(throws: RewardsError.self) { try JSONSchema(value) }
        #expect(error?.message == message)
        #expect(error?.code == .invalidSchema)
    }

    @Test("the reward reads the answer, also between fences, and schemas of rows")
    func reward() async throws {
        let schema = try JSONSchema(["type": "object"])
        let texts = [
            "<think>x</think>{}", "```json\n{}\n```", "```\n{}```", "``` json\n{}\n```", "{} x", "[]", "```",
            "```json```", "",
        ]
        let samples = texts.map { RewardSample(prompt: "", completion: $0) }
        #expect(
            await JSONSchemaReward(source: .fixed(schema)).score(samples).outcomes.map(\.score) == [
                1, 1, 1, 1, 0, 0, 0, 0, 0,
            ])
        let strict = JSONSchemaReward(source: .fixed(schema), allowsFence: false)
        #expect(await strict.score(samples).outcomes.map(\.score).prefix(2) == [1, 0])
        let rows =
            [["s": ["type": "integer"]], ["s": #"{"type":"integer"}"#], [:], ["s": "x"], ["s": ["format": 1]]]
            as [JSONObject]
        let outcomes = await JSONSchemaReward(source: .column("s")).score(
            rows.map { RewardSample(prompt: "", completion: "1", columns: $0) }
        ).outcomes
        #expect(outcomes.map(\.score) == [1, 1, nil, nil, nil])
        #expect(outcomes.map { $0.failure?.boundary } == [nil, nil, nil, .badRow, .badRow])
    }
}
