extension Recipe {
    /// How the parameters move.
    public struct Optimizer: Hashable, Sendable {
        /// The update rule.
        public enum Name: String, CaseIterable, Sendable {
            /// Adam with decoupled weight decay.
            case adamw
            /// Adam with an L2 penalty.
            case adam
            /// Stochastic gradient descent with momentum.
            case sgd
        }

        /// The update rule.
        public var name = Name.adamw
        /// The learning rate after warm-up.
        public var learningRate = 1e-4
        /// The decay of the two moments; two numbers.
        public var betas = [0.9, 0.95]
        /// Added to the root of the second moment.
        public var epsilon = 1e-8
        /// How much of the last steps' direction is kept; `sgd` only.
        public var momentum = 0.9
        /// Whether the momentum is Nesterov's; `sgd` only.
        public var nesterov = false
        /// The weight decay: decoupled (`adamw`), or added to the gradient (`adam`, `sgd`).
        public var weightDecay = 0.0
        /// Parameters whose names end in one of these are not decayed.
        public var undecayed = ["bias", "norm.weight"]
        /// How much faster B, magnitudes and other vectors learn than A (LoRA+).
        public var loraPlusRatio = 1.0
        /// What the load-balancing loss of a mixture's routers counts.
        public var routerBalance = 0.0
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
            /// It falls along half a cosine several times, each time from the top.
            case cosineWithRestarts = "cosine_with_restarts"
            /// It falls along a power to `final_rate`.
            case polynomial
            /// It falls with the root of the step.
            case inverseSqrt = "inverse_sqrt"
        }

        /// The course after warm-up.
        public var kind = Kind.constant
        /// Steps in which the learning rate rises from 0.
        public var warmupSteps = 0
        /// How many times the rate falls; `cosine_with_restarts` only.
        public var cycles = 1
        /// The exponent of the fall; `polynomial` only.
        public var power = 1.0
        /// The rate at the end; `polynomial` only.
        public var finalRate = 1e-7
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
            "(adamw, adam) Decay of the two moments, below 1"),
        .init("epsilon", \.epsilon, .number(.above(0)), "(adamw, adam) Added to the root of the second moment"),
        .init("momentum", \.momentum, .number(.from(0, to: 1)), "(sgd) Share of the last direction kept, below 1"),
        .init("nesterov", \.nesterov, .flag, "(sgd) Nesterov's form of the momentum"),
        .init(
            "weight_decay", \.weightDecay, .number(.from(0, to: 1)),
            "Weight decay: decoupled in adamw, added to the gradient in adam and sgd"),
        .init(
            "no_decay", \.undecayed, .list(of: .text, count: 0...100, "name endings"),
            "Parameters whose names end so have no weight decay"),
        .init(
            "loraplus_lr_ratio", \.loraPlusRatio, .number(.over(0, to: 10_000)),
            "Learning rate of an adapter's B and of vectors over that of A (LoRA+); its paper has 16"),
        .init(
            "router_aux_loss_coef", \.routerBalance, .number(.from(0, to: 100)),
            "Weight of the load-balancing loss of a mixture's routers, the mean over groups or rows; Qwen3 has 0.001"),
        .init(
            "max_gradient_norm", \.maxGradientNorm, .optional(.number(.above(0))),
            "Clip the gradient to this norm; null: never"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        for (index, beta) in betas.enumerated() where beta >= 1 {
            reader.fault(path + ["betas", String(index)], "expected a number below 1, got \(beta)")
        }
        if momentum >= 1 { reader.fault(path + ["momentum"], "expected a number below 1, got \(momentum)") }
        if nesterov, momentum == 0 {
            reader.fault(path + ["nesterov"], "needs a momentum above 0; set it to false, or give a momentum")
        }
    }
}

extension Recipe.Schedule: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("kind", \.kind, .choice(), "Course of the learning rate after warm-up; the cosines and linear end at 0"),
        .init("warmup_steps", \.warmupSteps, .integer(0...10_000_000), "Steps in which the learning rate rises from 0"),
        .init(
            "cycles", \.cycles, .integer(1...1_000_000), "(cosine_with_restarts) How many times the rate falls"),
        .init("power", \.power, .number(.over(0, to: 100)), "(polynomial) Exponent of the fall; 1: a line"),
        .init("final_rate", \.finalRate, .number(.from(0, to: 10)), "(polynomial) Learning rate at the end"),
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
