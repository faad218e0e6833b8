import OrderedJSON

/// A named evaluation set.
public struct NamedSet: Sendable {
    /// The name in metrics; empty where the recipe has but one set, without a name.
    public let name: String
    /// The rows.
    public let data: DataSet
}

extension DataSet {
    /// The training and evaluation sets of a recipe, read from their files or made by their generators.
    ///
    /// Training keeps clear of the evaluation sets: generators draw again, a file's rows are left out. Where there are too
    /// few different problems for that, `notes` of the training set say so.
    /// - Throws: `RecipeError` with every bad line of a file, or when a generator can't make what it is asked for.
    public static func load(_ recipe: Recipe) throws(RecipeError) -> (train: DataSet, evaluation: [NamedSet]) {
        let (sets, keys) = try evaluation(recipe)
        let rows = sets.flatMap { $0.data.sources.flatMap { $0.rows(atMost: .max) } }
        let duplicates = Duplicates(rows, recipe.data.exclude)
        return (try train(recipe, keys: keys, duplicates: duplicates), sets)
    }

    /// The rows of a set as they are, each source of a list by itself: what `data.evaluation` is, or what an evaluation of
    /// other data wants.
    ///
    /// - Throws: As `load`.
    public static func evaluation(_ recipe: Recipe) throws(RecipeError) -> (sets: [NamedSet], keys: Set<String>) {
        guard let evaluation = recipe.data.evaluation else { return ([], []) }
        guard case .sources(let sources) = evaluation else {
            let (data, keys) = try single(evaluation, "", "data.evaluation", recipe)
            return ([NamedSet(name: "", data: data)], keys)
        }
        var (sets, keys) = ([NamedSet](), Set<String>())
        for (index, source) in sources.enumerated() {
            let name = source.name ?? String(index)
            let (data, found) = try single(source.set, name, "data.evaluation.\(index)", recipe)
            sets.append(NamedSet(name: name, data: data))
            keys.formUnion(found)
        }
        return (sets, keys)
    }

    /// One evaluation set, and the keys of its generated problems.
    private static func single(
        _ set: Recipe.DataSet, _ name: String, _ path: String, _ recipe: Recipe
    ) throws(RecipeError) -> (DataSet, Set<String>) {
        func data(_ rows: [DataRow], _ notes: [String] = []) -> DataSet {
            DataSet(
                [DataSource(rows: rows, name: name.isEmpty ? set.stem : name, shuffle: false, seed: recipe.seed)],
                seed: recipe.seed, notes: notes)
        }
        if case .file(let file) = set {
            return (data(try JSONLinesFile.rows(file, recipe, isEvaluated: true)), [])
        }
        let (format, count) = (RowFormat(recipe), set.count ?? 200)
        let (problems, found, repeated) = try set.generator().distinct(count)
        let note =
            "\(path): the generator has only about \(found.count) different problems, so \(repeated) of \(count) are repeated"
        return (
            data(problems.enumerated().map { format.row($0.element, index: $0.offset) }, repeated == 0 ? [] : [note]),
            found
        )
    }

    private static func train(
        _ recipe: Recipe, keys: Set<String>, duplicates: Duplicates
    ) throws(RecipeError) -> DataSet {
        var sources = [Recipe.Source(name: nil, set: recipe.data.train)]
        if case .sources(let list) = recipe.data.train { sources = list }
        let screen = try recipe.data.screen.map { section throws(RecipeError) in try ScreenFile(section) }
        var (loaded, notes) = ([DataSource](), [String]())
        for (index, source) in sources.enumerated() {
            let path = sources.count == 1 ? "data.train" : "data.train.\(index)"
            var loading = SourceLoading(
                recipe, source, path: path, stream: index, of: sources.count, keys: keys, duplicates: duplicates,
                screen: screen)
            loaded.append(try loading.load())
            notes += loading.notes
        }
        return DataSet(
            loaded, weights: sources.map(\.weight), seed: recipe.seed, notes: notes,
            measured: screen?.rates ?? [:])
    }
}

/// Loads one source of the training set, leaving out what is evaluated on or screened out.
private struct SourceLoading {
    let recipe: Recipe
    let source: Recipe.Source
    let path: String
    let stream: Int
    let sourceCount: Int
    let keys: Set<String>
    let duplicates: Duplicates
    let screen: ScreenFile?
    private(set) var notes: [String] = []

