import ConstrainedDecoding
import OrderedJSON
import Testing
import Tokenization

@testable import Serving

@Suite("Structured answers", .serialized)
struct StructuredAnswerTests {
    private static let schema = """
        {"type": "object", "required": ["name", "age"], "properties": {"name": {"type": "string", "maxLength": 8},
         "age": {"type": "integer", "minimum": 0, "maximum": 130}, "tags": {"type": "array", "maxItems": 2,
         "items": {"enum": ["a", "b"]}}}}
        """

    private static func body(_ seed: Int, temperature: Double = 2) throws -> JSONObject {
        let format: JSONObject = [
            "type": "json_schema",
            "json_schema": ["name": "person", "strict": true, "schema": try JSONValue(parsing: schema)],
        ]
        return [
            "model": "tiny", "messages": [["role": "user", "content": "Who?"]], "seed": .integer(seed),
            "temperature": .double(temperature), "max_tokens": 400, "response_format": .object(format),
        ]
    }

    @Test("an answer under a schema is one, whether the model thinks first or not")
    func schema() async throws {
        let bench = try Workbench()
        var (stopped, thoughts) = (0, 0)
        for seed in 0..<24 {
            var body = try Self.body(seed, temperature: seed % 2 == 0 ? 2 : 0.8)
            body["enable_thinking"] = .bool(seed % 4 < 2)
            let choice = try await bench.answer(.object(body))["choices"]?[0]
            let message = choice?["message"]
            if message?["reasoning_content"] != nil { thoughts += 1 }
            guard choice?["finish_reason"] == "stop" else {
                #expect(choice?["finish_reason"] == "length")
                continue
            }
            stopped += 1
            let value = try JSONValue(parsing: message?["content"]?.stringValue ?? "")
            let age = try #require(value["age"]?.intValue)
            #expect((0...130).contains(age))
            #expect((value["name"]?.stringValue?.unicodeScalars.count ?? 99) <= 8)
            let keys = Set(value.objectValue?.keys ?? [])
            #expect(keys.isSubset(of: ["name", "age", "tags"]))
        }
        #expect(stopped > 5, "\(stopped)")
        #expect(thoughts > 0)
    }

    @Test("any object, in a plain completion too, and the pieces of a stream make the whole")
    func object() async throws {
        let bench = try Workbench()
        for seed in 0..<8 {
            let body: JSONValue = [
                "model": "tiny", "prompt": "JSON:", "seed": .integer(seed), "max_tokens": 300, "temperature": 1.5,
                "response_format": ["type": "json_object"],
            ]
            let choice = try await bench.answer(body, chat: false)["choices"]?[0]
            let text = choice?["text"]?.stringValue ?? ""
            if choice?["finish_reason"] == "stop" { #expect(try JSONValue(parsing: text).objectValue != nil) }
            var streamed = body.objectValue ?? [:]
            streamed["stream"] = true
            let pieces = try await bench.pieces(.object(streamed), chat: false)
            #expect(pieces.compactMap { $0["choices"]?[0]?["text"]?.stringValue }.joined() == text)
        }
    }

    @Test("what does not go with a form is refused")
    func refusals() async throws {
        let bench = try Workbench()
        func message(_ change: (inout JSONObject) -> Void) async throws -> String {
            var body = try Self.body(1)
            change(&body)
            do {
                _ = try await bench.answer(.object(body))
                return "served"
            } catch { return (error as? ServingError)?.message ?? "\(error)" }
        }
        let why = "it would end the JSON before its end; leave it out where 'response_format' is given"
        #expect(try await message { $0["stop"] = "x" } == "'stop' is \"x\": \(why)")
        #expect(try await message { $0["stop_token_ids"] = [3] } == "'stop_token_ids' is a list of 1: \(why)")
        #expect(try await message { $0["ignore_eos"] = true } == "'ignore_eos' is true: \(why)")
        #expect(
            try await message { $0["tools"] = [["type": "function"]] }
                == "'tools' and 'response_format' exclude each other: a call would not fit the format; "
                + "set 'tool_choice' to \"none\"")
        #expect(
            try await message { $0["response_format"] = ["type": "xml"] }
                == "'response_format' is of type \"xml\", expected \"text\", \"json_object\" or \"json_schema\"")
        #expect(
            try await message { $0["response_format"] = ["type": "json_schema"] }
                == "'response_format.json_schema.schema' is missing, expected a JSON Schema")
        #expect(
            try await message {
                $0["response_format"] = ["type": "json_schema", "json_schema": ["schema": ["oneOf": []]]]
            } == "'response_format': the schema has 'oneOf', which answers can't be held to; leave it out")
    }

    @Test("an echoed prompt has the log-probabilities that its tokens would have had as an answer")
    func echo() async throws {
        let bench = try Workbench()
        let answer = try await bench.answer(
            [
                "model": "tiny", "prompt": "1 + 1 =", "max_tokens": 9, "seed": 2, "logprobs": 1,
                "return_token_ids": true,
            ],
            chat: false)
        let choice = answer["choices"]?[0]
        let tokens = (answer["prompt_token_ids"]?.arrayValue ?? []) + (choice?["token_ids"]?.arrayValue ?? [])
        let prompt = answer["prompt_token_ids"]?.arrayValue?.count ?? 0
        for limit in [0, 1] {
            let echo = try await bench.answer(
                [
                    "model": "tiny", "prompt": .array(tokens), "max_tokens": .integer(limit), "echo": true, "seed": 2,
                    "logprobs": 1,
                ], chat: false)
            let told = echo["choices"]?[0]?["logprobs"]
            let logProbs = told?["token_logprobs"]?.arrayValue ?? []
            #expect(logProbs.count == tokens.count + limit)
            #expect(logProbs.first == .null && told?["top_logprobs"]?[0] == .null)
            #expect(told?["top_logprobs"]?.arrayValue?.dropFirst().allSatisfy { $0.objectValue?.count == 1 } == true)
            #expect(
                Array(logProbs[prompt..<tokens.count]) == choice?["logprobs"]?["token_logprobs"]?.arrayValue,
                "the same bits")
            #expect(echo["usage"]?["completion_tokens"]?.intValue == limit)
            #expect(
                echo["choices"]?[0]?["text"]?.stringValue?
                    .hasPrefix("1 + 1 =" + (choice?["text"]?.stringValue ?? "")) == true)
        }
        let pieces = try await bench.pieces(
            ["model": "tiny", "prompt": "1 + 1 =", "max_tokens": 3, "seed": 2, "echo": true, "stream": true],
            chat: false)
        #expect(pieces.first?["choices"]?[0]?["text"]?.stringValue?.hasPrefix("1 + 1 =") == true)
    }
}
