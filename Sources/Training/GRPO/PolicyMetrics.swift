/// Sums up what is logged about a micro-batch, as TRL does: means over active tokens, or over sequences where the ratio
/// belongs to the sequence; `min` and `max` are taken over the sequences' own shares.
struct MaskedMeans {
    private let rows: Int
    private let activeTokens: Int
    private var sums: [String: Double] = [:]
    /// Smallest share of ratios clipped below, and largest clipped above, among the sequences.
    private var lowMin, highMax: Double?

    init(_ batch: PolicyBatch) {
        rows = batch.rowCount
        activeTokens = batch.logProbs.indices.count(where: batch.isActive)
        if batch.entropies != nil { sums["entropy"] = 0 }
    }

    /// Adds a token's value to a mean over tokens.
    mutating func add(_ name: String, _ value: Double) { sums[name, default: 0] += value }

    /// Counts which ratios of a row were clipped; a sequence without tokens has the ratio 1 at the sequence's level and no
    /// share of its own at the tokens'.
    mutating func addClipping(
        _ surrogate: any PolicySurrogate, level: RatioLevel, ratios: [Double], advantage: Double
    ) {
        let counted = level == .token ? ratios : [ratios.first ?? 1]
        guard !counted.isEmpty else { return }
        add("weight", counted.reduce(0) { $0 + surrogate.weight(ratio: $1, advantage: advantage) })
        let clippings = counted.map { surrogate.clipping(ratio: $0, advantage: advantage) }
        let low = Double(clippings.count { $0 == .low })
        let high = Double(clippings.count { $0 == .high })
        add("low", low)
        add("high", high)
        lowMin = min(lowMin ?? 1, low / Double(counted.count))
        highMax = max(highMax ?? 0, high / Double(counted.count))
    }

    /// The means under TRL's names.
    func metrics(_ surrogate: any PolicySurrogate, level: RatioLevel) -> [String: Double] {
        let tokens = Double(max(activeTokens, 1))
        let ratios = level == .token ? tokens : Double(max(rows, 1))
        var metrics: [String: Double] = [:]
        for name in ["kl", "entropy"] { metrics[name] = sums[name].map { $0 / tokens } }
        let low = sums["low", default: 0] / ratios
        let high = sums["high", default: 0] / ratios
        switch surrogate.clippingMetrics {
        case .none: break
        case .region:
            metrics["clip_ratio/low_mean"] = low
            metrics["clip_ratio/low_min"] = lowMin ?? 0
            metrics["clip_ratio/high_mean"] = high
            metrics["clip_ratio/high_max"] = highMax ?? 0
            metrics["clip_ratio/region_mean"] = low + high
        case .single(let name): metrics[name] = high
        case .weight(let name): metrics[name] = sums["weight", default: 0] / ratios
        }
        return metrics
    }
}
