import Foundation
import OrderedJSON
import Testing
import Tokenization

@Suite(
    "Chat templates against transformers",
    .enabled(if: ChatTemplateFixtures.areThere, "the reference renderings ../shared/fixtures/chat are missing"))
struct ChatTemplateFixtureTests {
    static func variables(_ row: JSONValue) -> JSONObject {
        row["enable_thinking"].map { ["enable_thinking": $0] } ?? [:]
    }

    @Test("every rendering is the reference's, character for character, and raises where it raises")
    func renderings() throws {
        let templates = try ChatTemplateFixtures.templates()
        let conversations = try ChatTemplateFixtures.json("conversations.json")
        var count = 0
        for row in try ChatTemplateFixtures.lines("rendered.jsonl") {
            let name = try #require(row["template"]?.stringValue)
            let conversation = try #require(row["conversation"]?.stringValue)
            let given = try #require(conversations[conversation])
            let template = try #require(templates[name])
            let text = try? template.render(
                messages: try #require(given["messages"]), tools: given["tools"],
                addGenerationPrompt: row["add_generation_prompt"]?.boolValue ?? false, variables: Self.variables(row)
            ).text
            let expected = row["text"]?.stringValue
            #expect(text.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(name) \(conversation)")
            #expect((text == nil) == (row["error"] != nil), "\(name) \(conversation)")
            count += 1
        }
        #expect(count > 0)
    }

    @Test("a continued final message ends the text with its content")
    func continued() throws {
        let templates = try ChatTemplateFixtures.templates()
        let conversations = try ChatTemplateFixtures.json("conversations.json")
        for row in try ChatTemplateFixtures.lines("continue_final_message.jsonl") {
            let given = try #require(conversations[row["conversation"]?.stringValue ?? ""])
            let template = try #require(templates[row["template"]?.stringValue ?? ""])
            let rendering = try template.render(
                messages: try #require(given["messages"]), tools: given["tools"], continueFinalMessage: true)
            #expect(rendering.text == row["text"]?.stringValue)
        }
    }

    @Test(
        "the generation ranges select the tokens of the reference's assistant mask",
        .enabled(if: ChatTemplateFixtures.tokenizersAreThere, "../shared/tokenizers is missing"))
    func assistantMask() throws {
        let templates = try ChatTemplateFixtures.templates()
        let conversations = try ChatTemplateFixtures.json("conversations.json")
        let file = ChatTemplateFixtures.shared.appending(path: "tokenizers/qwen3-tokenizer/tokenizer.json")
        let tokenizer = try JSONValue(parsing: try Data(contentsOf: file))
        var lengths: [Int: Int] = [:]
        // In the byte-level vocabulary each scalar stands for one byte.
        for (token, id) in try #require(tokenizer["model"]?["vocab"]?.objectValue) {
            lengths[try #require(id.intValue)] = token.unicodeScalars.count
        }
        for token in try #require(tokenizer["added_tokens"]?.arrayValue) {
            lengths[try #require(token["id"]?.intValue)] = token["content"]?.stringValue?.utf8.count
        }
        var masked = 0
        for row in try ChatTemplateFixtures.lines("rendered.jsonl") {
            guard let mask = row["assistant_mask"]?.arrayValue, let ids = row["ids"]?.arrayValue else { continue }
            let given = try #require(conversations[row["conversation"]?.stringValue ?? ""])
            let template = try #require(templates[row["template"]?.stringValue ?? ""])
            let rendering = try template.render(messages: try #require(given["messages"]), tools: given["tools"])
            var place = 0
            var expected: [Int] = []
            for id in ids {
                let length = try #require(lengths[id.intValue ?? -1])
                let isLearned = rendering.generationRanges.contains {
                    $0.lowerBound < place + length && $0.upperBound > place
                }
                expected.append(isLearned ? 1 : 0)
                place += length
            }
            // Texts that normalisation changes have other places in the tokens than in the text.
            guard place == rendering.text.utf8.count else { continue }
            #expect(mask.map(\.intValue) == expected, "\(row["conversation"]?.stringValue ?? "")")
            masked += expected.reduce(0, +)
        }
        #expect(masked > 0)
    }

    @Test(
        "the templates inside the tokenizers' configurations render",
        .enabled(if: ChatTemplateFixtures.tokenizersAreThere, "../shared/tokenizers is missing"),
        arguments: ["qwen3-tokenizer", "qwen25-tokenizer"])
    func configurations(name: String) throws {
        let file = ChatTemplateFixtures.shared.appending(path: "tokenizers/\(name)/tokenizer_config.json")
        let configuration = try JSONValue(parsing: try Data(contentsOf: file))
        let template = try ChatTemplate(source: ChatTemplate.chooseSource(tokenizerConfiguration: configuration))
        let text = try template.render(messages: [["role": "user", "content": "Hi"]], addGenerationPrompt: true).text
        #expect(text.hasSuffix("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"))
    }
}
