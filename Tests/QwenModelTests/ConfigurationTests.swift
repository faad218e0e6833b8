import Foundation
import OrderedJSON
import QwenModel
import Testing

extension QwenTests {
    @Suite("Configurations")
    struct Configurations {
        /// A configuration with some keys changed; `.null` counts as absent.
        static func changed(_ changes: JSONObject, family: LawCase.Family = .windowed) -> JSONValue {
            var object = LawCase.configuration(family).objectValue ?? [:]
            for (key, value) in changes { object[key] = value }
            return .object(object)
        }

        private static func sizes(_ key: String, limit: Int) -> [(JSONObject, String)] {
            let values: [JSONValue] = [
                0, -1, .integer(limit + 1), .integer(.max), 1.5, .double(.nan), 1e300, "8", true, [],
            ]
            return values.map {
                ([key: $0], "c.json: \(key) is \($0.text()), expected a whole number from 1 to \(limit)")
            }
        }

        static let faults: [(JSONObject, String)] =
            sizes("vocab_size", limit: 16_777_216) + sizes("hidden_size", limit: 131_072)
            + sizes("intermediate_size", limit: 1_048_576) + sizes("num_hidden_layers", limit: 4096)
            + sizes("num_attention_heads", limit: 4096) + sizes("num_key_value_heads", limit: 4096)
            + sizes("head_dim", limit: 1024) + sizes("max_position_embeddings", limit: 67_108_864)
            + sizes("sliding_window", limit: 67_108_864)
            + ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"].map {
                (
                    [$0: .null],
                    "c.json: \($0) is missing; is this the config.json of a Qwen2 or Qwen3 language model?"
                )
            }
            + ["rms_norm_eps", "rope_theta"].flatMap { key -> [(JSONObject, String)] in
                let values: [JSONValue] = [0, -1, 1e-60, 1e60, .double(.infinity), .double(.nan), "1", false]
                return values.map { ([key: $0], "c.json: \(key) is \($0.text()), expected a positive number") }
            }
            + ["attention_bias", "tie_word_embeddings", "use_sliding_window"].map {
                ([$0: 1], "c.json: \($0) is 1, expected true or false")
            } + [
                (
                    ["num_key_value_heads": 4],
                    "c.json: num_key_value_heads 4 must divide num_attention_heads 6 into at most 32 a group"
                ),
                (
                    ["num_attention_heads": 66, "num_key_value_heads": 2],
                    "c.json: num_key_value_heads 2 must divide num_attention_heads 66 into at most 32 a group"
                ),
                (
                    ["hidden_size": 97], "c.json: head_dim is missing and 6 heads do not divide 97"
                ),
                (["head_dim": 15], "c.json: head_dim 15 is odd"),
                (["rope_theta": 0.5], "c.json: rope_theta is 0.5, expected a number above 1"),
                (["rope_scaling": "yarn"], #"c.json: rope_scaling is "yarn", expected an object"#),
                (["rope_parameters": [1]], "c.json: rope_parameters is [1], expected an object"),
                (["rope_scaling": ["type": 3]], "c.json: type is 3, expected a text"),
                (
                    ["rope_scaling": ["rope_type": "yarn"]],
                    "c.json: rope_scaling.factor is missing, expected at least 1"
                ),
                (
                    ["rope_parameters": ["rope_type": "yarn", "factor": 0.5]],
                    "c.json: rope_parameters.factor is 0.5, expected at least 1"
                ),
                (
                    ["rope_scaling": ["type": "yarn", "factor": .double(.nan)]],
                    "c.json: factor is \(JSONValue.double(.nan).text()), expected a positive number"
                ),
                (
                    ["rope_scaling": ["type": "yarn", "factor": 4, "original_max_position_embeddings": 0]],
                    "c.json: original_max_position_embeddings is 0, expected a whole number from 1 to 67108864"
                ),
                (
                    ["rope_scaling": ["type": "yarn", "factor": 4, "attention_factor": -1]],
                    "c.json: attention_factor is -1, expected a positive number"
                ),
                (
                    ["rope_scaling": ["type": "yarn", "factor": 4, "beta_fast": 0]],
                    "c.json: beta_fast is 0, expected a positive number"
                ),
                (["max_window_layers": "2"], #"c.json: max_window_layers is "2", expected a whole number"#),
                (
                    ["layer_types": ["full_attention"]],
                    "c.json: layer_types must hold 3 times sliding_attention or full_attention"
                ),
                (
                    ["layer_types": ["full_attention", "full_attention", "linear_attention"]],
                    "c.json: layer_types must hold 3 times sliding_attention or full_attention"
                ),
                (["eos_token_id": "x"], #"c.json: eos_token_id is "x", expected a token's number or a list of them"#),
                (
                    ["eos_token_id": [1, -2]],
                    "c.json: eos_token_id is [1,-2], expected a token's number or a list of them"
                ),
                (["hidden_act": 3], "c.json: hidden_act is 3, expected a text"),
            ]

        @Test("impossible values are refused with key, value and expectation", arguments: faults.indices)
        func impossible(index: Int) {
            let (changes, message) = Self.faults[index]
            let error = #expect(throws: QwenModelError.self, "\(message)") {
                try QwenConfiguration(Self.changed(changes), path: "c.json")
            }
            #expect(error?.code == .invalidConfiguration && error?.message == message)
        }

        @Test(
            "what is sound but not supported says so",
            arguments: [
                (
                    ["model_type": "llama"],
                    "c.json: model_type is 'llama', expected 'qwen2', 'qwen3' or 'qwen3_moe' (Qwen2, Qwen2.5, QwQ, Qwen3)"
                ),
                (
                    ["model_type": .null],
                    "c.json: model_type is '', expected 'qwen2', 'qwen3' or 'qwen3_moe' (Qwen2, Qwen2.5, QwQ, Qwen3)"
                ),
                (
                    ["model_type": "qwen2_moe"],
                    "c.json: models with a shared expert (qwen2_moe) are not supported; qwen3_moe models are"
                ),
                (
                    ["rope_scaling": ["type": "longrope"]],
                    "c.json: rotary scaling of type 'longrope' is not supported; 'default' and 'yarn' are"
                ),
                (["hidden_act": "gelu"], "c.json: hidden_act is 'gelu'; Qwen models use 'silu'"),
            ] as [(JSONObject, String)])
        func unsupported(changes: JSONObject, message: String) {
            let error = #expect(throws: QwenModelError.self) {
                try QwenConfiguration(Self.changed(changes), path: "c.json")
            }
            #expect(error?.code == .unsupported && error?.message == message)
        }

        @Test("what a config.json leaves out is as in transformers; both spellings mean the same")
        func defaults() throws {
            let plain = try QwenConfiguration(
                Self.changed(["use_sliding_window": .null, "tie_word_embeddings": .null]), path: "c")
            #expect(plain.headDim == 16 && plain.rmsNormEpsilon == 1e-6 && plain.rope.theta == 10000)
            #expect(plain.attentionBias && !plain.outputBias && !plain.qkNorm && !plain.tieWordEmbeddings)
            #expect(plain.windows == [0, 0, 0] && plain.eosTokenIDs == [])
            let normalized = try QwenConfiguration(Self.changed(["head_dim": .null], family: .normalized), path: "c")
            #expect(normalized.headDim == 128 && normalized.qkNorm && normalized.outputBias)
            #expect(try QwenConfiguration(Self.changed([:]), path: "c").windows == [0, 37, 37])

            let yarn: JSONObject = ["factor": 4.0, "original_max_position_embeddings": 64]
            var (old, new) = (yarn, yarn)
            old["type"] = "yarn"
            new["rope_type"] = "yarn"
            new["rope_theta"] = 500_000.0
            let hub = Self.changed(["rope_theta": 500_000.0, "rope_scaling": .object(old), "eos_token_id": 7])
            let five = Self.changed([
                "rope_parameters": .object(new), "eos_token_id": [7],
                "layer_types": ["full_attention", "sliding_attention", "sliding_attention"],
            ])
            #expect(try QwenConfiguration(hub, path: "c") == QwenConfiguration(five, path: "c"))
        }

        @Test("YaRN's frequencies on contexts of real models equal those of transformers 5.23")
        func yarn() throws {
            let cases: [(JSONObject, width: JSONValue, factor: Float, frequencies: [Int: Float])] = [
                (
                    ["rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768], 128, 1.138_629_436,
                    [
                        8: 0.177_827_939_391, 23: 0.006_978_305_988, 28: 0.001_848_276_588, 33: 0.000_450_323_569,
                        38: 9.262_301_319e-05, 43: 2.326_430_149e-05, 63: 3.102_344_408e-07,
                    ]
                ),
                (
                    [
                        "rope_theta": 1e4, "factor": 2.5, "original_max_position_embeddings": 4096, "beta_fast": 24.0,
                        "beta_slow": 1.5, "attention_factor": 1.1,
                    ], 80, 1.1,
                    [
                        13: 0.050_118_725_747, 18: 0.012_922_977_097, 23: 0.002_930_017_887, 28: 0.000_633_957_330,
                        38: 6.339_573_883e-05,
                    ]
                ),
            ]
            for (parameters, width, factor, frequencies) in cases {
                var rope = parameters
                rope["rope_type"] = "yarn"
                let c = try QwenConfiguration(
                    Self.changed(["head_dim": width, "rope_parameters": .object(rope)]), path: "c")
                let (inverse, attention) = c.rope.frequencies(headDim: c.headDim)
                #expect(abs(attention - factor) < 1e-6)
                for (index, expected) in frequencies {
                    #expect(abs(inverse[index] - expected) <= 1e-6 * expected, "\(width.text()), \(index)")
                }
            }
        }

        @Test("20,000 damaged config.json files give an error or a configuration whose frequencies can be computed")
        func fuzz() {
            var dice = Dice(20)
            let texts = [
                Self.changed(["rope_theta": 1e6, "rms_norm_eps": 1e-6, "eos_token_id": [1, 2]]),
                Self.changed(["rope_scaling": ["type": "yarn", "factor": 4.0, "beta_fast": 32]], family: .normalized),
                Self.changed(["layer_types": ["full_attention", "sliding_attention", "sliding_attention"]]),
            ].map { Array($0.text().utf8) }
            let spice = Array(#"0123456789.-+eE"{}[],:truefalsenull\"#.utf8)
            let values: [JSONValue] = [
                .null, 0, -1, 1, 2, 3, .integer(.max), .integer(.min), 1e308, 1e-308, .double(.infinity), "yarn", true,
                [], [1, 2], [:], ["type": "yarn", "factor": 1e30],
                ["rope_type": "yarn", "factor": 2, "beta_slow": 1e-30],
            ]
            var (read, refused) = (0, 0)
            for round in 0..<20_000 {
                var text = texts[dice.integer(0..<texts.count)]
                var json: JSONValue?
                if round % 2 == 0 {
                    for _ in 0..<dice.integer(1..<4) {
                        let place = dice.integer(0..<text.count)
                        switch dice.integer(0..<3) {
                        case 0: text[place] = spice[dice.integer(0..<spice.count)]
                        case 1: text.insert(spice[dice.integer(0..<spice.count)], at: place)
                        default: text.remove(at: place)
                        }
                    }
                    json = try? JSONValue(parsing: text)
                } else if var object = (try? JSONValue(parsing: text))?.objectValue {
                    for _ in 0..<dice.integer(1..<4) {
                        let key = object.keys[dice.integer(0..<object.count)]
                        object[key] = values[dice.integer(0..<values.count)]
                    }
                    json = .object(object)
                }
                guard let json, let configuration = try? QwenConfiguration(json, path: "c") else {
                    refused += 1
                    continue
                }
                let (inverse, factor) = configuration.rope.frequencies(headDim: configuration.headDim)
                let isSound = inverse.allSatisfy { $0.isFinite && $0 >= 0 } && factor.isFinite && factor > 0
                #expect(isSound && inverse.count == configuration.headDim / 2, "\(json.text())")
                read += 1
            }
            #expect(read > 1000 && refused > 1000, "\(read) read, \(refused) refused")
        }
    }
}
