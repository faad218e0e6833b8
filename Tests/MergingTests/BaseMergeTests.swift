import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Testing

@testable import Merging

@Suite("Merging into a base", .enabled(if: Reference.isPresent, Reference.absence))
struct BaseMergeTests {
    private func merge(
        _ model: String, _ adapters: [(String, Double)], method: MergeMethod = .sum, untie: Bool = false
    ) throws -> BaseMerge {
        try BaseMerge(
            .folder(try HuggingFaceFolder(path: "\(Reference.models)/\(model)")),
            try adapters.map { try WeightedAdapter(path: "\(Reference.models)/\(model)/\($0.0)", weight: $0.1) },
            Combination(method), untie: untie)
    }

    @Test(
        "a merged base is PEFT's merge_and_unload",
        arguments: [
            ("qwen2_tied", "patterns"), ("qwen2_tied", "lora"), ("qwen2_tied", "dora"), ("qwen3_untied", "lora"),
            ("qwen3_untied", "dora"), ("qwen2_untied_gqa", "modules_to_save"),
        ])
    func mergeAndUnload(model: String, variant: String) throws {
        let folder = try TemporaryFolder()
        let merge = try merge(model, [("adapters/\(variant)", 1)])
        let report = try merge.write(to: folder.path + "/m", format: .safetensors)
        let result = try HuggingFaceFolder(path: folder.path + "/m")
        let expected = try SafetensorsFile(path: "\(Reference.models)/\(model)/adapters/\(variant)/merged.safetensors")
        for name in expected.names {
            let theirs = try #require(try expected.tensor(named: name)).floats()
            let ours = try #require(try result.tensor(named: name)).floats()
            #expect(worst(ours, theirs) <= 1e-5, "\(name)")
        }
        for name in merge.origin.tensorNames where expected.tensors[name] == nil {
            let kept = try #require(try merge.origin.tensor(named: name)).floats()
            #expect(try result.tensor(named: name)?.floats() == kept, "\(name)")
        }
        #expect(report.skipped == nil && report.effect > 0 && report.difference < 1e-4)
        #expect(report.sameLikeliest == report.probeTokens)
        #expect(folder.names == ["m"])
    }

    @Test(
        "logits of the merged model are those of the reference with the adapter", arguments: ["lora", "dora", "rslora"])
    func logits(variant: String) throws {
        let folder = try TemporaryFolder()
        _ = try merge("qwen3_untied", [("adapters/\(variant)", 1)]).write(to: folder.path + "/m", format: .safetensors)
        let model = try QwenModel(try HuggingFaceFolder(path: folder.path + "/m"), precision: .float32)
        let fixtures = try SafetensorsFile(
            path: "\(Reference.models)/qwen3_untied/adapters/\(variant)/fixtures.safetensors")
        let base = try SafetensorsFile(path: "\(Reference.models)/qwen3_untied/fixtures.safetensors")
        let expected = try #require(try fixtures.tensor(named: "logits"))
        let ids = try #require(try base.tensor(named: "input_ids"))
        let length = ids.shape[1]
        let prompt = ids.bytes.bindMemory(to: Int64.self).prefix(length).map { Int($0) }
        let (batch, pages, _) = TokenBatch.packing(
            [TokenBatch.Group(prompt: prompt, completions: [])], adapter: nil, groupSize: model.groupSize)
        let hidden = model.hiddenStates(batch, pages: model.makePages(pages, layers: 1))
        let logits = model.logits(hidden, rows: Array(0..<length), batch: batch).toArray()
        #expect(worst(logits, Array(try expected.floats().prefix(logits.count))) <= 1e-4)
    }

    @Test("several adapters add up: the sum of their updates with their weights")
    func sum() throws {
        let folder = try TemporaryFolder()
        let names = [("weighted/a", 0.5), ("weighted/b", -0.25), ("weighted/c", 1.5)]
        let merge = try merge("qwen2_tied", names)
        let report = try merge.write(to: folder.path + "/m", format: .safetensors)
        #expect(report.difference < 1e-4)
        let result = try HuggingFaceFolder(path: folder.path + "/m")
        let factors = "qwen2_tied/weighted/cat_three.safetensors"
        for (name, module) in merge.modules {
            let base = try #require(try merge.base(named: name))
            let a = try #require(try Reference.floats(factors, module + ".lora_A.weight"))
            let b = try #require(try Reference.floats(factors, module + ".lora_B.weight"))
            let rank = 14
            let product = Matrix(rows: b.count / rank, columns: rank, values: b)
                .product(Matrix(rows: rank, columns: a.count / rank, values: a))
            let expected = zip(try base.floats(), product.values).map { $0 + $1 }
            #expect(worst(try #require(try result.tensor(named: name)).floats(), expected) <= 1e-5, "\(name)")
        }
    }

    @Test("a merged GGUF file holds the same model", arguments: ["qwen2_tied", "qwen3_untied"])
    func gguf(model: String) throws {
        let folder = try TemporaryFolder()
        let merge = try merge(model, [("adapters/lora", 1)])
        let report = try merge.write(to: folder.path + "/m.gguf", format: .gguf)
        #expect(report.difference < 1e-4)
        _ = try merge.write(to: folder.path + "/m", format: .safetensors)
        let gguf = try GGUFModel(try GGUFFile(path: folder.path + "/m.gguf"))
        let plain = try HuggingFaceFolder(path: folder.path + "/m")
        for name in plain.tensorNames {
            #expect(try gguf.tensors[name]?.floats() == plain.tensor(named: name)?.floats(), "\(name)")
        }
    }

