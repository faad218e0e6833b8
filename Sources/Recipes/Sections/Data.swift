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
    }
}

extension Recipe.Data: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("train", \.train, .dataSet, required: true, "What is learned from: a generator, or a JSON Lines file"),
        .init(
            "evaluation", \.evaluation, .evaluationDataSet,
            "What is evaluated on; never shares a problem with `train` while there are enough different ones"),
        .init("system", \.system, .optional(.text), "System message of conversations that have none of their own"),
        .init(
            "format", \.format, .optional(.choice()),
            "`chat`: a row's text is a user's message; `text`: it is the prompt as it is. null: chat, but text for sft without `system`"
        ),
        .init("shuffle", \.shuffle, .flag, "Each epoch in an order of its own; false: the data's order"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if format == .text, system != nil {
            reader.fault(path + ["system"], "there are no messages with format text; remove it, or use format chat")
        }
    }

    /// Notes an evaluation set that would repeat the training problems.
    func checkOverlap(seed: Int, _ reader: inout RecipeReader) {
        guard let evaluation, let ours = train.seed(default: seed), let theirs = evaluation.seed(default: ours &+ 1),
            ours == theirs, train.generatorName == evaluation.generatorName
        else { return }
        reader.fault(
            ["data", "evaluation", "seed"],
            "is the seed of data.train (\(ours)) too, so it would repeat its problems; give another")
    }

    /// Defaults that depend on other keys.
    mutating func fillIn(kind: Recipe.Kind, seed: Int) {
        format = format ?? (kind == .grpo || system != nil ? .chat : .text)
        train.fillIn(seed: seed, count: nil)
        let next = (train.seed(default: seed) ?? seed) &+ 1
        evaluation?.fillIn(seed: next < 0 ? 0 : next, count: 200)
    }
}

extension Recipe.DataSet {
    static let generators = ["arithmetic", "countdown", "programming"]

    var generatorName: String? {
        switch self {
        case .arithmetic: "arithmetic"
        case .countdown: "countdown"
        case .programming: "programming"
        case .file: nil
        }
    }

    func seed(default seed: Int) -> Int? {
        switch self {
        case .arithmetic(let task): task.seed ?? seed
        case .countdown(let task): task.seed ?? seed
        case .programming(let task): task.seed ?? seed
        case .file: nil
        }
    }

    fileprivate mutating func fillIn(seed: Int, count: Int?) {
        switch self {
        case .arithmetic(var task):
            task.seed = task.seed ?? seed
            task.count = task.count ?? count
            self = .arithmetic(task)
        case .countdown(var task):
            task.seed = task.seed ?? seed
            task.count = task.count ?? count
            self = .countdown(task)
        case .programming(var task):
            task.seed = task.seed ?? seed
            task.count = task.count ?? count
            self = .programming(task)
        case .file: break
        }
    }

    fileprivate static func read(_ value: Located, _ path: [String], _ reader: inout RecipeReader) -> Self? {
        guard case .map(let entries) = value.content else {
            reader.unexpected(value, path, "a section with `generator` or `path`")
            return nil
        }
        guard let generator = entries.first(where: { $0.key == "generator" })?.value else {
            if !entries.contains(where: { $0.key == "path" }) {
                let near = entries.compactMap { Suggestion.nearest(to: $0.key, among: ["generator", "path"]) }.first
                let hint = near.map { "; did you mean '\($0)'?" } ?? ""
                reader.fault(path, "expected `generator` or `path`, got neither\(hint)", at: value.place)
                return nil
            }
            return Recipe.JSONLines.read(value, path, &reader).map { .file($0) }
        }
        if let file = entries.first(where: { $0.key == "path" }) {
            reader.fault(path + ["path"], "a data set is a generator or a file, not both; remove one", at: file.place)
        }
        switch generator.scalar?.stringValue {
        case "arithmetic":
            return Recipe.Arithmetic.read(value, path, &reader, known: ["generator", "path"]).map { .arithmetic($0) }
        case "countdown":
            return Recipe.Countdown.read(value, path, &reader, known: ["generator", "path"]).map { .countdown($0) }
        case "programming":
            return Recipe.Programming.read(value, path, &reader, known: ["generator", "path"]).map { .programming($0) }
        case let word:
            let hint = Suggestion.nearest(to: word ?? "", among: generators).map { "; did you mean '\($0)'?" } ?? ""
            let expected = generators.joined(separator: ", ")
            reader.fault(
                path + ["generator"], "expected one of \(expected), got \(generator.summary)\(hint)",
                at: generator.place)
            return nil
        }
    }

    fileprivate var written: JSONValue {
        switch self {
        case .arithmetic(let task): .object(task.written(leading: ["generator": "arithmetic"]))
        case .countdown(let task): .object(task.written(leading: ["generator": "countdown"]))
        case .programming(let task): .object(task.written(leading: ["generator": "programming"]))
        case .file(let file): .object(file.written())
        }
    }

    fileprivate static func documentation(_ path: String) -> [Recipe.KeyDocumentation] {
        let generator = Recipe.KeyDocumentation(
            key: path + ".generator", type: generators.map { "`\($0)`" }.joined(separator: ", "),
            standard: "required, or `path`", meaning: "Makes problems instead of reading a file")
        func rows(_ rows: [Recipe.KeyDocumentation], _ kind: String) -> [Recipe.KeyDocumentation] {
            rows.map { .init(key: $0.key, type: $0.type, standard: $0.standard, meaning: "(\(kind)) \($0.meaning)") }
        }
        return [generator] + rows(Recipe.Arithmetic().documentation(path), "arithmetic")
            + rows(Recipe.Countdown().documentation(path), "countdown")
            + rows(Recipe.Programming().documentation(path), "programming")
            + rows(Recipe.JSONLines().documentation(path), "file")
    }
}

extension ValueType where Value == Recipe.DataSet {
    /// A generator or a file.
    static var dataSet: Self {
        Self(name: "generator or file", read: Recipe.DataSet.read, write: { $0.written }) { path, _ in
            Recipe.DataSet.documentation(path)
        }
    }
}

extension ValueType where Value == Recipe.DataSet? {
    /// A generator, a file, or null; documented once, at `data.train`.
    static var evaluationDataSet: Self {
        let type = ValueType<Recipe.DataSet?>.optional(.dataSet)
        return Self(name: "as `data.train`, or null", read: type.read, write: type.write)
    }
}
