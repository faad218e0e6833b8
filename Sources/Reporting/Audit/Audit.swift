import OrderedJSON
import Tracking

/// What a run's completions say about whether its reward is earned, step by step.
struct Audit {
    /// The signs of a step.
    struct Point {
        var step: Int
        var shares: [String: Double]
        var lengthCorrelation: Double?
        var duplicates: Double
    }

    /// Near-duplicates of a step that answer different prompts.
    struct Cluster {
        var step: Int
        var count: Int
        var prompts: Int
        var reward: Double?
        var text: String
        var signature: [UInt32]
    }

    private static let (pointLimit, clusterLimit) = (1000, 6)

    /// The steps that are kept: all, or every second, fourth, … of a long run.
    private(set) var points: [Point] = []
    /// The largest families of near-duplicates, one of each kind.
    private(set) var clusters: [Cluster] = []
    /// The reward's parts in the order of the recipe.
    private(set) var parts: [String] = []
    private var every = 1

    /// Takes in a step.
    ///
    /// - Parameter weights: Of the reward's parts.
    mutating func add(_ step: RecordedStep, weights: [String: Double]) {
        guard !step.completions.isEmpty, step.step % every == 0 || step.step == 1 else { return }
        let shares = RewardShares.of(step.completions, weights: weights)
        for (name, _) in shares where !parts.contains(name) && parts.count < 30 { parts.append(name) }
        // The prompts of a step by their place: two groups of one prompt are one.
        var prompts: [String: Int] = [:]
        let texts = step.completions.map { record in
            let prompt = record["prompt"]?.stringValue ?? ""
            let place = prompts[prompt] ?? prompts.count
            prompts[prompt] = place
            return (text: record["completion"]?.stringValue ?? "", prompt: place)
        }
        let families = NearDuplicates.families(texts)
        let count = families.reduce(0) { $0 + $1.members.count }
        points.append(
            Point(
                step: step.step, shares: Dictionary(shares.map { ($0.name, $0.share) }) { first, _ in first },
                lengthCorrelation: RewardShares.lengthCorrelation(step.completions),
                duplicates: Double(count) / Double(texts.count)))
        if let family = families.first, family.members.count > 2 { keep(family, step) }
        guard points.count > Self.pointLimit, every < 1 << 40 else { return }
        every *= 2
        points.removeAll { $0.step % every != 0 && $0.step != 1 }
    }

    /// Keeps the largest families; of those that are alike the newest.
    private mutating func keep(_ family: NearDuplicates.Family, _ step: RecordedStep) {
        guard let place = family.members.first, step.completions.indices.contains(place) else { return }
        let text = step.completions[place]["completion"]?.stringValue ?? ""
        let rewards = family.members.compactMap { step.completions[$0]["reward"]?.doubleValue }
        let cluster = Cluster(
            step: step.step, count: family.members.count, prompts: family.prompts,
            reward: rewards.isEmpty ? nil : rewards.reduce(0, +) / Double(rewards.count),
            text: CompletionCard.excerpt(text, head: 1500, tail: 500), signature: NearDuplicates.signature(text))
        clusters.removeAll { NearDuplicates.areAlike($0.signature, cluster.signature) }
        clusters.append(cluster)
        clusters.sort { ($1.count, $1.step) < ($0.count, $0.step) }
        if clusters.count > Self.clusterLimit { clusters.removeLast() }
    }

    /// For the page.
    func json(findings: [Finding], top: [JSONValue]) -> JSONValue {
        func line(_ value: (Point) -> Double?) -> JSONValue {
            .array(points.map { value($0).map(MetricColumns.number) ?? .null })
        }
        return [
            "steps": .array(points.map { .integer($0.step) }),
            "parts": .object(JSONObject(parts.map { name in (VisibleText.of(name), line { $0.shares[name] }) })),
            "length": line { $0.lengthCorrelation }, "duplicates": line { $0.duplicates },
            "clusters": .array(
                clusters.map {
                    [
                        "step": .integer($0.step), "count": .integer($0.count), "prompts": .integer($0.prompts),
                        "reward": $0.reward.map(MetricColumns.number) ?? .null, "text": .string($0.text),
                    ]
                }),
            "findings": .array(findings.map(\.json)), "top": .array(top),
        ]
    }
}
