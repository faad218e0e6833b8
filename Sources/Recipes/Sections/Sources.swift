extension Recipe {
    /// Arithmetic problems with integer answers.
    public struct Arithmetic: Hashable, Sendable {
        /// How many numbers an expression has.
        public var operands = 2...2
        /// How many decimal digits each number has; no number is 0.
        public var digits = 1...2
        /// The operators to choose from, as they are printed; division is exact.
        public var operators = ["+", "-", "*"]
        /// Whether terms are grouped by parentheses at random.
        public var parentheses = false
        /// Whether the answer may be negative.
        public var negative = false
        /// A fixed form such as `(dd ± dd) × d`, in place of `operands`, `digits` and `parentheses`.
        public var form: String?
        /// The share of the solutions for sft that show their working; the others state the answer at once.
        public var working = 1.0
        /// The prompt; `{expression}` stands for the expression.
        public var template = "What is {expression}?"
        /// How many problems; `nil`: endless.
        public var count: Int?
        /// The seed; never `nil` in a recipe that was read.
        public var seed: Int?
    }

    /// Countdown problems: reach a target from given numbers.
    public struct Countdown: Hashable, Sendable {
        /// How many numbers are given.
        public var numbers = 3...4
        /// Within what the numbers are.
        public var range = 1...99
        /// Within what the target is.
        public var target = 10...99
        /// The prompt; `{numbers}` and `{target}` are filled in.
        public var template =
            "Use each of the numbers {numbers} exactly once, with + - * / and parentheses, to make {target}. "
            + "Think first, between <think> and </think>; then give the expression between <answer> and </answer>, "
            + "for example <answer>(1 + 2) / 3</answer>."
        /// How many problems; `nil`: endless.
        public var count: Int?
        /// The seed; never `nil` in a recipe that was read.
        public var seed: Int?
    }

    /// Small Python functions to write.
    public struct Programming: Hashable, Sendable {
        /// How hard the kinds of task are, from 1 to 3.
        public var difficulty = 1...3
        /// Only these kinds, or groups of kinds; `nil`: all.
        public var kinds: [String]?
        /// Kinds, or groups of kinds, that are left out.
        public var without: [String] = []
        /// Hidden tests of each problem.
        public var tests = 8
        /// The prompt; `{signature}`, `{description}` and `{example}` are filled in.
        public var template =
            "Write this Python function:\n\n{signature}\n\n{description} For example, {example}.\n\n"
            + "Answer with the function only, in one ```python block."
        /// How many problems; `nil`: endless.
        public var count: Int?
        /// The seed; never `nil` in a recipe that was read.
        public var seed: Int?

        /// Every default.
        public init() {}
    }

    /// Rows of a JSON Lines file: one JSON object a line.
    public struct JSONLines: Hashable, Sendable {
        /// The file; absolute.
        public var path = ""
        /// The column with the prompt: text, or a list of messages.
        public var prompt: String?
        /// The column with a conversation.
        public var messages: String?
        /// The column with the text to learn after the prompt (sft).
        public var completion: String?
        /// The column with the answer.
        public var answer: String?
        /// The answer is what follows the last occurrence of this text in its column.
        public var answerAfter: String?
        /// The prompt, with `{column}` placeholders.
        public var template: String?
        /// Only so many of the first rows.
        public var limit: Int?
    }
}

extension Recipe.Arithmetic: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("operands", \.operands, .range(2...8), "Numbers of an expression"),
        .init("digits", \.digits, .range(1...9), "Decimal digits of each number; no number is 0"),
        .init(
            "operators", \.operators, .list(of: .text, count: 1...16, "operators"),
            "From + - * / (also − × ÷), printed as given; division is exact. One given twice is twice as frequent"),
        .init("parentheses", \.parentheses, .flag, "Group terms at random"),
        .init("negative", \.negative, .flag, "Whether the answer may be negative"),
        .init(
            "form", \.form, .optional(.text),
            "Fixed form in place of operands, digits and parentheses, such as `(dd ± dd) × d`: d is any digit, another letter "
                + "one digit that is the same everywhere, ± is + or -, ? any of the operators"),
        .init(
            "working", \.working, .number(.from(0, to: 1)),
            "Share of the solutions (sft) that show their working; the others state the answer at once"),
        .init("template", \.template, .text, "The prompt; `{expression}` is filled in"),
        .init("count", \.count, .optional(.integer(1...10_000_000)), "Problems; null: endless (evaluation: 200)"),
        .init(
            "seed", \.seed, .optional(.integer(0...Int.max)), "null: the run's seed (evaluation: the training seed + 1)"
        ),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        for (index, symbol) in operators.enumerated() where ArithmeticOperator(symbol: symbol) == nil {
            reader.fault(path + ["operators", String(index)], "expected one of + - * /, got '\(symbol.prefix(20))'")
        }
        if let form {
            do throws(ArithmeticForm.Fault) {
                _ = try ArithmeticForm.parse(form, operators: [.init(kind: .add, symbol: "+")])
            } catch {
                reader.fault(path + ["form"], error.message)
            }
        }
        PromptTemplate.check(template, path + ["template"], &reader, needs: ["expression"], only: true)
    }
}

