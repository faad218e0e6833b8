extension Recipe.Reward {
    /// The program passes the row's tests.
    public struct Code: RewardSection {
        /// The word in the recipe.
        public static let type = "code"
        static let summary =
            "1 if the completion's program passes the row's tests in the sandbox, else 0; applies to rows with tests "
            + "(docs/sandbox.md)"

        /// The column of the tests; `nil`: the row itself is what a data set such as HumanEval writes.
        public var tests: String? = "tests"
        /// The language of rows that don't name one.
        public var language = "python"
        /// Seconds for all of a program's work.
        public var timeout = 5.0
        /// Memory of a program, in MiB.
        public var memory = 512
        /// Processes and threads of a program at once.
        public var processes = 32
        /// Whether a program that passes some tests earns their share.
        public var partial = false
        /// Programs that run at the same time; 0: one a processor.
        public var jobs = 0
        /// Whether programs run even if the sandbox does not hold.
        public var allowsWeakSandbox = false

        static let keys: [Key<Self>] = [
            .init(
                "tests", \.tests, .optional(.text),
                "Column of the tests; null: the row itself is what a data set such as HumanEval writes"),
            .init(
                "language", \.language, .text,
                "`python`, `c` or `swift`, for rows without a column `language`"),
            .init("timeout", \.timeout, .number(.over(0, to: 86_400)), "Seconds for all of a program's work"),
            .init("memory", \.memory, .integer(16...1_048_576), "Memory of a program, in MiB"),
            .init("processes", \.processes, .integer(1...4096), "Processes and threads of a program at once"),
            .init("partial", \.partial, .flag, "A program that passes some tests earns their share"),
            .init("jobs", \.jobs, .integer(0...4096), "Programs that run at the same time; 0: one a processor"),
            .init(
                "allow_weak_sandbox", \.allowsWeakSandbox, .flag,
                "Run even if the sandbox does not hold; for programs that you trust"),
        ]
    }
}
