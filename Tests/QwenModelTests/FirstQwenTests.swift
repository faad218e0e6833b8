import FileTesting
import Foundation
import ModelFiles
import OrderedJSON
import TensorCore
import Testing

@testable import QwenModel

extension QwenTests {
    @Suite("The first Qwen, of 2023")
    struct FirstQwenTests {
        /// Qwen2's configuration of the same computation.
        private static let modern: JSONValue = [
            "model_type": "qwen2", "vocab_size": 203, "hidden_size": 96, "intermediate_size": 50, "head_dim": 24,
            "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4, "initializer_range": 0.15,
            "rms_norm_eps": 1e-6, "rope_theta": 10000, "max_position_embeddings": 512,
        ]

        /// config.json as published: `intermediate_size` counts gate and up together.
        private static let published: JSONObject = [
            "architectures": ["QWenLMHeadModel"], "model_type": "qwen", "vocab_size": 203, "hidden_size": 96,
            "intermediate_size": 100, "kv_channels": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
            "initializer_range": 0.15, "layer_norm_epsilon": 1e-06, "rotary_emb_base": 10000, "rotary_pct": 1.0,
            "seq_length": 512, "max_position_embeddings": 32768, "no_bias": true, "scale_attn_weights": true,
            "tie_word_embeddings": false, "use_dynamic_ntk": true, "use_logn_attn": true, "attn_dropout_prob": 0.0,
        ]

        private static func source() throws -> ScatteredWeights {
            ScatteredWeights(base: try InitializedWeights(configuration: modern, path: "fresh", seed: 9))
        }

        /// Writes a folder as the first Qwen was published: `a = w1 x`, `b = w2 x`, `c_proj (a · silu(b))`.
        private static func write(to folder: String, _ configuration: JSONObject = published) throws {
            let source = try source()
            var tensors: [WritableTensor] = []
            func add(_ name: String, _ parts: [String]) throws {
                let stored = try parts.map { try #require(try source.weight(named: $0), "\($0)") }
                let rows = stored.reduce(0) { $0 + $1.shape[0] }
                tensors.append(
                    WritableTensor(
                        name: name, shape: [rows] + stored[0].shape.dropFirst(),
                        floats: try stored.flatMap { try $0.floats() }))
            }
            try add("transformer.wte.weight", ["model.embed_tokens.weight"])
            try add("transformer.ln_f.weight", ["model.norm.weight"])
            try add("lm_head.weight", ["lm_head.weight"])
            for layer in 0..<2 {
                let (old, new) = ("transformer.h.\(layer).", "model.layers.\(layer).")
                for kind in ["weight", "bias"] {
                    try add(old + "attn.c_attn.\(kind)", ["q", "k", "v"].map { new + "self_attn.\($0)_proj.\(kind)" })
                }
                for (name, part) in [
                    ("ln_1", "input_layernorm"), ("ln_2", "post_attention_layernorm"),
                    ("attn.c_proj", "self_attn.o_proj"), ("mlp.w1", "mlp.up_proj"), ("mlp.w2", "mlp.gate_proj"),
                    ("mlp.c_proj", "mlp.down_proj"),
                ] {
                    try add(old + name + ".weight", [new + part + ".weight"])
                }
            }
            tensors.append(
                WritableTensor(
                    name: "transformer.rotary_emb.inv_freq", shape: [12], floats: .init(repeating: 1, count: 12)))
            try SafetensorsWriter.write(tensors, to: folder + "/model.safetensors")
            try JSONValue.object(configuration).text().write(
                toFile: folder + "/config.json", atomically: false, encoding: .utf8)
        }

        @Test("a folder as published gives the logits of the same weights under Qwen2's names, bit for bit")
        func logits() throws {
            let folder = try TemporaryFolder()
            try Self.write(to: folder.path)
            let old = try QwenModel(HuggingFaceFolder(path: folder.path), precision: .float32)
            let new = try QwenModel(Self.source(), precision: .float32)
            var dice = Dice(51)
            let sequence = [dice.tokens(40, below: 203)]
            expectSameBits(
                Sequences(sequence, model: old).logits(old), Sequences(sequence, model: new).logits(new), "logits")
            #expect(old.configuration.maxPositionEmbeddings == 512 && old.configuration.eosTokenIDs == [151_643])
        }

        @Test("every tensor has a name of Qwen2's, queries, keys and values one each, and written anew it is a Qwen2")
        func names() throws {
            let folder = try TemporaryFolder()
            try Self.write(to: folder.path)
            let old = try HuggingFaceFolder(path: folder.path)
            let expected = try InitializedWeights(configuration: Self.modern, path: "fresh", seed: 9).weights.map(
                \.name)
            #expect(Set(old.tensorNames) == Set(expected) && old.tensorNames.count == expected.count)
            try ModelContents(.folder(old)).write(toFolder: folder.path + "/new")
            let new = try HuggingFaceFolder(path: folder.path + "/new")
            #expect(new.config["model_type"] == "qwen2" && new.config["intermediate_size"] == 50)
            let model = try QwenModel(new, precision: .float32)
            let reference = try QwenModel(Self.source(), precision: .float32)
            expectSameBits(
                Sequences([[1, 2, 3]], model: model).logits(model),
                Sequences([[1, 2, 3]], model: reference).logits(reference), "logits")
        }

        @Test(
            "what Qwen2 can't compute is refused",
            arguments: [
                ("no_bias", false, "no_bias is false, expected true, as Qwen published it"),
                ("rotary_pct", 0.25, "rotary_pct is 0.25, expected 1, as Qwen published it"),
                (
                    "quantization_config", ["bits": 4],
                    "the weights are quantised by GPTQ, which can't be read; take those without -Int4, -Int8"
                ),
                (
                    "intermediate_size", 99,
                    "intermediate_size is 99, expected an even number: gate and up are a half each"
                ),
            ] as [(String, JSONValue, String)])
        func refusals(key: String, value: JSONValue, message: String) throws {
            let folder = try TemporaryFolder()
            var configuration = Self.published
            configuration[key] = value
            try Self.write(to: folder.path, configuration)
            let error = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder.path) }
            #expect(error?.message == "\(folder.path): \(message)")
        }
    }

    @Suite("Fresh models")
    struct FreshModelTests {
        @Test("a folder written with fresh weights holds those of the seed")
        func written() throws {
            let folder = try TemporaryFolder()
            let configuration = LawCase.configuration(.mixture)
            try configuration.text().write(toFile: folder.path + "/config.json", atomically: false, encoding: .utf8)
            let weights = try InitializedWeights(configuration: configuration, path: folder.path, seed: 3)
            let shape = try HuggingFaceFolder(path: folder.path, hasWeights: false)
            try weights.contents(of: shape, type: .float32).write(toFolder: folder.path + "/model")
            let model = try HuggingFaceFolder(path: folder.path + "/model")
            #expect(model.tensorNames.count == weights.weights.count)
            for (name, shape) in weights.weights {
                let stored = try #require(try model.tensor(named: name), "\(name)")
                #expect(stored.shape == shape && stored.type == .float32)
                expectSameBits(try stored.floats(), try #require(try weights.weight(named: name)).floats(), name)
            }
            #expect(weights.storedType == .bfloat16)
        }
    }
}