extension Recipe.Countdown: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("numbers", \.numbers, .range(2...8), "Numbers that are given"),
        .init("range", \.range, .range(1...10_000), "Within what the numbers are"),
        .init("target", \.target, .range(1...1_000_000), "Within what the target is; it can always be reached"),
        .init("template", \.template, .text, "The prompt; `{numbers}` and `{target}` are filled in"),
        .init("count", \.count, .optional(.integer(1...10_000_000)), "Problems; null: endless (evaluation: 200)"),
        .init(
            "seed", \.seed, .optional(.integer(0...Int.max)), "null: the run's seed (evaluation: the training seed + 1)"
        ),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        PromptTemplate.check(template, path + ["template"], &reader, needs: ["numbers", "target"], only: true)
    }
}

extension Recipe.Programming: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "difficulty", \.difficulty, .range(1...3),
            "How hard the tasks are, from 1 (one step) to 3 (small algorithms)"),
        .init(
            "kinds", \.kinds, .optional(.list(of: .text, count: 1...200, "kinds")),
            "Only these of the \(ProgrammingGenerator.kindNames.kinds.count) kinds of task, or groups of them ("
                + ProgrammingGenerator.kindNames.groups.joined(separator: ", ") + "); null: all"),
        .init(
            "without", \.without, .list(of: .text, count: 0...200, "kinds"),
            "Kinds or groups that are left out, to be kept for the evaluation"),
        .init("tests", \.tests, .integer(1...64), "Hidden tests of each problem"),
        .init(
            "template", \.template, .text, "The prompt; `{signature}`, `{description}` and `{example}` are filled in"),
        .init("count", \.count, .optional(.integer(1...10_000_000)), "Problems; null: endless (evaluation: 200)"),
        .init(
            "seed", \.seed, .optional(.integer(0...Int.max)), "null: the run's seed (evaluation: the training seed + 1)"
        ),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        let known = ProgrammingGenerator.kindNames.groups + ProgrammingGenerator.kindNames.kinds
        for (key, names) in [("kinds", kinds ?? []), ("without", without)] {
            for (index, name) in names.enumerated() where !known.contains(name) {
                let hint = Suggestion.nearest(to: name, among: known).map { "; did you mean '\($0)'?" }
                reader.fault(
                    path + [key, String(index)],
                    "there is no kind or group of tasks '\(name.prefix(40))'"
                        + (hint ?? "; groups are \(ProgrammingGenerator.kindNames.groups.joined(separator: ", "))"))
            }
        }
        PromptTemplate.check(
            template, path + ["template"], &reader, needs: ["signature", "description", "example"], only: true)
    }
}

extension Recipe.JSONLines: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("path", \.path, .path, required: true, "JSON Lines file: one object a line"),
        .init(
            "prompt", \.prompt, .optional(.text),
            "Column with the prompt, text or a list of messages; null: `messages` if a row has it, or else `prompt`"),
        .init("messages", \.messages, .optional(.text), "Column with a conversation, in place of `prompt`"),
        .init(
            "completion", \.completion, .optional(.text),
            "Column with the text to learn after the prompt (sft); null: `completion`"),
        .init("answer", \.answer, .optional(.text), "Column with the answer; null: `answer`, if a row has it"),
        .init(
            "answer_after", \.answerAfter, .optional(.text),
            "The answer follows the last occurrence of this text, such as `####`"),
        .init("template", \.template, .optional(.text), "The prompt, with `{column}` placeholders; `{{` is a brace"),
        .init("limit", \.limit, .optional(.integer(1...100_000_000)), "Only so many of the first rows"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if messages != nil {
            for (key, value) in [("prompt", prompt), ("template", template)] where value != nil {
                reader.fault(path + [key], "contradicts messages; give only one of them")
            }
        }
        if prompt != nil, template != nil, let names = template.flatMap({ try? PromptTemplate($0).names }),
            !names.contains(prompt ?? "")
        {
            reader.fault(
                path + ["template"], "doesn't use the prompt column; add {\(prompt ?? "")}, or remove `prompt`")
        }
        if let template { PromptTemplate.check(template, path + ["template"], &reader, needs: [], only: false) }
    }
}
