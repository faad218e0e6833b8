import Foundation
import OrderedJSON

extension Recipe.DataSet {
    /// The words that `generator` takes.
    static let generators = ["arithmetic", "countdown", "programming"] + TaskFamilies.names

    /// The sources of a list, or this one set.
    public var all: [Recipe.DataSet] {
        if case .sources(let sources) = self { sources.map(\.set) } else { [self] }
    }

    /// The generator's word; `nil` for files and lists.
    var generatorName: String? {
        switch self {
        case .arithmetic: "arithmetic"
        case .countdown: "countdown"
        case .programming: "programming"
        case .graded(let task): task.family
        case .file, .sources: nil
        }
    }

    /// What a source without a name is called.
    var stem: String {
        if case .file(let file) = self {
            let name = URL(fileURLWithPath: file.path).deletingPathExtension().lastPathComponent
            let plain = name.unicodeScalars.map {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0)) ? $0 : "_"
            }
            return plain.isEmpty ? "file" : String(String.UnicodeScalarView(plain.prefix(60)))
        }
        return generatorName ?? "data"
    }

    /// The generator's seed, where one is given or filled in.
    var seed: Int? {
        switch self {
        case .arithmetic(let task): task.seed
        case .countdown(let task): task.seed
        case .programming(let task): task.seed
        case .graded(let task): task.seed
        case .file, .sources: nil
        }
    }

    /// How many problems a generator makes; `nil`: endless, or a file.
    var count: Int? {
        switch self {
        case .arithmetic(let task): task.count
        case .countdown(let task): task.count
        case .programming(let task): task.count
        case .graded(let task): task.count
        case .file, .sources: nil
        }
    }

    /// The levels of difficulty of an endless generator that has several.
    var levels: ClosedRange<Int>? {
        guard case .graded(let task) = self, task.count == nil, task.difficulty.count > 1 else { return nil }
        return task.difficulty
    }

    /// Whether a curriculum can choose among its tasks.
    var hasCurriculum: Bool {
        if case .file = self { return true }
        return count != nil || levels != nil
    }

    /// Gives generators their seeds and counts; the sources of a list get seeds two apart, so that those of training and
    /// evaluation stay apart.
    mutating func fillIn(seed: Int, count: Int?) {
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
        case .graded(var task):
            task.seed = task.seed ?? seed
            task.count = task.count ?? count
            self = .graded(task)
        case .sources(var sources):
            for index in sources.indices {
                let own = seed &+ 2 * index
                sources[index].set.fillIn(seed: own < 0 ? index : own, count: count)
            }
            sources.nameAll()
            self = .sources(sources)
        case .file: break
        }
    }

    /// Reads a set, or a list of sources.
    fileprivate static func read(_ value: Located, _ path: [String], _ reader: inout RecipeReader) -> Self? {
        guard case .list = value.content else { return readOne(value, path, &reader) }
        let source = ValueType<Recipe.Source>(name: "source", read: Recipe.Source.readEntry) { .object($0.entry) }
        let list = ValueType<[Recipe.Source]>.list(of: source, count: 1...100, "sources")
        guard let sources = list.read(value, path, &reader) else { return nil }
        sources.checkNames(path, &reader)
        return .sources(sources)
    }

    /// Reads a generator or a file.
    static func readOne(_ value: Located, _ path: [String], _ reader: inout RecipeReader) -> Self? {
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
        let word = generator.scalar?.stringValue ?? ""
        switch word {
        case "arithmetic":
            return Recipe.Arithmetic.read(value, path, &reader, known: ["generator", "path"]).map { .arithmetic($0) }
        case "countdown":
            return Recipe.Countdown.read(value, path, &reader, known: ["generator", "path"]).map { .countdown($0) }
        case "programming":
            return Recipe.Programming.read(value, path, &reader, known: ["generator", "path"]).map { .programming($0) }
        case _ where TaskFamilies.names.contains(word):
            var task = Recipe.Graded.read(value, path, &reader, known: ["generator", "path"])
            task?.family = word
            return task.map { .graded($0) }
        default:
            let hint = Suggestion.nearest(to: word, among: generators).map { "; did you mean '\($0)'?" } ?? ""
            let expected = generators.joined(separator: ", ")
            reader.fault(
                path + ["generator"], "expected one of \(expected), got \(generator.summary)\(hint)",
                at: generator.place)
            return nil
        }
    }

    /// A generator or file as the resolved recipe has it; nothing for a list.
    var entry: JSONObject {
        switch self {
        case .arithmetic(let task): task.written(leading: ["generator": "arithmetic"])
        case .countdown(let task): task.written(leading: ["generator": "countdown"])
        case .programming(let task): task.written(leading: ["generator": "programming"])
        case .graded(let task): task.written(leading: ["generator": .string(task.family)])
        case .file(let file): file.written()
        case .sources: [:]
        }
    }

    fileprivate var written: JSONValue {
        if case .sources(let sources) = self { .array(sources.map { .object($0.entry) }) } else { .object(entry) }
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
            + rows(Recipe.Graded().documentation(path), "any other generator")
            + rows(Recipe.JSONLines().documentation(path), "file")
            + rows(Recipe.Source().documentation(path + ".N"), "in a list")
    }
}

extension ValueType where Value == Recipe.DataSet {
    /// A generator, a file, or a list of them.
    static var dataSet: Self {
        Self(name: "generator, file, or a list of them", read: Recipe.DataSet.read, write: { $0.written }) { path, _ in
            Recipe.DataSet.documentation(path)
        }
    }
}

extension ValueType where Value == Recipe.DataSet? {
    /// A generator, a file, a list of them, or null; documented once, at `data.train`.
    static var evaluationDataSet: Self {
        let type = ValueType<Recipe.DataSet?>.optional(.dataSet)
        return Self(name: "as `data.train`, or null", read: type.read, write: type.write)
    }
}
