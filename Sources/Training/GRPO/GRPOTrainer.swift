import Distribution
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Recipes
import Rewards
import TensorCore

/// Group relative policy optimisation: rollouts, rewards, advantages, loss, optimizer.
///
/// The log-probabilities recorded while sampling are the old ones of the objective: generation and training share one
/// forward pass, so at the first update of a step the importance ratio is exactly 1 (`rollout_logprob_gap` is 0). Those of
/// another engine are not; the trainer then computes the old ones itself, and weighs the samples for the difference.
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
        /// Optimizer steps of each pass.
        public var miniBatches = 1
        /// Whether completions that ran into the length limit are left out of the loss.
        public var masksTruncated = false
        /// Rounds of sampling at most, where groups with equal rewards are replaced; `nil`: they are not.
        public var samplingRounds: Int?
        /// Which tasks come next, at the beginning; `nil`: the data's own order.
        public var curriculum: Curriculum?
        /// What a KL penalty pulls towards.
        public var reference: ReferencePolicy?
        /// The KL penalty that is taken from rewards; the loss has its own.
        public var rewardKL: KLPenalty?
        /// What makes up for a sampler whose log-probabilities are not the trainer's; `nil`: nothing.
        public var correction: RolloutCorrection?
        /// Completions generated at the same time.
        public var maxBatch: Int
        /// Tells which completions are right, for the curriculum and the metrics of each source.
        var checker: Checker { Checker(rewards) }

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
    /// The batch of the update that failed last, if one has.
    public private(set) var failedBatch: JSONObject?
    /// The adapter of the reference policy.
    private var referenceAdapter: Adapter?
    private let signal: StopSignal
    private let ranks: RankGroup
    private let engine: any RolloutEngine

    /// A trainer.
    ///
    /// - Parameter state: Where to go on; the beginning unless given.
    /// - Parameter signal: Ends an unfinished step when a stop is asked for.
    /// - Parameter ranks: Who takes the steps together.
    /// - Parameter engine: Where completions come from; `nil`: this process's own core.
    public init(
        _ parts: Parts, parameters: TrainedParameters, state: TrainerState? = nil, signal: StopSignal = StopSignal(),
        ranks: RankGroup = .alone, engine: (any RolloutEngine)? = nil
    ) {
        self.parts = parts
        self.parameters = parameters
        self.state = state ?? TrainerState()
        self.state.curriculum = state?.curriculum ?? parts.curriculum
        (self.signal, self.ranks) = (signal, ranks)
        self.engine = engine ?? Engine(model: parts.update.model, maxBatch: parts.maxBatch)
        adapter = parameters.install()
        if let values = state?.reference { parts.reference?.restore(values) }
        referenceAdapter = parts.reference?.install()
        self.state.reference = parts.reference?.values
    }

    /// Takes a step: generates groups of completions, scores them, and moves the parameters.
    public nonisolated(nonsending) func step() async throws -> StepResult {
        let (watch, idle, waited) = (Stopwatch(), IdleWatch(), ranks.waitingSeconds)
        var next = state
        OutOfMemory.advise("go on with --resume and a lower rollout.max_batch")
        try engine.adopt(parameters, adapter: adapter, step: state.step)
        let rollout = try await engine.rollout(
            parts, step: state.step, position: &next.position, curriculum: &next.curriculum, adapter: adapter,
            signal: signal, ranks: ranks)
        let statistics = parts.advantages(rollout.groups.rewardTable)
        OutOfMemory.advise("go on with --resume and a lower batch.activation_memory")
        var referenceWatch = Stopwatch()
        var groups = policyGroups(rollout.usedGroups)
        let mismatch = try weigh(&groups)
        let scoringSeconds = referenceWatch.lap()
        groups = try annotated(groups)
        let referenceSeconds = parts.reference == nil ? 0 : referenceWatch.lap()
        let advantages = parts.advantages(rollout.usedGroups.rewardTable, penalties: penalties(groups)).values
        groups.assign(advantages)

        let updateWatch = Stopwatch()
        let updates = try update(groups, &next.optimizer)
        let learningRate = parts.optimizer.schedule.rate(at: state.step)
        next.step += 1
        next.tokenCount += rollout.groups.tokenCount
        if let reference = parts.reference, reference.follow(parameters.set, after: next.step) {
            referenceAdapter = reference.install()
            next.reference = reference.values
        }
        state = next

        let times = StepTimes(
            generate: rollout.generateSeconds, reward: rollout.rewardSeconds,
            scoring: mismatch == nil ? nil : scoringSeconds, reference: referenceSeconds,
            update: updateWatch.seconds, total: watch.seconds, idle: idle.seconds,
            ranks: ranks.count > 1 ? ranks.waitingSeconds - waited : nil)
        return GRPOReport(
            curriculum: state.curriculum, rollout: rollout, statistics: statistics,
            advantages: rollout.spread(advantages, rest: 0), updates: updates,
            rewardKL: parts.rewardKL.map { $0.meanEstimate(groups) }, learningRate: learningRate,
            mismatch: mismatch, tokenCount: state.tokenCount, times: times
        ).result(step: state.step, parts)
    }

    /// The optimizer steps of a rollout; on failure nothing has changed but `failedBatch`.
    private func update(
        _ groups: [PolicyGroup], _ optimizer: inout OptimizerState
    ) throws(TrainingError) -> [PolicyUpdateRecord] {
        var updates = RolloutUpdates(parts, parameters: parameters, step: state.step, signal: signal, ranks: ranks)
        do throws(TrainingError) { try updates.run(groups, adapter: &adapter, optimizer: &optimizer) } catch {
            failedBatch = updates.failure?.record
            throw error
        }
        return updates.records
    }

    /// Computes the trainer's own log-probabilities where those of the sampler are others, and weighs the difference.
    ///
    /// - Returns: How large it is; `nil` where there is none.
    private func weigh(_ groups: inout [PolicyGroup]) throws(TrainingError) -> RolloutMismatch? {
        guard !engine.tellsOwnLogProbs else { return nil }
        let own = try groups.logProbs(
            parts.update.model, adapter: adapter, temperature: parts.update.temperature, limits: parts.update.limits,
            signal: signal, ranks: ranks)
        for (group, values) in zip(groups.indices, own) {
            for (sample, values) in zip(groups[group].samples.indices, values) {
                groups[group].samples[sample].samplingLogProbs = groups[group].samples[sample].oldLogProbs
                groups[group].samples[sample].oldLogProbs = values
            }
        }
        return RolloutMismatch(&groups, correction: parts.correction)
    }

    /// The groups with the reference's log-probabilities, where a KL penalty needs them.
    private func annotated(_ groups: [PolicyGroup]) throws(TrainingError) -> [PolicyGroup] {
        guard let reference = parts.reference else { return groups }
        return try reference.annotated(
            groups, adapter: referenceAdapter, temperature: parts.update.temperature,
            limits: parts.update.limits, signal: signal, ranks: ranks)
    }

    /// What each sample's reward loses.
    private func penalties(_ groups: [PolicyGroup]) -> [Double] {
        guard let kl = parts.rewardKL else { return [] }
        return groups.flatMap(\.samples).map {
            let (old, reference) = $0.chosenLogProbs
            return kl.rewardPenalty(logProbs: old, reference: reference)
        }
    }

    private func policyGroups(_ groups: [ScoredGroup]) -> [PolicyGroup] {
        groups.map { group in
            PolicyGroup(
                prompt: group.prompt.tokens,
                samples: group.completions.map { completion in
                    PolicySample(
                        tokens: completion.tokens, oldLogProbs: completion.logProbs, advantage: 0,
                        isMasked: parts.masksTruncated && completion.finishReason == .length,
                        inserted: completion.thought?.handOff ?? 0..<0)
                })
        }
    }
}

