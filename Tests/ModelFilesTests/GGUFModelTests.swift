import ModelFiles
import OrderedJSON
import Testing

@Suite("Qwen models in GGUF files")
struct GGUFModelTests {
    static let models = ["qwen2-f16", "qwen2-mixed", "qwen3-bf16-q8", "qwen3moe"]

    @Test(
        "tensors of whole models: shape, type, first and last row, sums",
        .enabled(if: ReferenceFile.isPresent, "no reference data beside the package"), arguments: models)
    func tensors(name: String) throws {
        let file = try GGUFFile(path: "\(ReferenceFile.folder)/\(name).gguf")
        let expected = try #require(try ReferenceFile.json("\(name).expected.json")["tensors"]?.objectValue)
        let rows = try ReferenceTensors("\(name).expected.safetensors")
        #expect(file.tensorNames.sorted() == expected.keys.sorted())
        for (key, facts) in expected {
            let tensor = try #require(file.tensors[key])
            #expect(tensor.type.rawValue == facts["type"]?.stringValue)
            #expect(tensor.shape == facts["shape"]?.arrayValue?.compactMap(\.intValue))
            let values = try tensor.floats()
            let width = tensor.shape.last ?? 1
            #expect(bits(values.prefix(width)) == rows.floats("first_row.\(key)").map { bits($0) }, "\(key)")
            #expect(bits(values.suffix(width)) == rows.floats("last_row.\(key)").map { bits($0) }, "\(key)")
            let sum = values.reduce(0.0) { $0 + Double($1) }
            let magnitude = values.reduce(0.0) { $0 + Double(abs($1)) }
            #expect(abs(sum - (facts["sum"]?.doubleValue ?? .nan)) < 1e-9 * magnitude, "\(key)")
            #expect(abs(magnitude - (facts["abs_sum"]?.doubleValue ?? .nan)) < 1e-9 * magnitude, "\(key)")
        }
    }

    @Test(
        "the configuration says what the model's own config.json says",
        .enabled(if: ReferenceFile.isPresent, "no reference data beside the package"), arguments: models)
    func configuration(name: String) throws {
        let model = try GGUFModel(path: "\(ReferenceFile.folder)/\(name).gguf")
        let config = model.configuration
        let expected = try #require(try ReferenceFile.json("\(name).expected.json")["config"]?.objectValue)
        let renamed = ["num_local_experts": "num_experts"]
        let absent = [
            "attention_dropout", "bos_token_id", "eos_token_id", "initializer_range", "layer_types",
            "max_window_layers",
            "output_router_logits", "pad_token_id", "router_aux_loss_coef", "sliding_window", "transformers_version",
            "use_cache", "rope_parameters",
        ]
        for (key, value) in expected where !absent.contains(key) {
            let got = try #require(config[renamed[key] ?? key], "\(key)")
            #expect(got == value || got.doubleValue == value.doubleValue && got.doubleValue != nil, "\(key): \(got)")
        }
        #expect(config["rope_theta"]?.doubleValue == expected["rope_parameters"]?["rope_theta"]?.doubleValue)
        #expect(config["rope_scaling"] == nil)
        #expect(config["head_dim"]?.intValue == expected["head_dim"]?.intValue ?? 64)
        #expect(model.unknownTensors.isEmpty)
        let names = Set(model.tensors.keys)
        #expect(names.isSuperset(of: ["model.embed_tokens.weight", "model.norm.weight"]))
        #expect(names.contains("lm_head.weight") == (config["tie_word_embeddings"] == false))
        let tokenizer = try GGUFTokenizer(model.file)
        #expect(tokenizer.tokens.count == 400)
        #expect(tokenizer.merges.count == 110)
        #expect(tokenizer.merges.first == "Ġ t")
        #expect(tokenizer.kinds.count == 400)
        #expect(tokenizer.eosTokenID == 368)
        #expect(tokenizer.paddingTokenID == 366)
        #expect(tokenizer.preTokenizer == "qwen2")
        #expect(tokenizer.chatTemplate?.hasPrefix("{%- if tools %}") == true)
    }

