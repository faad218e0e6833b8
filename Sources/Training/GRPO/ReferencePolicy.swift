import Distribution
import ModelFiles
import QwenModel
import Recipes
import TensorCore

/// The policy that a KL penalty pulls towards.
///
/// It is fixed, or follows the trained one:
///
///     θ_ref ← mixup · θ + (1 − mixup) · θ_ref        every so many steps
///
/// With an adapter θ are its factors A and B, mixed each by itself.
///
/// Source: Gorbatovski et al. 2024, arXiv:2404.09656 (soft and hard updates); TRL's `sync_ref_model`.
public struct ReferencePolicy: Sendable {
    /// When and how far a reference moves.
    public struct Motion: Sendable, Equatable {
        /// Steps between two moves.
        public let every: Int
        /// The share of the policy in the moved reference.
        public let mixup: Double
    }

    /// The model.
    public let model: QwenModel
    /// Its parameters, where they are not simply the model's; a checkpoint holds their values.
    public let parameters: TrainedParameters?
    /// How it moves; `nil`: not at all.
    public let motion: Motion?
    /// The adapter of a reference without parameters of its own; `nil`: the base itself.
    private let fixedAdapter: Adapter?

    /// A reference that stays: a model, with an adapter or without.
    public init(model: QwenModel, adapter: Adapter? = nil) {
        self.model = model
        fixedAdapter = adapter
        parameters = nil
        motion = nil
    }

    /// A reference with parameters of its own.
    public init(model: QwenModel, parameters: TrainedParameters, motion: Motion? = nil) {
        self.model = model
        self.parameters = parameters
        self.motion = motion
        fixedAdapter = nil
    }

    /// The reference of a recipe; `nil` where it has no KL penalty.
    ///
    /// - Throws: `ModelFileError` or `QwenModelError` where the model or adapter can't be read again.
    public init?(_ recipe: Recipe, model: LoadedModel) throws {
        let kl = recipe.algorithm.kl
        guard kl.coefficient != 0 else { return nil }
        var copy = model
        if recipe.adapter.kind == .none {
            // What is trained is the model itself, so the reference needs one of its own.
            copy = LoadedModel(
                model: try QwenModel(model.source, precision: model.model.precision), source: model.source,
                tokenizer: model.tokenizer, chatTemplate: model.chatTemplate, endTokens: model.endTokens)
        }
        let motion = Motion(every: kl.syncEvery, mixup: kl.mixup)
        switch kl.reference {
        case .base: self.init(model: copy.model)
        case .start where recipe.adapter.kind == .none: self.init(model: copy.model)
        case .start: self.init(model: copy.model, parameters: try TrainedParameters(recipe, model: copy))
        case .moving:
            self.init(model: copy.model, parameters: try TrainedParameters(recipe, model: copy), motion: motion)
        case .adapter:
            let folder = try AdapterFolder(path: kl.adapter ?? "")
            self.init(model: copy.model, adapter: try Adapter(folder, model: copy.model))
        }
    }

    /// Its parameters' values, for a checkpoint; `nil` where it has none of its own.
    public var values: [Float]? { parameters?.set.values.toArray() }

    /// Takes the values of a checkpoint.
    public func restore(_ values: [Float]) {
        guard let set = parameters?.set else { return }
        precondition(values.count == set.count, "ReferencePolicy: \(values.count) values, expected \(set.count)")
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { set.values.floats.update(from: base, count: source.count) }
        }
    }

    /// Makes its present values the ones to compute with.
    ///
    /// - Returns: The adapter to compute with; `nil` for the model itself.
    public func install() -> Adapter? { parameters.map { $0.install() } ?? fixedAdapter }

    /// Moves towards the policy, when a step says so.
    ///
    /// - Parameter step: Steps taken.
    /// - Returns: Whether it has moved.
    func follow(_ policy: ParameterSet, after step: Int) -> Bool {
        guard let motion, let set = parameters?.set, step % motion.every == 0 else { return false }
        let (new, old) = (Float(motion.mixup), Float(1 - motion.mixup))
        parallelFor(set.count, pieces: 1 << 16) { range in
            for place in range {
                set.values.floats[place] = old * set.values.floats[place] + new * policy.values.floats[place]
            }
        }
        return true
    }

    /// The groups with the log-probabilities of all their tokens under the reference.
    ///
    /// - Parameter adapter: What `install()` returned.
    /// - Parameter limits: How much is computed at a time; changes no bit.
    /// - Parameter ranks: Who computes; all of them call this with the same groups.
    /// - Throws: `TrainingError` (`interrupted`).
    func annotated(
        _ groups: [PolicyGroup], adapter: Adapter?, temperature: Float, limits: PassLimits, signal: StopSignal,
        ranks: RankGroup = .alone
    ) throws(TrainingError) -> [PolicyGroup] {
        let values = try groups.logProbs(
            model, adapter: adapter, temperature: temperature, limits: limits, signal: signal, ranks: ranks)
        return zip(groups, values).map { group, values in
            var group = group
            for index in group.samples.indices { group.samples[index].referenceLogProbs = values[index] }
            return group
        }
    }
}
