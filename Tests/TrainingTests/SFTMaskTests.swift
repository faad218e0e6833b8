import Foundation
import OrderedJSON
import QwenModel
import Testing
import Tokenization

@testable import Recipes
@testable import Training

/// Learned tokens of marked conversations against TRL's `assistant_masks`, with the real vocabulary.
@Suite(
    "Supervised masks",
    .enabled(
        if: ReferenceData.has("chat/rendered.jsonl")
            && ReferenceData.has("../tokenizers/qwen3-tokenizer/tokenizer.json"),
        "reference data beside the package is missing"))
struct SFTMaskTests {
    @Test("what a training template marks is learned, with the reference's ids")
    func marks() throws {
        let conversations = try ReferenceData.json("chat/conversations.json")
        let models = try Dictionary(
            uniqueKeysWithValues: ["qwen2_5_training", "qwen3_training"].map { ($0, try model(template: $0)) })
        var compared = 0
        for row in try ReferenceData.jsonLines("chat/rendered.jsonl") where row["assistant_mask"] != nil {
            let name = row["conversation"]?.stringValue ?? ""
            let conversation = conversations[name]
            let mask = (row["assistant_mask"]?.doubles ?? []).map { $0 == 1 }
            guard let model = models[row["template"]?.stringValue ?? ""], row["add_generation_prompt"] == false,
                conversation?["tools"] == nil, mask.contains(true),
                let messages = (conversation?["messages"] ?? conversation)?.arrayValue
            else { continue }
            let ids = (row["ids"]?.doubles ?? []).map { Int($0) }
            let data = DataRow(index: 0, content: .messages(messages), answer: nil, columns: [:])
            let units = try SFTEncoder(model.text, maxTokens: 100_000).units(data)
            let unit = try #require(units.first, "\(name)")
            #expect(units.count == 1 && ids.starts(with: unit.group.prompt + unit.group.completions[0]), "\(name)")
            let learned = unit.group.prompt.map { _ in false } + (unit.learned?[0] ?? [])
            #expect(mask.starts(with: learned) && !mask.dropFirst(learned.count).contains(true), "\(name)")
            compared += 1
        }
        #expect(compared > 40)
    }

    /// A model that is nothing but the real vocabulary.
    private func model(template: String) throws -> LoadedModel {
        let url = ReferenceData.root.appendingPathComponent("../tokenizers/qwen3-tokenizer").standardizedFileURL
        let file = ReferenceData.root.appendingPathComponent("chat/templates/\(template).jinja")
        let source = try InitializedWeights(
            configuration: [
                "model_type": "qwen3", "vocab_size": 151_936, "hidden_size": 8, "intermediate_size": 8,
                "num_hidden_layers": 1, "num_attention_heads": 1, "head_dim": 8, "tie_word_embeddings": true,
            ], path: "vocabulary", seed: 1)
        return LoadedModel(
            model: try QwenModel(source, precision: .float32), source: source, tokenizer: try Tokenizer(folder: url),
            chatTemplate: try ChatTemplate(source: String(contentsOf: file, encoding: .utf8)))
    }
}