    @Test("shards are filled in order and found again")
    func shards() throws {
        let folder = try TemporaryFolder()
        let contents = try merge("qwen2_tied", [("adapters/lora", 1)]).contents()
        try contents.write(toFolder: folder.path + "/m", shardBytes: 100_000)
        let result = try HuggingFaceFolder(path: folder.path + "/m")
        #expect(Set(result.tensorNames) == Set(contents.items.map(\.name)))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/m")
        let shards = names.filter { $0.hasSuffix(".safetensors") }.sorted()
        #expect(shards.count > 2 && shards[0] == "model-00001-of-0000\(shards.count).safetensors")
    }

    @Test("rounding to half precision is judged by what the adapter does")
    func halves() throws {
        let folder = try TemporaryFolder()
        let merge = try merge("qwen3_untied", [("adapters/lora", 1)])
        let report = try merge.write(to: folder.path + "/h", format: .safetensors, type: .bfloat16)
        #expect(report.difference < report.effect && report.difference > 1e-4)
        let faint = try self.merge("qwen3_untied", [("adapters/lora", 1e-7)])
        #expect(throws: MergingError.self) {
            try faint.write(to: folder.path + "/f", format: .safetensors, type: .bfloat16)
        }
        #expect(folder.names == ["h"])
    }

    @Test("a tied head is untied only when asked, and then on its own")
    func tied() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/head"
        var configuration = AdapterConfiguration(r: 2, loraAlpha: 4, targetModules: .names(["lm_head"]))
        configuration.baseModelNameOrPath = "x"
        let base = try HuggingFaceFolder(path: "\(Reference.models)/qwen2_tied")
        let shape = try #require(try base.tensor(named: "model.embed_tokens.weight")).shape
        let weights = AdapterWeights(
            module: "lm_head", rank: 2, loraA: (0..<2 * shape[1]).map { Float($0 % 5) * 0.1 - 0.2 },
            loraB: (0..<2 * shape[0]).map { Float($0 % 7) * 0.1 - 0.3 })
        try AdapterFolder.write(configuration: configuration, weights: [weights], to: path)
        let adapter = try WeightedAdapter(path: path)
        #expect(throws: MergingError.self) { try BaseMerge(.folder(base), [adapter], Combination(.sum), untie: false) }
        let merge = try BaseMerge(.folder(base), [adapter], Combination(.sum), untie: true)
        for (name, format) in [("m", ModelFormat.safetensors), ("m.gguf", .gguf)] {
            let report = try merge.write(to: "\(folder.path)/\(name)", format: format)
            #expect(report.difference < 1e-4 && report.effect > 0.01)
        }
        let result = try HuggingFaceFolder(path: folder.path + "/m")
        #expect(result.config["tie_word_embeddings"]?.boolValue == false)
        #expect(
            try result.tensor(named: "model.embed_tokens.weight")?.floats()
                == base.tensor(named: "model.embed_tokens.weight")?.floats())
        #expect(
            try result.tensor(named: "lm_head.weight")?.floats()
                != base.tensor(named: "model.embed_tokens.weight")?.floats())
    }

    @Test("factors for fused experts merge as those of each expert, and not into another number of experts")
    func experts() throws {
        let folder = try TemporaryFolder()
        let report = try merge("qwen3_moe", [("adapters/target_parameters", 1)])
            .write(to: folder.path + "/m", format: .safetensors)
        // 2 sparse layers of 8 experts with 3 layers each, and q_proj and v_proj of 3 layers.
        #expect(report.changedTensors == 2 * 8 * 3 + 6 && report.difference < 1e-4 && report.effect > 0.01)
        let fixtures = try SafetensorsFile(
            path: "\(Reference.models)/qwen3_moe/adapters/target_parameters/fixtures.safetensors")
        let base = try SafetensorsFile(path: "\(Reference.models)/qwen3_moe/fixtures.safetensors")
        let ids = try #require(try base.tensor(named: "input_ids"))
        let prompt = ids.bytes.bindMemory(to: Int64.self).prefix(ids.shape[1]).map { Int($0) }
        let model = try QwenModel(try HuggingFaceFolder(path: folder.path + "/m"), precision: .float32)
        let (batch, pages, _) = TokenBatch.packing(
            [TokenBatch.Group(prompt: prompt, completions: [])], adapter: nil, groupSize: model.groupSize)
        let hidden = model.hiddenStates(batch, pages: model.makePages(pages, layers: 1))
        let logits = model.logits(hidden, rows: Array(prompt.indices), batch: batch).toArray()
        let expected = try #require(try fixtures.tensor(named: "logits")).floats()
        #expect(worst(logits, Array(expected.prefix(logits.count))) <= 1e-4)

        let other = try HuggingFaceFolder(path: "\(Reference.models)/qwen3_untied")
        let adapter = try WeightedAdapter(path: "\(Reference.models)/qwen3_moe/adapters/target_parameters")
        let error = #expect(throws: MergingError.self) {
            try BaseMerge(.folder(other), [adapter], Combination(.sum), untie: false)
        }
        #expect(error?.message.contains("has factors for 8 experts") == true, "\(error?.message ?? "")")
    }
}
