extension Recipe.Reward {
    /// Worker processes that speak a line protocol score the completions.
    public struct Plugin: RewardSection {
        /// The word in the recipe.
        public static let type = "plugin"
        static let summary =
            "Worker processes in any language score: a line of JSON each way (docs/writing-a-reward.md)"

        /// The program and its arguments.
        public var command: [String] = []
        /// Where it runs; absolute in a recipe that was read.
        public var directory: String?
        /// Processes at the same time.
        public var workers = 1
        /// Seconds that a worker has for one message.
        public var timeout = 30.0
        /// Seconds that a fresh worker has for its first message.
        public var startTimeout = 120.0

        static let keys: [Key<Self>] = [
            .init(
                "command", \.command, .list(of: .text, count: 1...1000, "texts"), required: true,
                "Program and arguments, such as [python3, -m, touchstone_reward, my_rewards.py:brevity]"),
            .init("directory", \.directory, .optional(.path), "Where the command runs; null: the recipe's folder"),
            .init("workers", \.workers, .integer(1...256), "Processes at the same time"),
            .init(
                "timeout", \.timeout, .number(.over(0, to: 86_400)),
                "Seconds for the completions of one prompt; a later worker is ended and started anew"),
            .init(
                "start_timeout", \.startTimeout, .number(.over(0, to: 86_400)),
                "Seconds for the first answer of a fresh worker: it may have much to load"),
        ]

        mutating func fillIn(from recipe: Recipe, folder: String) { directory = directory ?? folder }
    }
}
