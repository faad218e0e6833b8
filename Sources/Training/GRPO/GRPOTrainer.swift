import InferenceCore
import ModelFiles
import QwenModel
import Recipes
import Rewards

/// Group relative policy optimisation: rollouts, rewards, advantages, loss, optimizer.
///
/// The log-probabilities recorded while sampling are the old ones of the objective: generation and training share one
/// forward pass, so at the first update of a step the importance ratio is exactly 1 (`rollout_logprob_gap` is 0).
public final class GRPOTrainer: Trainer {
    /// What a trainer is made of.
    public struct Parts: Sendable {
        /// Where prompts come from.
        public var prompts: PromptSource
        /// How completions are drawn.
        public var sampler: RolloutSampler
        /// What they are worth.
        public var rewards: RewardSet
        /// How much better than their group they are.
        public var advantages: AdvantageEstimator
        /// What is minimised, and how it is computed.
        public var update: PolicyUpdate
        /// How parameters move.
        public var optimizer: ParameterOptimizer
        /// Prompts of a step.
        public var promptsPerStep: Int
        /// Optimizer passes over each batch of rollouts.
        public var updatesPerRollout = 1
        /// Whether completions that ran into the length limit are left out of the loss.
        public var masksTruncated = false
        /// Completions generated at the same time.
        public var maxBatch: Int

        /// Parts; see the properties.
        public init(
            prompts: PromptSource, sampler: RolloutSampler, rewards: RewardSet, advantages: AdvantageEstimator,
            update: PolicyUpdate, optimizer: ParameterOptimizer, promptsPerStep: Int, maxBatch: Int
        ) {
            self.prompts = prompts
            self.sampler = sampler
            self.rewards = rewards
            self.advantages = advantages
            self.update = update
            self.optimizer = optimizer
            self.promptsPerStep = promptsPerStep
            self.maxBatch = maxBatch
        }
    }

    /// What the trainer is made of.
    public let parts: Parts
    /// What is trained.
    public let parameters: TrainedParameters
    /// What a checkpoint holds besides the parameters.
    public private(set) var state: TrainerState
    /// The adapter that the next step generates with; `nil` when every parameter is trained.
    public private(set) var adapter: Adapter?
    private let signal: StopSignal
    private let publish: (Adapter) -> Void
    private let engine: Engine

    /// A trainer.
    ///
    /// - Parameter state: Where to go on; the beginning unless given.
    /// - Parameter signal: Ends an unfinished step when a stop is asked for.
    /// - Parameter publish: Is given the adapter at the start and after each step, for example to serve it.
    public init(
        _ parts: Parts, parameters: TrainedParameters, state: TrainerState? = nil, signal: StopSignal = StopSignal(),
        publish: @escaping (Adapter) -> Void = { _ in }
    ) {
        self.parts = parts
        self.parameters = parameters
        self.state = state ?? TrainerState(parameterCount: parameters.set.count)
        self.signal = signal
        self.publish = publish
        engine = Engine(model: parts.update.model, maxBatch: parts.maxBatch)
        adapter = parameters.install()
        if let adapter { publish(adapter) }
    }

    /// Takes a step: generates groups of completions, scores them, and moves the parameters.
    public nonisolated(nonsending) func step() async throws -> StepResult {
        let watch = Stopwatch()
        var next = state
        let (prompts, skipped) = try parts.prompts.next(parts.promptsPerStep, from: &next.position)
        let rollout = try await engine.scoredGroups(
            prompts, step: state.step, sampler: parts.sampler, rewards: parts.rewards, adapter: adapter, signal: signal)
        let advantages = parts.advantages(rollout.groups.rewardTable)
        let groups = policyGroups(rollout.groups, advantages.values)

        let updateWatch = Stopwatch()
        var updates: [PolicyUpdateRecord] = []
        for pass in 0..<parts.updatesPerRollout {
            // Once the parameters have moved, the step is finished whatever comes.
            let result = try gradient(groups, isFirst: pass == 0)
            let norm = try parts.optimizer.advance(parameters.set, state: &next.optimizer, step: state.step)
            adapter = parameters.install()
            updates.append(PolicyUpdateRecord(result: result, gradientNorm: norm))
        }
        let learningRate = parts.optimizer.schedule.rate(at: state.step)
        next.step += 1
        next.tokenCount += rollout.groups.tokenCount
        state = next
        if let adapter { publish(adapter) }

        let times = StepTimes(
            generate: rollout.generateSeconds, reward: rollout.rewardSeconds, update: updateWatch.seconds,
            total: watch.seconds)
        let report = GRPOReport(
            groups: rollout.groups, advantages: advantages, updates: updates, skippedPrompts: skipped,
            learningRate: learningRate, tokenCount: state.tokenCount, times: times)
        return StepResult(metrics: report.metrics, completions: report.records(step: state.step))
    }

