extension Recipe {
    /// Problems of a family with a difficulty dial.
    public struct Graded: Hashable, Sendable {
        /// The word that the recipe gives as `generator`.
        public var family = "linear_equation"
        /// Levels, from 1 (easy) to 10; asked in turn.
        public var difficulty = 1...3
        /// The prompt; `{question}` is filled in.
        public var template = "{question}\nGive the final answer in \\boxed{{}}."
        /// How many problems; `nil`: endless.
        public var count: Int?
        /// The seed; never `nil` in a recipe that was read.
        public var seed: Int?

        /// Settings of a family.
        public init(family: String = "linear_equation") { self.family = family }
    }
}

extension Recipe.Graded: RecipeSection {
    init() { self.init(family: "linear_equation") }

    static let keys: [Key<Self>] = [
        .init(
            "difficulty", \.difficulty, .range(1...10),
            "Levels, 1 is easy; asked in turn, or climbed where there is a `data.curriculum`"),
        .init("template", \.template, .text, "The prompt; `{question}` is filled in, `{{` is a brace"),
        .init("count", \.count, .optional(.integer(1...10_000_000)), "Problems; null: endless (evaluation: 200)"),
        .init(
            "seed", \.seed, .optional(.integer(0...Int.max)), "null: the run's seed (evaluation: the training seed + 1)"
        ),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        PromptTemplate.check(template, path + ["template"], &reader, needs: ["question"], only: true)
    }
}