extension [PolicyGroup] {
    /// Gives each sample its advantage, in order.
    fileprivate mutating func assign(_ advantages: [Float]) {
        var advantages = advantages[...]
        for group in indices {
            for sample in self[group].samples.indices {
                self[group].samples[sample].advantage = advantages.popFirst() ?? 0
            }
        }
    }
}

extension KLPenalty {
    /// The mean estimate of the divergence over all tokens as they were sampled, nats.
    fileprivate func meanEstimate(_ groups: [PolicyGroup]) -> Double {
        let logProbs = groups.flatMap(\.samples).map(\.chosenLogProbs)
        let tokens = logProbs.reduce(0) { $0 + $1.old.count }
        let sum = logProbs.reduce(0) { $0 + rewardPenalty(logProbs: $1.old, reference: $1.reference) }
        return sum / coefficient / Double(Swift.max(tokens, 1))
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
        try state.optimizer.check(parts.optimizer.rule, parameterCount: parameters.set.count, saved.place)
        if let values = state.reference { parts.reference?.restore(values) }
        referenceAdapter = parts.reference?.install()
        adapter = parameters.install()
    }

    /// Generates one completion of the coming step again, alone: a row's numbers don't depend on its batch.
    ///
    /// - Parameter prompt: Which of the step's prompts, from 0.
    /// - Parameter sample: Which of its completions, from 0.
    /// - Throws: `TrainingError` (`data`) if the step has no such completion.
    public func rollout(prompt: Int, sample: Int) throws -> (prompt: EncodedPrompt, completion: Completion) {
        guard let engine = engine as? Engine else {
            throw TrainingError(
                .unsupported,
                "the run's completions came from elsewhere, where they can't be drawn again from their address")
        }
        var position = state.position
        let count = parts.promptsPerStep * (parts.samplingRounds ?? 1)
        guard (0..<count).contains(prompt), (0..<parts.sampler.groupSize).contains(sample) else {
            throw TrainingError(
                .data,
                "step \(state.step + 1) has prompts 0…\(count - 1) with samples 0…\(parts.sampler.groupSize - 1), "
                    + "not prompt \(prompt) with sample \(sample)")
        }
        // Later rounds of dynamic sampling go on in the same stream.
        var curriculum = state.curriculum
        let (prompts, _) = try parts.prompts.next(
            prompt + 1, step: state.step, from: &position, curriculum: &curriculum)
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
    /// - Parameter reference: What a KL penalty pulls towards; needed where the recipe has one.
    public init(
        _ recipe: Recipe, model: LoadedModel, data: DataSet, rewards: RewardSet, reference: ReferencePolicy? = nil
    ) {
        let rollout = recipe.rollout
        let context = model.model.configuration.maxPositionEmbeddings
        let longest = max(1, context - rollout.maxNewTokens)
        let sampling = SamplingParameters(
            temperature: rollout.temperature, topK: rollout.topK, topP: rollout.topP, minP: rollout.minP,
            repetitionPenalty: rollout.repetitionPenalty)
        self.init(
            prompts: PromptSource(
                data: data,
                encoder: PromptEncoder(model.text, limit: min(longest, rollout.maxPromptTokens ?? longest)),
                modes: ThinkingModes(share: rollout.thinkingShare, seed: recipe.seed)),
            sampler: RolloutSampler(
                model, parameters: sampling, groupSize: rollout.completionsPerPrompt,
                maxNewTokens: rollout.maxNewTokens, stop: rollout.stop,
                thought: ThoughtLimits(recipe, model.tokenizer), seed: recipe.seed, purpose: .sampling),
            rewards: rewards, advantages: AdvantageEstimator(recipe, weights: rewards.entries.map(\.weight)),
            update: PolicyUpdate(
                objective: PolicyObjective(recipe.algorithm), model: model.model,
                temperature: sampling.logProbTemperature, limits: PassLimits(recipe.batch),
                maxCompletionLength: rollout.maxNewTokens),
            optimizer: ParameterOptimizer(recipe, totalSteps: recipe.steps ?? 0),
            promptsPerStep: rollout.promptsPerStep,
            maxBatch: rollout.maxBatch > 0 ? rollout.maxBatch : rollout.promptsPerStep * rollout.completionsPerPrompt)
        let algorithm = recipe.algorithm
        self.reference = reference
        update.routerBalance = recipe.optimizer.routerBalance
        updatesPerRollout = algorithm.updatesPerRollout
        miniBatches = algorithm.miniBatches
        masksTruncated = algorithm.maskTruncated
        curriculum = recipe.data.curriculum.map { Curriculum($0, data: data, seed: recipe.seed, rates: data.measured) }
        samplingRounds = algorithm.dynamicSampling.enabled ? algorithm.dynamicSampling.maxRounds : nil
        correction = rollout.engine.isExternal ? RolloutCorrection(rollout.engine.correction) : nil
        rewardKL = algorithm.kl.place == .reward ? KLPenalty(algorithm.kl) : nil
    }
}
