import Foundation
import OrderedJSON
import QwenModel
import TensorCore
import Testing
import Tokenization

@testable import Recipes
@testable import Training

/// Which tokens supervised training learns, and that it learns them.
@Suite("Supervised training", .enabled(if: TestModel.isThere, "reference data beside the package is missing"))
struct SFTTrainerTests {
    @Test("four samples are learned by heart", arguments: ["lora", "none"])
    func overfitting(kind: String) async throws {
        let recipe = try TestModel.recipe(
            [
                "data.train.count=4", "sft.batch_size=4", "adapter.kind=\(kind)", "optimizer.learning_rate=0.01",
                "batch.tokens=50",
            ],
            kind: "sft")
        let model = try TestModel.load()
        let trainer = SFTTrainer(
            try SFTTrainer.Parts(recipe, model: model, data: try DataSet.load(recipe).train),
            parameters: try TrainedParameters(recipe, model: model))
        var losses: [Double] = []
        for _ in 0..<60 { losses.append(try await trainer.step().metrics["loss"]?.doubleValue ?? .nan) }
        #expect((losses.last ?? .nan) < 0.05, "\(losses)")
        #expect((losses.first ?? 0) > 2)
        #expect(trainer.state.position == 240)
    }

    @Test("epochs end with their rows: the last step has what is left")
    func epochs() async throws {
        let recipe = try TestModel.recipe(
            ["data.train.count=5", "sft.batch_size=4", "sft.epochs=1.4", "steps=null"], kind: "sft")
        let model = try TestModel.load()
        let parts = try SFTTrainer.Parts(recipe, model: model, data: try DataSet.load(recipe).train)
        #expect(parts.totalRows == 7)
        #expect(try SFTTrainer.Parts.steps(recipe, data: parts.data).steps == 2)
        let trainer = SFTTrainer(parts, parameters: try TrainedParameters(recipe, model: model))
        _ = try await trainer.step()
        _ = try await trainer.step()
        #expect(trainer.state.position == 7)
    }

    @Test("a prompt's tokens are not learned, its completion's and the end token are")
    func completion() throws {
        let model = try TestModel.load()
        let unit = try unit(.completion(prompt: "What is 1 + 2?", completion: " 3"), model)
        let (prompt, answer) = (model.tokenizer.encode("What is 1 + 2?"), model.tokenizer.encode(" 3"))
        #expect(unit.group.prompt == prompt)
        #expect(unit.group.completions == [answer + [try #require(model.tokenizer.eosID)]])
        #expect(unit.learned == [Array(repeating: true, count: answer.count + 1)])
    }

    @Test("ids and mask are taken as they are, cut to the limit")
    func tokens() throws {
        let model = try TestModel.load()
        let content = DataRow.Content.tokens(
            ids: [5, 6, 7, 8, 9, 10], mask: [true, false, true, false, true, false])
        let unit = try unit(content, model)
        #expect(unit.group.prompt == [5, 6])
        #expect(unit.group.completions == [[7, 8, 9]])
        #expect(unit.learned == [[true, false, true]])
        #expect(try SFTEncoder(model.text, maxTokens: 4).units(row(content)).first?.group.completions == [[7]])
        #expect(try SFTEncoder(model.text, maxTokens: 2).units(row(content)).isEmpty)
        let all = try SFTEncoder(model.text, maxTokens: 9, learnsAll: true).units(row(content)).first
        #expect(all?.group.prompt == [5] && all?.learned == [[true, true, true, true, true]])
    }

    @Test("tokens that the model does not have are refused")
    func foreignTokens() throws {
        let model = try TestModel.load()
        let error = #expect(throws: TrainingError.self) {
            try SFTEncoder(model.text, maxTokens: 9).units(row(.tokens(ids: [5, 400], mask: [false, true])))
        }
        #expect(
            error?.message
                == "row 3: token id 400 is not below the model's vocabulary of 400; the tokenizer or the data belongs to another model"
        )
    }

    @Test(
        "each assistant's message is learned up to its end token, by marks or by difference",
        arguments: [
            "qwen2_5", "qwen2_5_training", "qwen3_training",
        ])
    func conversation(template: String) throws {
        let model = try templated(template)
        let messages: [JSONValue] = [
            message("user", "1 + 2"), message("assistant", "three"), message("user", "2 + 2"),
            message("assistant", "four"),
        ]
        let units = try SFTEncoder(model.text, maxTokens: 900).units(row(.messages(messages)))
        #expect(units.count == 1)
        let learned = try #require(units.first).learnedText(model)
        // TRL's templates for training mark line breaks too: behind the text, and for Qwen2.5 also before it.
        let expected =
            switch template {
            case "qwen2_5_training": "\nthree<|im_end|>\n\nfour<|im_end|>\n"
            case "qwen3_training": "three<|im_end|>\nfour<|im_end|>\n"
            default: "three<|im_end|>four<|im_end|>"
            }
        #expect(learned.replacing("<think>\n\n</think>\n\n", with: "") == expected)
    }

    @Test("where a template rewrites earlier messages, each one is learned as the model meets it")
    func rewriting() throws {
        let model = try templated("qwen3")
        let messages: [JSONValue] = [
            message("user", "1 + 2"), message("assistant", "<think>\nwell\n</think>\n\nthree"),
            message("user", "2 + 2"),
            message("assistant", "<think>\nhm\n</think>\n\nfour"),
        ]
        let units = try SFTEncoder(model.text, maxTokens: 900).units(row(.messages(messages)))
        #expect(
            units.map { $0.learnedText(model) } == [
                "<think>\nwell\n</think>\n\nthree<|im_end|>", "<think>\nhm\n</think>\n\nfour<|im_end|>",
            ])
        #expect(model.tokenizer.decode(units[1].group.prompt).contains("three"))
        #expect(!model.tokenizer.decode(units[1].group.prompt).contains("well"))
    }

    private func message(_ role: String, _ content: String) -> JSONValue {
        ["role": .string(role), "content": .string(content)]
    }

    private func row(_ content: DataRow.Content) -> DataRow {
        DataRow(index: 3, content: content, answer: nil, columns: [:])
    }

    private func unit(_ content: DataRow.Content, _ model: LoadedModel) throws -> TrainingUnit {
        try #require(try SFTEncoder(model.text, maxTokens: 900).units(row(content)).first)
    }

    private func templated(_ name: String) throws -> LoadedModel {
        let model = try TestModel.load()
        let file = ReferenceData.root.appendingPathComponent("chat/templates/\(name).jinja")
        let template = try ChatTemplate(source: String(contentsOf: file, encoding: .utf8))
        return LoadedModel(
            model: model.model, source: model.source, tokenizer: model.tokenizer, chatTemplate: template)
    }
}

extension TrainingUnit {
    /// The text of the learned tokens.
    func learnedText(_ model: LoadedModel) -> String {
        let tokens = zip(group.completions[0], learned?[0] ?? []).filter(\.1).map(\.0)
        return model.tokenizer.decode(tokens)
    }
}
