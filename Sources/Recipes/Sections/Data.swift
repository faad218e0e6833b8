import OrderedJSON

extension Recipe {
    /// The problems of a run.
    public struct Data: Hashable, Sendable {
        /// How a row's text becomes a prompt.
        public enum Format: String, CaseIterable, Sendable {
            /// As a user's message through the model's chat template.
            case chat
            /// As it is.
            case text
        }

        /// What is learned from.
        public var train = DataSet.arithmetic(Arithmetic())
        /// What is evaluated on; `nil`: no evaluation.
        public var evaluation: DataSet?
        /// The system message of every conversation that has none of its own.
        public var system: String?
        /// How a row's text becomes a prompt; never `nil` in a recipe that was read.
        public var format: Format?
        /// Whether each epoch has its own order.
        public var shuffle = true
        /// Which training rows are left out because they are evaluated on.
        public var exclude = Exclusion()
        /// Training rows by a pass rate measured before; `nil`: all rows.
        public var screen: Screen?
        /// Which tasks come next, by measured pass rates; `nil`: the data's own order.
        public var curriculum: Curriculum?
    }

    /// Where problems come from.
    public enum DataSet: Hashable, Sendable {
        /// Generated arithmetic.
        case arithmetic(Arithmetic)
        /// Generated countdown problems.
        case countdown(Countdown)
        /// Generated programming tasks.
        case programming(Programming)
        /// A JSON Lines file.
        case file(JSONLines)
        /// Generated problems of a family with a difficulty dial.
        case graded(Graded)
        /// Several of the others: mixed in training, sets of their own in evaluation.
        case sources([Source])
    }
}

extension Recipe.Data: RecipeSection {
    private static let screenMeaning = "Training rows by the pass rates that `touchstone reward screen` measured"
    private static let curriculumMeaning = "Which tasks come next, by the pass rates measured in training (grpo)"

    static let keys: [Key<Self>] = [
        .init(
            "train", \.train, .dataSet, required: true,
            "What is learned from: a generator or a JSON Lines file; or a list of them, mixed by weight"),
        .init(
            "evaluation", \.evaluation, .evaluationDataSet,
            "What is evaluated on, or a list of named sets; never shares a problem with `train` while there are enough "
                + "different ones"),
        .init("system", \.system, .optional(.text), "System message of conversations that have none of their own"),
        .init(
            "format", \.format, .optional(.choice()),
            "`chat`: a row's text is a user's message; `text`: it is the prompt as it is. null: chat, but text for sft without `system`"
        ),
        .init("shuffle", \.shuffle, .flag, "Each epoch in an order of its own; false: the data's order"),
        .init("exclude", \.exclude, .section, "Training rows that are evaluated on"),
        .init("screen", \.screen, .optionalSection(screenMeaning), screenMeaning),
        .init("curriculum", \.curriculum, .optionalSection(curriculumMeaning), curriculumMeaning),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if format == .text, system != nil {
            reader.fault(path + ["system"], "there are no messages with format text; remove it, or use format chat")
        }
    }

    /// Notes evaluation sets that would repeat the training problems, and a curriculum without anything to choose from.
    func checkTogether(kind: Recipe.Kind, seed: Int, _ reader: inout RecipeReader) {
        let resolved = filledIn(seed: seed)
        for (index, set) in (resolved.evaluation?.all ?? []).enumerated() {
            guard let theirs = set.seed, let name = set.generatorName,
                resolved.train.all.contains(where: { $0.seed == theirs && $0.generatorName == name })
            else { continue }
            let inList = if case .sources = resolved.evaluation { [String(index)] } else { [String]() }
            reader.fault(
                ["data", "evaluation"] + inList + ["seed"],
                "is the seed of data.train (\(theirs)) too, so it would repeat its problems; give another")
        }
        guard curriculum != nil, reader.isSound("data", "curriculum") else { return }
        if kind == .sft {
            reader.fault(["data", "curriculum"], "needs measured pass rates, which kind sft has none of; remove it")
        } else if screen == nil, !train.all.contains(where: \.hasCurriculum) {
            reader.fault(
                ["data", "curriculum"],
                "there is nothing to choose from in data.train: expected a file, a generator with a count, or one with "
                    + "several levels of difficulty")
        }
    }

    /// Defaults that depend on other keys.
    mutating func fillIn(kind: Recipe.Kind, seed: Int) {
        format = format ?? (kind == .grpo || system != nil ? .chat : .text)
        self = filledIn(seed: seed)
    }

    private func filledIn(seed: Int) -> Self {
        var copy = self
        copy.train.fillIn(seed: seed, count: nil)
        let next = (copy.train.all.first?.seed ?? seed) &+ 1
        copy.evaluation?.fillIn(seed: next < 0 ? 0 : next, count: 200)
        return copy
    }
}
