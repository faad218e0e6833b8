import Foundation
import OrderedJSON
import Recipes
import Tracking

/// What a report says of a run, gathered step by step with bounded memory.
struct ReportContent {
    private var metrics = MetricColumns()
    private var sample = CompletionSample()
    private var audit = Audit()
    private var recipe: Recipe?
    private var recipeText = ""
    private var skipped = 0

    /// Nothing yet.
    init() {}

    /// What lies in a run's folder.
    init(_ folder: RunFolder) {
        recipeText = (try? String(contentsOfFile: folder.recipe, encoding: .utf8)) ?? ""
        // A recipe of another version can still be shown as it is.
        recipe = try? Recipe.load(path: folder.recipe)
        var records = RunRecords(folder)
        while let step = records.next() { add(step) }
        skipped = records.skipped
    }

    /// Whether there is nothing to show.
    var isEmpty: Bool { metrics.last == nil }

    /// Takes in a step.
    mutating func add(_ step: RecordedStep) {
        metrics.add(step)
        guard !step.completions.isEmpty else { return }
        sample.add(step)
        audit.add(step, weights: weights)
    }

    private var weights: [String: Double] {
        Dictionary((recipe?.rewards ?? []).map { ($0.name ?? $0.type, $0.weight) }) { first, _ in first }
    }

    /// The page's data.
    func json(_ folder: RunFolder) -> JSONValue {
        var prompts: [String] = []
        var places: [String: Int] = [:]
        func json(_ card: CompletionCard) -> JSONValue {
            let place = places[card.prompt] ?? prompts.count
            if place == prompts.count {
                prompts.append(card.prompt)
                places[card.prompt] = place
            }
            return card.json(prompt: place)
        }
        let cards = sample.cards
        let completions = (HeldOutSample.cards(folder) + cards).map(json)
        let top = sample.top.map(json)
        let environment = FileManager.default.contents(atPath: folder.environment)
            .flatMap { try? JSONValue(parsing: $0) }
        let sessions = (environment?["sessions"]?.arrayValue ?? []).filter { $0.objectValue != nil }
        return [
            "title": .string(VisibleText.of(recipe?.name ?? Self.lastPart(folder.path), limit: 200)),
            "facts": .array(facts(folder).map { .string(VisibleText.of($0, limit: 200)) }),
            "written": .string(Date().formatted(.iso8601)),
            "recipe": .string(VisibleText.of(recipeText, limit: 200_000)),
            "sessions": .array(Array(sessions.prefix(20))), "metrics": metrics.json,
            "audit": audit.json(findings: Finding.all(metrics, audit), top: top),
            "completions": .array(completions), "prompts": .array(prompts.map { .string($0) }),
            "omitted": .integer(sample.seen - cards.count), "skipped": .integer(skipped),
        ]
    }

    private func facts(_ folder: RunFolder) -> [String] {
        let step = metrics.last?.step ?? 0
        guard let recipe else { return [Self.lastPart(folder.path), "step \(step)"] }
        let method = recipe.kind == .grpo ? recipe.algorithm.objective.rawValue.uppercased() : "SFT"
        let trained = recipe.adapter.kind == .lora ? "LoRA of rank \(recipe.adapter.rank)" : "all parameters"
        return [
            method.replacing("_", with: " "), Self.lastPart(recipe.model.path), trained,
            recipe.steps.map { "step \(step) of \($0)" } ?? "step \(step)", "seed \(recipe.seed)",
            Self.lastPart(folder.path),
        ]
    }

    private static func lastPart(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
