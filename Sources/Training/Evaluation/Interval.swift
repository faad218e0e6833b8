/// A share with its 95 % confidence interval.
public struct Proportion: Sendable, Equatable {
    /// The estimate; NaN of nothing.
    public let mean: Double
    /// Lower end of the interval.
    public let low: Double
    /// Upper end of the interval.
    public let high: Double

    /// The 97.5 % quantile of the normal distribution.
    private static let z = 1.959963984540054

    /// Wilson's interval for a count of successes: right at small counts and near 0 and 1, where the usual one is not.
    ///
    ///     ( p + z²/2n ± z·√( p(1−p)/n + z²/4n² ) ) / ( 1 + z²/n )
    ///
    /// Source: Wilson 1927, J. Am. Stat. Assoc. 22(158).
    public init(successes: Int, of count: Int) {
        guard count > 0 else {
            (mean, low, high) = (.nan, 0, 1)
            return
        }
        let (n, z) = (Double(count), Self.z)
        let p = Double(successes) / n
        let centre = p + z * z / (2 * n)
        let margin = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        mean = p
        // At the ends the exact bound is the estimate itself; rounding must not cross it.
        low = successes == 0 ? 0 : min(p, (centre - margin) / scale)
        high = successes == count ? 1 : max(p, (centre + margin) / scale)
    }

    /// The normal interval of the mean over problems, each with its own share: samples of one problem are not
    /// independent, problems are.
    public init(shares: [Double]) {
        guard shares.count > 1 else {
            (mean, low, high) = (shares.first ?? .nan, 0, 1)
            return
        }
        let n = Double(shares.count)
        let mean = shares.reduce(0, +) / n
        let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let margin = Self.z * (variance / n).squareRoot()
        (self.mean, low, high) = (mean, max(0, mean - margin), min(1, mean + margin))
    }
}