    /// The gradient of the objective; nothing is left behind when it can't be computed.
    ///
    /// - Parameter isFirst: Whether the parameters are those of the rollout: then the log-probabilities must be the
    ///   recorded ones, bit for bit.
    private func gradient(_ groups: [PolicyGroup], isFirst: Bool) throws(TrainingError) -> PolicyUpdateResult {
        do throws(TrainingError) {
            let signal = isFirst ? signal : StopSignal()
            let result = try parts.update.accumulate(
                groups, adapter: adapter, parameters: parameters.set, signal: signal)
            guard !isFirst || result.logProbGap == 0 else {
                throw TrainingError(
                    .mismatch,
                    "step \(state.step + 1): log-probabilities differ by up to \(result.logProbGap) from those recorded "
                        + "in the rollout, expected not at all; did the kernels change, or is memory faulty? Please report it"
                )
            }
            return result
        } catch {
            parameters.set.clearGradients()
            throw error
        }
    }

    private func policyGroups(_ groups: [ScoredGroup], _ advantages: [Float]) -> [PolicyGroup] {
        var advantages = advantages[...]
        return groups.map { group in
            PolicyGroup(
                prompt: group.prompt.tokens,
                samples: group.completions.map { completion in
                    PolicySample(
                        tokens: completion.tokens, oldLogProbs: completion.logProbs,
                        advantage: advantages.popFirst() ?? 0,
                        isMasked: parts.masksTruncated && completion.finishReason == .length)
                })
        }
    }
}

extension GRPOTrainer {
    /// Parameters and counters.
    public var savedState: SavedState {
        ["parameters": .group(parameters.set.savedState), "state": .group(state.savedState)]
    }

    /// Goes on where another trainer of the recipe was.
    public func restore(_ saved: SavedState) throws {
        try parameters.set.restore(saved.group("parameters"))
        try state.restore(saved.group("state"))
        adapter = parameters.install()
        if let adapter { publish(adapter) }
    }

    /// Generates one completion of the coming step again, alone: a row's numbers don't depend on its batch.
    ///
    /// - Parameter prompt: Which of the step's prompts, from 0.
    /// - Parameter sample: Which of its completions, from 0.
    /// - Throws: `TrainingError` (`data`) if the step has no such completion.
    public func rollout(prompt: Int, sample: Int) throws -> (prompt: EncodedPrompt, completion: Completion) {
        var position = state.position
        let (prompts, _) = try parts.prompts.next(parts.promptsPerStep, from: &position)
        guard prompts.indices.contains(prompt), (0..<parts.sampler.groupSize).contains(sample) else {
            throw TrainingError(
                .data,
                "step \(state.step + 1) has prompts 0…\(prompts.count - 1) with samples 0…\(parts.sampler.groupSize - 1), "
                    + "not prompt \(prompt) with sample \(sample)")
        }
        var request = parts.sampler.requests(prompts, step: state.step, adapter: adapter, signal: signal)[prompt]
        request.samples = [request.samples[sample]]
        guard let completion = try engine.generate([request]).first, !signal.isSet else {
            throw TrainingError.interrupted
        }
        return (prompts[prompt], completion)
    }
}

extension GRPOTrainer.Parts {
    /// The parts of a recipe.
    ///
    /// - Parameter reference: The model of the KL penalty where every parameter is trained.
    public init(_ recipe: Recipe, model: LoadedModel, data: DataSet, rewards: RewardSet, reference: QwenModel? = nil) {
        let rollout = recipe.rollout
        let context = model.model.configuration.maxPositionEmbeddings
        let longest = max(1, context - rollout.maxNewTokens)
        let sampling = SamplingParameters(
            temperature: rollout.temperature, topK: rollout.topK, topP: rollout.topP, minP: rollout.minP,
            repetitionPenalty: rollout.repetitionPenalty)
        self.init(
            prompts: PromptSource(
                data: data,
                encoder: PromptEncoder(
                    model, enableThinking: rollout.enableThinking,
                    limit: min(longest, rollout.maxPromptTokens ?? longest))),
            sampler: RolloutSampler(
                model, parameters: sampling, groupSize: rollout.completionsPerPrompt,
                maxNewTokens: rollout.maxNewTokens, stop: rollout.stop, seed: recipe.seed, purpose: .sampling),
            rewards: rewards, advantages: AdvantageEstimator(recipe, weights: rewards.entries.map(\.weight)),
            update: PolicyUpdate(
                objective: PolicyObjective(recipe.algorithm), model: model.model, reference: reference,
                temperature: sampling.logProbTemperature, limits: PassLimits(recipe.batch),
                maxCompletionLength: rollout.maxNewTokens),
            optimizer: ParameterOptimizer(recipe, totalSteps: recipe.steps ?? 0),
            promptsPerStep: rollout.promptsPerStep,
            maxBatch: rollout.maxBatch > 0 ? rollout.maxBatch : rollout.promptsPerStep * rollout.completionsPerPrompt)
        updatesPerRollout = recipe.algorithm.updatesPerRollout
        masksTruncated = recipe.algorithm.maskTruncated
    }
}
