/// How several adapters become one. The names are PEFT's; `sum` is the one that PEFT lacks.
///
/// With D_i = w_i · s_i · B_i A_i, the weighted update of adapter i:
public enum MergeMethod: String, CaseIterable, Sendable {
    /// Σ D_i, exactly; only into a base, where no rank limits it.
    case sum
    /// PEFT's `linear`: (Σ √|w_i s_i| B_i)(Σ ±√|w_i s_i| A_i). Not the sum of the updates: it has products of one
    /// adapter's B with another's A.
    case linear
    /// Σ D_i, exactly: the factors side by side. The rank is the sum of the ranks.
    case cat
    /// The best approximation of Σ D_i of a rank.
    case svd
    /// TIES on the factors: keep the largest, elect a sign, average those that agree (Yadav et al. 2023, arXiv:2306.01708).
    case ties
    /// DARE on the factors: drop at random and scale up the rest, then as `linear` (Yu et al. 2023, arXiv:2311.03099).
    case dareLinear = "dare_linear"
    /// DARE on the factors, then TIES' sign election.
    case dareTies = "dare_ties"
    /// Keep the largest numbers of the factors, then as `linear`.
    case magnitudePrune = "magnitude_prune"
    /// TIES on the updates themselves, brought to a rank by SVD.
    case tiesSVD = "ties_svd"
    /// DARE on the updates themselves, brought to a rank by SVD.
    case dareLinearSVD = "dare_linear_svd"
    /// DARE and TIES' sign election on the updates themselves, brought to a rank by SVD.
    case dareTiesSVD = "dare_ties_svd"
    /// Keep the largest numbers of the updates themselves, brought to a rank by SVD.
    case magnitudePruneSVD = "magnitude_prune_svd"

    /// Whether it works on A and B apart, which needs equal ranks.
    var isOnFactors: Bool { [.linear, .ties, .dareLinear, .dareTies, .magnitudePrune].contains(self) }
    /// Whether the result is exactly Σ D_i.
    public var isExact: Bool { self == .sum || self == .cat }
    /// Whether a rank may be chosen.
    public var takesRank: Bool { rawValue.hasSuffix("svd") }
    /// Whether a share of the numbers is kept.
    public var takesDensity: Bool { pruning != nil }
    /// Whether signs are elected.
    var electsSign: Bool { [.ties, .tiesSVD, .dareTies, .dareTiesSVD].contains(self) }

    enum Pruning { case magnitude, random }

    var pruning: Pruning? {
        switch self {
        case .sum, .linear, .cat, .svd: nil
        case .ties, .tiesSVD, .magnitudePrune, .magnitudePruneSVD: .magnitude
        case .dareLinear, .dareLinearSVD, .dareTies, .dareTiesSVD: .random
        }
    }
}

/// A method with its options.
public struct Combination: Sendable {
    /// What the sign of a number is elected by.
    public enum MajoritySign: String, CaseIterable, Sendable {
        /// The sum of the values.
        case total
        /// The number of positive and negative values.
        case frequency
    }

    /// The method.
    public let method: MergeMethod
    /// The share of numbers that pruning keeps; 1 without pruning.
    public let density: Double
    /// The rank of the result, for the SVD methods; the largest of the adapters' unless given.
    public let rank: Int?
    /// How signs are elected.
    public let majoritySign: MajoritySign
    /// What random pruning is a function of.
    public let seed: UInt64

    /// A method, its options checked.
    ///
    /// - Throws: `MergingError` (`invalidOption`).
    public init(
        _ method: MergeMethod, density: Double? = nil, rank: Int? = nil, majoritySign: MajoritySign? = nil,
        seed: UInt64 = 0
    ) throws(MergingError) {
        if method.takesDensity {
            guard let density, density > 0, density <= 1 else {
                throw MergingError(
                    .invalidOption,
                    "the method \(method.rawValue) keeps a share of the numbers: density is "
                        + "\(density.map { "\($0)" } ?? "missing"), expected more than 0 and at most 1")
            }
        } else if density != nil {
            throw MergingError(.invalidOption, "the method \(method.rawValue) drops no numbers: leave density out")
        }
        if let rank {
            guard method.takesRank else {
                throw MergingError(
                    .invalidOption, "the method \(method.rawValue) has no choice of rank: leave it out or take svd")
            }
            guard (1...65_536).contains(rank) else {
                throw MergingError(.invalidOption, "rank is \(rank), expected 1 to 65536")
            }
        }
        guard majoritySign == nil || method.electsSign else {
            throw MergingError(.invalidOption, "the method \(method.rawValue) elects no signs: leave majority sign out")
        }
        self.method = method
        self.density = density ?? 1
        self.rank = rank
        self.majoritySign = majoritySign ?? .total
        self.seed = seed
    }
}
