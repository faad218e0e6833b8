import ModelFiles
import OrderedJSON
import QwenModel
import Randomness
import TensorCore
import Testing

/// Fresh weights with norms and biases scattered too, so that no part of the model is neutral.
struct ScatteredWeights: WeightSource {
    let base: InitializedWeights
    var path: String { base.path }
    var configuration: JSONValue { base.configuration }

    func weight(named name: String) throws(ModelFileError) -> StoredTensor? {
        guard let tensor = try base.weight(named: name), tensor.shape.count == 1 else {
            return try base.weight(named: name)
        }
        var dice = Dice(UInt64(name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xFFFF))
        let values = zip(try tensor.floats(), dice.floats(tensor.count, 0.3)).map { $0 + $1 }
        return StoredTensor(
            name: name, shape: tensor.shape, type: .float32,
            file: MappedFile(copying: values.withUnsafeBytes { Array($0) }, path: path), offset: 0)
    }
}

/// A small model of odd sizes for laws that need no reference.
struct LawCase: CustomTestStringConvertible, Sendable {
    enum Family: String, CaseIterable { case windowed, normalized, mixture }
    /// What an adapter is made of: low-rank factors, magnitudes besides, or weights of its own besides.
    enum Adaptation: String { case factors, magnitudes, weights }

    let family: Family
    let precision: ElementType
    let adaptation: Adaptation?

    var isAdapted: Bool { adaptation != nil }

    static let all = [
        (Family.windowed, [nil, .factors, .weights]), (.normalized, [nil, .factors, .magnitudes]),
        (.mixture, [nil, .magnitudes, .weights]),
    ].flatMap { (family: Family, adaptations: [Adaptation?]) in
        [ElementType.float32, .bfloat16].flatMap { precision in
            adaptations.map { LawCase(family: family, precision: precision, adaptation: $0) }
        }
    }

    var testDescription: String { "\(family) \(precision)\(adaptation.map { " with \($0)" } ?? "")" }

    static let vocabulary = 203

    /// Qwen2 with three queries a key and a window over some layers, tied; Qwen3 with padded heads, untied; and Qwen3 with
    /// experts in all blocks but one.
    static func configuration(_ family: Family) -> JSONValue {
        switch family {
        case .windowed:
            [
                "model_type": "qwen2", "vocab_size": 203, "hidden_size": 96, "intermediate_size": 100,
                "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2, "initializer_range": 0.15,
                "tie_word_embeddings": true, "use_sliding_window": true, "sliding_window": 37, "max_window_layers": 1,
            ]
        case .normalized:
            [
                "model_type": "qwen3", "vocab_size": 203, "hidden_size": 72, "intermediate_size": 130, "head_dim": 24,
                "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 1, "attention_bias": true,
                "initializer_range": 0.15,
            ]
        case .mixture:
            [
                "model_type": "qwen3_moe", "vocab_size": 203, "hidden_size": 56, "intermediate_size": 70,
                "head_dim": 16,
                "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.15,
                "num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 22, "norm_topk_prob": true,
                "mlp_only_layers": [1],
            ]
        }
    }

    static func source(_ family: Family) throws -> ScatteredWeights {
        ScatteredWeights(base: try InitializedWeights(configuration: configuration(family), path: "fresh", seed: 5))
    }

    static func model(_ family: Family, _ precision: ElementType) throws -> QwenModel {
        try QwenModel(source(family), precision: precision)
    }

    /// An adapter on every layer, the vocabulary projection included, with random A and B.
    static func trainable(
        _ model: QwenModel, seed: UInt64, _ adaptation: Adaptation = .factors
    ) throws -> TrainableAdapter {
        let names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "gate", "lm_head"]
        var configuration = AdapterConfiguration(r: 5, loraAlpha: 7, targetModules: .names(names))
        configuration.useDora = adaptation == .magnitudes
        if adaptation == .weights {
            configuration.modulesToSave = ["embed_tokens", "lm_head", "norm", "k_proj", ".gate"]
        }
        let result = try TrainableAdapter(configuration, model: model, seed: seed)
        var dice = Dice(seed)
        let values = result.parameters.values
        for (place, change) in dice.floats(values.count, 0.1).enumerated() { values.floats[place] += change }
        return result
    }

    /// Runs a test with each kind of kernels that the processor has.
    func forEachKernel(_ body: (QwenModel, Adapter?) throws -> Void) throws {
        let model = try Self.model(family, precision)
        let adapter = isAdapted ? try Self.trainable(model, seed: 1, adaptation ?? .factors).snapshot() : nil
        // Other tests run beside this one: the choice must be this thread's alone.
        for level in ComputeDevice.KernelLevel.allCases {
            _ = try ComputeDevice.with(level) { try body(model, adapter) }
        }
    }
}

/// Groups whose prompts and completions end before, at and after the ends of pages.
func lawGroups(_ dice: inout Dice) -> [TokenBatch.Group] {
    [(1, [1, 3, 33]), (31, [2, 0, 1, 40]), (32, [5, 2]), (33, [31, 32]), (50, [14, 15, 16, 70])].map {
        prompt, completions in
        TokenBatch.Group(
            prompt: dice.tokens(prompt, below: LawCase.vocabulary),
            completions: completions.map { dice.tokens($0, below: LawCase.vocabulary) })
    }
}

/// Log-probability and entropy of every completion's tokens, by group and completion.
///
/// - Parameter seeds: With a pass, what each log-probability's gradient is, by group and completion.
func completionLogProbs(
    _ groups: [TokenBatch.Group], model: QwenModel, adapter: Adapter?, parameters: ParameterSet? = nil,
    recomputation: QwenModel.Recomputation = .blocks, seeds: [[[Float]]] = []
) -> [[[Float]]] {
    let (batch, pageCount, predictors) = TokenBatch.packing(groups, adapter: adapter, groupSize: model.groupSize)
    let pass = parameters.map { GradientPass(parameters: $0, units: batch.units) }
    let hidden = model.hiddenStates(
        batch, pages: model.makePages(pageCount, layers: 1), pass: pass, recomputation: recomputation)
    let targets = groups.flatMap { $0.completions.flatMap { $0.map { Int32($0) } } }
    let y = model.logProbs(
        hidden, rows: predictors.flatMap { $0.flatMap { $0 } }, targets: targets, temperature: 0.8, batch: batch,
        pass: pass)
    if pass != nil {
        y.backward(seed: Tensor(seeds.flatMap { $0.flatMap { $0.flatMap { [$0, 0.01] } } }, shape: y.shape))
    }
    let values = y.toArray()
    var start = 0
    return groups.map { group in
        group.completions.map { completion in
            defer { start += 2 * completion.count }
            return Array(values[start..<start + 2 * completion.count])
        }
    }
}