    init(
        _ recipe: Recipe, _ source: Recipe.Source, path: String, stream: Int, of sourceCount: Int, keys: Set<String>,
        duplicates: Duplicates, screen: ScreenFile?
    ) {
        (self.recipe, self.source, self.path, self.stream) = (recipe, source, path, stream)
        (self.sourceCount, self.keys, self.duplicates, self.screen) = (sourceCount, keys, duplicates, screen)
    }

    mutating func load() throws(RecipeError) -> DataSource {
        let name = source.name ?? source.set.stem
        var report = DataSource.Report()
        var rows: [DataRow]
        if case .file(let file) = source.set {
            rows = try screened(try JSONLinesFile.rows(file, recipe), &report)
            rows = try distinct(rows, &report)
        } else {
            let generator = ExcludingGenerator(
                try source.set.generator(), excluding: keys, duplicates: duplicates.isEmpty ? nil : duplicates)
            noteOverlap(generator)
            let format = RowFormat(recipe)
            if let count = source.set.count {
                rows = try screened((0..<count).map { format.row(generator.problem(index: $0), index: $0) }, &report)
            } else if let screen {
                let numbers = screen.rates.keys.filter { $0 % sourceCount == stream }.map { $0 / sourceCount }.sorted()
                rows = numbers.map { format.row(generator.problem(index: $0), index: $0) }
            } else {
                return DataSource(generator, format, name: name, levels: source.set.levels)
            }
        }
        guard !rows.isEmpty else { throw RecipeError(.data, "\(path): data.screen leaves no row; widen it") }
        var result = DataSource(
            rows: rows, name: name, shuffle: recipe.data.shuffle, seed: recipe.seed, stream: stream)
        result.report = report
        return result
    }

    /// The rows that the screen lets through.
    private func screened(_ rows: [DataRow], _ report: inout DataSource.Report) throws(RecipeError) -> [DataRow] {
        guard let screen else { return rows }
        let kept = rows.filter { screen.rates[$0.index &* sourceCount &+ stream] != nil }
        report.screened = rows.count - kept.count
        return kept
    }

    /// The rows that are not evaluated on.
    private mutating func distinct(
        _ rows: [DataRow], _ report: inout DataSource.Report
    ) throws(RecipeError) -> [DataRow] {
        guard !duplicates.isEmpty, !rows.isEmpty else { return rows }
        let kept = rows.filter { row in
            switch duplicates.kind(of: row) {
            case nil: return true
            case .exact: report.exact += 1
            case .near: report.near += 1
            }
            return false
        }
        guard !kept.isEmpty else {
            throw RecipeError(
                .data,
                "\(path): all \(rows.count) rows are in data.evaluation too; give other data, or data.exclude.exact: false"
            )
        }
        if kept.count < rows.count {
            notes.append(
                "\(path): \(rows.count - kept.count) of \(rows.count) rows are left out because they are in data.evaluation "
                    + "too (\(report.exact) the same, \(report.near) nearly)")
        }
        return kept
    }

    /// Notes that a generator has too few problems to keep clear.
    private mutating func noteOverlap(_ generator: ExcludingGenerator) {
        let probes = min(source.set.count ?? 256, 256)
        let overlap = keys.isEmpty && duplicates.isEmpty ? 0 : generator.overlap(ofFirst: probes)
        guard overlap > 0 else { return }
        notes.append(
            "\(path): there are too few different problems: \(overlap) of the first \(probes) are in data.evaluation too; "
                + "widen the generator, or lower data.evaluation.count")
    }
}

extension Recipe.DataSet {
    /// The generator that makes this data.
    ///
    /// - Throws: `RecipeError` when it can't make what it is asked for, or when this is no generator.
    public func generator() throws(RecipeError) -> any TaskGenerator {
        switch self {
        case .arithmetic(let task): try ArithmeticGenerator(task)
        case .countdown(let task): try CountdownGenerator(task)
        case .programming(let task): try ProgrammingGenerator(task)
        case .graded(let task): try GradedGenerator(task)
        case .file(let file): throw RecipeError(.data, "\(file.path): a file has no generator")
        case .sources: throw RecipeError(.data, "a list of sources has no generator of its own")
        }
    }
}
