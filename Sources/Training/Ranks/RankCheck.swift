import Distribution
import InferenceCore
import ModelFiles
import QwenModel
import Randomness
import TensorCore

/// Proves that all ranks compute the same bits: before the first step with everything that results depend on, and between
/// steps with what is trained.
public struct RankCheck {
    private let ranks: RankGroup

    /// A check of some ranks.
    public init(_ ranks: RankGroup) { self.ranks = ranks }

    /// Compares kernels, and what they make of made-up tokens with a model that is only used.
    ///
    /// - Throws: `TrainingError` (`ranks`) naming the ranks that differ, and in what.
    public func compare(_ model: QwenModel, adapter: Adapter?) throws {
        guard ranks.count > 1 else { return }
        try compare(
            [
                ("the kernels", "\(ComputeDevice.kernelLevel)"),
                ("generated tokens", try Self.generated(model, adapter: adapter)),
            ], remedy: Self.remedy)
    }

    /// Compares recipe, model, data and kernels, and what the kernels make of a small made-up batch.
    ///
    /// - Throws: `TrainingError` (`ranks`) naming the ranks that differ, and in what.
    func compare(_ provenance: Provenance, _ trainer: any Trainer, model: LoadedModel) throws {
        guard ranks.count > 1 else { return }
        var recipe = ContentDigest()
        recipe.update(provenance.recipe)
        var facts = [("the recipe", recipe.hexadecimal), ("the kernels", provenance.kernels)]
        for (name, digest) in provenance.digests.sorted(by: { $0.key < $1.key }) { facts.append((name, digest)) }
        facts.append(("the step", "\(trainer.state.step)"))
        facts += try results(trainer, model: model.model)
        try compare(facts, remedy: Self.remedy)
    }

    private static let remedy =
        "give all ranks the same program, recipe, model and data; where processors differ, "
        + "--kernels avx2 makes them compute alike"

    /// Compares what is trained.
    ///
    /// - Throws: `TrainingError` (`ranks`)
    func compare(_ parameters: ParameterSet, step: Int) throws {
        guard ranks.count > 1 else { return }
        try compare(
            [("the trained numbers after step \(step)", Self.digest(parameters.values))],
            remedy: "a rank's memory or processor may be faulty; go on from the newest checkpoint without it")
    }

    private func compare(_ facts: [(name: String, value: String)], remedy: String) throws {
        var message = MessageWriter()
        message.add(facts.count)
        for fact in facts {
            message.add(fact.name)
            message.add(fact.value)
        }
        let all = try ranks.exchange(message.bytes).map { bytes in
            var reader = MessageReader(bytes)
            var facts: [String: String] = [:]
            for _ in 0..<max(0, try reader.integer()) { facts[try reader.text()] = try reader.text() }
            return facts
        }
        var faults: [String] = []
        for rank in 1..<ranks.count {
            let names = Set(all[0].keys).union(all[rank].keys).sorted().filter { all[0][$0] != all[rank][$0] }
            guard !names.isEmpty else { continue }
            let differences = names.map { name in
                "\(name) (\(Self.short(all[rank][name])) instead of \(Self.short(all[0][name])))"
            }
            faults.append("\(ranks.name(of: rank)): \(differences.joined(separator: ", "))")
        }
        guard !faults.isEmpty else { return }
        throw TrainingError(
            .ranks,
            "not all ranks would compute the same as \(ranks.name(of: 0)): \(faults.joined(separator: "; ")); \(remedy)"
        )
    }

    private static func short(_ value: String?) -> String { value.map { String($0.prefix(16)) } ?? "none" }

    /// Made-up tokens of a sequence.
    private static func tokens(_ count: Int, _ sequence: Int, of model: QwenModel) -> [Int] {
        let address = RandomAddress(seed: 1, purpose: .sampling, step: 0, prompt: 0, sample: sequence)
        return (0..<count).map { Int(address.uniform(at: $0) * Double(model.configuration.vocabularySize - 1)) }
    }

    /// A digest of what is generated behind a made-up prompt: a prompt at once, and tokens one by one.
    private static func generated(_ model: QwenModel, adapter: Adapter?) throws -> String {
        let request = GenerationRequest(
            prompt: tokens(37, 0, of: model),
            samples: (0..<3).map { RandomAddress(seed: 1, purpose: .sampling, step: 1, prompt: 0, sample: $0) },
            adapter: adapter, parameters: SamplingParameters(temperature: 1), maxNewTokens: 5, endTokens: [])
        return try Engine(model: model, maxBatch: 3).generate([request]).map(\.contentDigest).joined()
    }

    /// What every family of kernels makes of made-up tokens: generation, a forward and a backward pass.
    private func results(_ trainer: any Trainer, model: QwenModel) throws -> [(String, String)] {
        let unit = TrainingUnit(
            group: TokenBatch.Group(
                prompt: Self.tokens(37, 0, of: model),
                completions: [Self.tokens(23, 1, of: model), Self.tokens(9, 2, of: model)]))
        let set = trainer.parameters.set
        let generated = try Self.generated(model, adapter: trainer.adapter)
        let loss = try CrossEntropy(model: model, limits: PassLimits(tokens: 512))(
            [unit], adapter: trainer.adapter, parameters: set)
        defer { set.clearGradients() }
        return [
            ("generated tokens", generated), ("the forward pass", String(loss.loss.bitPattern, radix: 16)),
            ("the backward pass", Self.digest(set.gradients)),
        ]
    }

    /// A digest of numbers' bits, for comparing only: pieces are mixed side by side.
    private static func digest(_ values: Tensor) -> String {
        let piece = 1 << 16
        var digests = [UInt64](repeating: 0, count: (values.count + piece - 1) / piece)
        digests.withUnsafeMutableBufferPointer { digests in
            nonisolated(unsafe) let digests = digests
            parallelFor(values.count, pieces: piece) { range in
                var mixed: UInt64 = 0xCBF2_9CE4_8422_2325
                for index in range {
                    mixed = (mixed ^ UInt64(values.floats[index].bitPattern)) &* 0x9E37_79B9_7F4A_7C15
                    mixed ^= mixed >> 29
                }
                digests[range.lowerBound / piece] = mixed
            }
        }
        return String(digests.reduce(0) { ($0 ^ $1) &* 0x9E37_79B9_7F4A_7C15 }, radix: 16)
    }
}
