extension Recipe {
    /// How the parameters move.
    public struct Optimizer: Hashable, Sendable {
        /// The update rule.
        public enum Name: String, CaseIterable, Sendable {
            /// Adam with decoupled weight decay.
            case adamw
        }

        /// The update rule.
        public var name = Name.adamw
        /// The learning rate after warm-up.
        public var learningRate = 1e-4
        /// The decay of the two moments; two numbers.
        public var betas = [0.9, 0.95]
        /// Added to the root of the second moment.
        public var epsilon = 1e-8
        /// The decoupled weight decay.
        public var weightDecay = 0.0
        /// The gradient is scaled down to this norm; `nil`: never.
        public var maxGradientNorm: Double? = 1.0
    }

    /// How the learning rate changes.
    public struct Schedule: Hashable, Sendable {
        /// The course after warm-up.
        public enum Kind: String, CaseIterable, Sendable {
            /// The learning rate stays.
            case constant
            /// It falls in a line to 0 at the last step.
            case linear
            /// It falls along half a cosine to 0 at the last step.
            case cosine
        }

        /// The course after warm-up.
        public var kind = Kind.constant
        /// Steps in which the learning rate rises from 0.
        public var warmupSteps = 0
    }

    /// How rows are packed.
    public struct Batch: Hashable, Sendable {
        /// How many tokens a group of completions may have before it is cut; a single longer sequence stands alone.
        public var tokens = 8192
        /// Memory for what the backward pass needs, GiB; blocks beyond it are computed again.
        public var activationMemory = 1.25
    }
}

extension Recipe.Optimizer: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("name", \.name, .choice(), "The update rule"),
        .init("learning_rate", \.learningRate, .number(.from(0, to: 10)), "Learning rate after warm-up"),
        .init(
            "betas", \.betas, .list(of: .number(.from(0, to: 1)), count: 2...2, "numbers"),
            "Decay of the two moments, below 1"),
        .init("epsilon", \.epsilon, .number(.above(0)), "Added to the root of the second moment"),
        .init("weight_decay", \.weightDecay, .number(.from(0, to: 1)), "Decoupled weight decay"),
        .init(
            "max_gradient_norm", \.maxGradientNorm, .optional(.number(.above(0))),
            "Clip the gradient to this norm; null: never"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        for (index, beta) in betas.enumerated() where beta >= 1 {
            reader.fault(path + ["betas", String(index)], "expected a number below 1, got \(beta)")
        }
    }
}

extension Recipe.Schedule: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("kind", \.kind, .choice(), "Course of the learning rate after warm-up; linear and cosine end at 0"),
        .init("warmup_steps", \.warmupSteps, .integer(0...10_000_000), "Steps in which the learning rate rises from 0"),
    ]
}

extension Recipe.Batch: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "tokens", \.tokens, .integer(1...100_000_000),
            "Tokens that a micro-batch may have; a larger group of completions is cut, a longer sequence stands alone"),
        .init(
            "activation_memory", \.activationMemory, .number(.from(0, to: 1_048_576)),
            "GiB for what the backward pass needs; what is beyond is computed again. The results don't depend on it"),
    ]
}
