extension Recipe {
    /// When and how the model is evaluated.
    public struct Evaluation: Hashable, Sendable {
        /// Every so many steps, and after the last; 0: never.
        public var every = 20
        /// Whether the untrained model is evaluated first.
        public var atStart = true
        /// Completions of each problem; never `nil` in a recipe that was read.
        public var samples: Int?
        /// How many problems; `nil`: all of `data.evaluation`.
        public var count: Int?
        /// What the logits are divided by; 0: greedy; `nil`: as in `rollout`.
        public var temperature: Double?
        /// How many tokens a completion may have; `nil`: as in `rollout`.
        public var maxNewTokens: Int?
        /// Whether problems are thought about; `nil`: as in `rollout`, both ways where it mixes them.
        public var thinking: Thinking?
        /// What tells right from wrong, apart from the rewards of training; empty: those.
        public var rewards: [Reward] = []
    }

    /// When the run is saved.
    public struct Checkpoint: Hashable, Sendable {
        /// Every so many steps, and after the last; 0: only after the last.
        public var every = 20
        /// How many checkpoints are kept; 0: all.
        public var keep = 3
    }
}

extension Recipe.Evaluation: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("every", \.every, .integer(0...10_000_000), "Evaluate every so many steps, and after the last; 0: never"),
        .init("at_start", \.atStart, .flag, "Evaluate before the first step"),
        .init(
            "samples", \.samples, .optional(.integer(1...4096)),
            "Completions of each problem (avg@k, pass@k, maj@k); null: 4, or 1 if greedy"),
        .init("count", \.count, .optional(.integer(1...10_000_000)), "Problems; null: all of `data.evaluation`"),
        .init("temperature", \.temperature, .optional(.number(.from(0, to: 100))), "0: greedy; null: as in `rollout`"),
        .init(
            "max_new_tokens", \.maxNewTokens, .optional(.integer(1...1_048_576)),
            "Tokens a completion may have; null: as in `rollout`"),
        .init(
            "thinking", \.thinking, .optional(.thinking),
            "Whether problems are thought about; both: each is asked both ways. null: as in `rollout`, both where it mixes"
        ),
        .init(
            "rewards", \.rewards, .checkers,
            "What tells right from wrong, as in `rewards`, in place of the rewards of training; lets sft answer problems too"
        ),
    ]
}

extension Recipe.Checkpoint: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "every", \.every, .integer(0...10_000_000),
            "Save every so many steps, and after the last; 0: only after the last"),
        .init("keep", \.keep, .integer(0...1_000_000), "Checkpoints that are kept; 0: all"),
    ]
}