    @Test("names go to Hugging Face and back")
    func names() {
        let pairs = [
            "blk.3.attn_q.weight": "model.layers.3.self_attn.q_proj.weight",
            "blk.3.attn_k.bias": "model.layers.3.self_attn.k_proj.bias",
            "blk.30.attn_v.bias": "model.layers.30.self_attn.v_proj.bias",
            "blk.0.attn_output.weight": "model.layers.0.self_attn.o_proj.weight",
            "blk.0.attn_q_norm.weight": "model.layers.0.self_attn.q_norm.weight",
            "blk.0.attn_k_norm.weight": "model.layers.0.self_attn.k_norm.weight",
            "blk.0.attn_norm.weight": "model.layers.0.input_layernorm.weight",
            "blk.0.ffn_norm.weight": "model.layers.0.post_attention_layernorm.weight",
            "blk.0.ffn_gate.weight": "model.layers.0.mlp.gate_proj.weight",
            "blk.0.ffn_up.weight": "model.layers.0.mlp.up_proj.weight",
            "blk.0.ffn_down.weight": "model.layers.0.mlp.down_proj.weight",
            "blk.0.ffn_gate_inp.weight": "model.layers.0.mlp.gate.weight",
            "token_embd.weight": "model.embed_tokens.weight",
            "output_norm.weight": "model.norm.weight",
            "output.weight": "lm_head.weight",
        ]
        for (gguf, huggingFace) in pairs {
            #expect(GGUFTensorNames.huggingFaceName(gguf) == huggingFace)
            #expect(GGUFTensorNames.ggufName(huggingFace) == gguf)
        }
        for name in [
            "", "blk", "blk.0.attn_q", "blk.00.attn_q.weight", "blk.+1.attn_q.weight", "blk.-1.attn_q.weight",
            "blk.0.attn_norm.bias", "blk.0.attn_q.weight.x", "blk.99999999999999999999.attn_q.weight",
            "rope_freqs.weight",
            "blk.0.ffn_up_exps.weight",
        ] {
            #expect(GGUFTensorNames.huggingFaceName(name) == nil, "\(name)")
        }
        for name in ["", "model.layers.", "model.layers.0", "model.layers.0.weight", "model.layers.01.mlp.gate.weight"]
        {
            #expect(GGUFTensorNames.ggufName(name) == nil, "\(name)")
        }
        #expect(GGUFTensorNames.stackedExperts("blk.7.ffn_down_exps.weight")?.layer == 7)
        #expect(GGUFTensorNames.stackedExperts("blk.7.ffn_down_exps.weight")?.projection == "down_proj")
        #expect(GGUFTensorNames.stackedExperts("blk.7.ffn_down.weight")?.layer == nil)
    }

    @Test("stacked experts come apart, each with its own rows")
    func experts() throws {
        let model = try GGUFModel(GGUFBuilder.tinyModel().open())
        let whole = try #require(model.file.tensors["blk.0.ffn_up_exps.weight"])
        let second = try #require(model.tensors["model.layers.0.mlp.experts.1.up_proj.weight"])
        #expect(second.shape == [2, 4])
        #expect(bits(try second.floats()) == Array(bits(try whole.floats()).suffix(8)))
        #expect(second.name == "blk.0.ffn_up_exps.weight[1]")
        #expect(model.configuration["num_experts"] == 2)
        #expect(model.configuration["tie_word_embeddings"] == true)
        #expect(model.configuration["architectures"] == ["Qwen3MoeForCausalLM"])
    }

    @Test("rotary scaling is told as config.json tells it")
    func ropeScaling() throws {
        var builder = GGUFBuilder.tinyModel("qwen3")
        builder["qwen3.rope.scaling.type"] = .string("none")
        #expect(try GGUFModel(builder.open()).configuration["rope_scaling"] == nil)
        builder["qwen3.rope.scaling.type"] = .string("linear")
        builder["qwen3.rope.scaling.factor"] = .float32(4)
        let linear = try GGUFModel(builder.open()).configuration["rope_scaling"]
        #expect(linear == ["rope_type": "linear", "factor": 4.0])
        builder["qwen3.rope.scaling.type"] = .string("yarn")
        builder["qwen3.rope.scaling.original_context_length"] = .uint32(32768)
        builder["qwen3.rope.scaling.yarn_attn_factor"] = .float32(1.1)
        builder["qwen3.rope.scaling.yarn_beta_fast"] = .float32(32)
        builder["qwen3.rope.scaling.yarn_beta_slow"] = .float32(1)
        builder["qwen3.rope.scaling.yarn_ext_factor"] = .float32(1)
        let yarn = try GGUFModel(builder.open()).configuration["rope_scaling"]
        #expect(
            yarn == [
                "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768, "attention_factor": 1.1,
                "beta_fast": 32.0, "beta_slow": 1.0,
            ])
    }

    @Test(
        "a published model opens whole",
        .enabled(if: ReferenceFile.realModel != nil, "TOUCHSTONE_REAL_MODEL names no .gguf file"))
    func realModel() throws {
        let model = try GGUFModel(path: try #require(ReferenceFile.realModel))
        let tokenizer = try GGUFTokenizer(model.file)
        #expect(tokenizer.tokens.count <= model.configuration["vocab_size"]?.intValue ?? 0)
        #expect(!tokenizer.merges.isEmpty)
        #expect(model.unknownTensors.isEmpty)
        for tensor in model.tensors.values {
            var row = [Float](repeating: .nan, count: tensor.shape.last ?? 1)
            for start in [0, tensor.count - row.count] {
                try row.withUnsafeMutableBufferPointer { try tensor.readFloats(start..<start + $0.count, into: $0) }
                #expect(!row.contains { !$0.isFinite }, "\(tensor.name)")
            }
        }
    }
}
