import InferenceCore
import ModelFiles
import QwenModel
import TensorCore
import Training

extension ModelBenchmark {
    /// Tokens a second of a gradient step: forward, backward to a LoRA adapter on every linear layer, AdamW. With the
    /// memory that recipes give by default, and with every block computed again.
    func train(sequences: Int, length: Int) throws -> [Timing] {
        let units = (0..<sequences).map { index in
            let tokens = tokens(length, sequence: index)
            return TrainingUnit(
                group: TokenBatch.Group(prompt: [tokens[0]], completions: [Array(tokens.dropFirst())]))
        }
        let count = Double(sequences * length)
        let kept = PassLimits(tokens: 8192)
        return try [("kept activations", kept), ("recomputation", PassLimits(tokens: 8192, activationBytes: 0))].map {
            name, limits in
            var learner = try Learner(model)
            let loss = CrossEntropy(model: model, limits: limits)
            MemoryUse.reset()
            let times = try repeated(runs) {
                _ = try loss(units, adapter: learner.adapter.snapshot(), parameters: learner.adapter.parameters)
                try learner.advance()
            }
            return Timing(
                "LoRA step, \(sequences) × \(length), \(name)", unit: "tokens/s", amount: count, seconds: times,
                least: work.gradient(tokens: count, predictions: count), peakBytes: MemoryUse.peakBytes)
        }
    }

    /// Answer tokens a second of the gradient of a group, its prompt computed once, and once for each answer.
    func sharing(prompt: Int, samples: Int, answer: Int) throws -> [Timing] {
        let learner = try Learner(model)
        let question = tokens(prompt, sequence: 0)
        let answers = (1...samples).map { tokens(answer, sequence: $0) }
        let shared = [PolicyGroup(prompt: question, samples: answers.enumerated().map { sample($1, index: $0) })]
        let apart = answers.enumerated().map { PolicyGroup(prompt: question, samples: [sample($1, index: $0)]) }
        let count = Double(samples * answer)
        return try [("shared prompt", shared, prompt), ("a prompt for each answer", apart, prompt * samples)].map {
            name, groups, promptTokens in
            let update = update(maxNew: answer)
            let times = try repeated(runs) {
                _ = try update.accumulate(
                    groups, adapter: learner.adapter.snapshot(), parameters: learner.adapter.parameters)
            }
            return Timing(
                "group of \(samples) × (\(prompt) + \(answer)), \(name)", unit: "answer tokens/s", amount: count,
                seconds: times, least: work.gradient(tokens: Double(promptTokens) + count, predictions: count))
        }
    }

    /// A whole step with made-up rewards: rollout with the adapter, gradient of the GRPO objective, AdamW.
    func policyStep(prompts: Int, samples: Int, promptLength: Int, new: Int) throws -> Timing {
        var learner = try Learner(model)
        let engine = Engine(model: model, maxBatch: prompts * samples)
        let update = update(maxNew: new)
        var (generation, gradient, optimizer) = ([Double](), [Double](), [Double]())
        MemoryUse.reset()
        let times = try repeated(runs) {
            let adapter = learner.adapter.snapshot()
            let requests = requests(
                prompts: prompts, samples: samples, length: promptLength, new: new, adapter: adapter)
            var completions: [Completion] = []
            generation.append(try seconds { completions = try engine.generate(requests) })
            let groups = requests.enumerated().map { index, request in
                PolicyGroup(
                    prompt: request.prompt,
                    samples: completions.filter { $0.request == index }.enumerated().map {
                        sample($1.tokens, index: $0, logProbs: $1.logProbs)
                    })
            }
            gradient.append(
                try seconds {
                    _ = try update.accumulate(groups, adapter: adapter, parameters: learner.adapter.parameters)
                })
            optimizer.append(try seconds { try learner.advance() })
        }
        let (tokens, prompted) = (Double(prompts * samples * new), Double(prompts * promptLength))
        let rows = Double(prompts * samples)
        return Timing(
            "GRPO step, \(prompts) × \(samples) × \(new)", unit: "new tokens/s", amount: tokens, seconds: times,
            least: work.pass(tokens: prompted, predictions: Double(prompts))
                + Double(new - 1) * work.pass(tokens: rows, predictions: rows)
                + work.gradient(tokens: prompted + tokens, predictions: tokens),
            peakBytes: MemoryUse.peakBytes,
            phases: [
                ("generation", Timing.median(Array(generation.dropFirst()))),
                ("gradient", Timing.median(Array(gradient.dropFirst()))),
                ("optimizer", Timing.median(Array(optimizer.dropFirst()))),
            ])
    }

    private func update(maxNew: Int) -> PolicyUpdate {
        PolicyUpdate(
            objective: .grpo(), model: model, temperature: 1, limits: PassLimits(tokens: 8192),
            maxCompletionLength: maxNew)
    }

    /// A sample whose advantage is never zero.
    private func sample(_ tokens: [Int], index: Int, logProbs: [Float]? = nil) -> PolicySample {
        PolicySample(tokens: tokens, oldLogProbs: logProbs, advantage: index % 2 == 0 ? 1 : -1)
    }
}

/// An adapter of rank 16 on every linear layer of the blocks, and its optimizer.
private struct Learner {
    let adapter: TrainableAdapter
    private let optimizer: ParameterOptimizer
    private var state: OptimizerState

    init(_ model: QwenModel) throws {
        let configuration = AdapterConfiguration(r: 16, loraAlpha: 32, targetModules: .allLinear)
        adapter = try TrainableAdapter(configuration, model: model, seed: 1)
        optimizer = ParameterOptimizer(
            rule: AdamW(),
            schedule: LearningRateSchedule(kind: .constant, baseRate: 1e-5, warmupSteps: 0, totalSteps: 1),
            maxGradientNorm: 1)
        state = OptimizerState()
    }

    mutating func advance() throws { _ = try optimizer.advance(adapter.parameters, state: &state, step: 0) }
}
