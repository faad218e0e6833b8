extension LineChart.Series {
    /// The mean of several runs that differ in their seed, with its 95 % interval over runs: Student's, for the few there are.
    ///
    ///     mean ± t(0.975, n − 1) · s / √n
    ///
    /// Only places that all lines have are drawn. The interval tells what other seeds would do, not other problems.
    ///
    /// - Parameter lines: The points of each run; their own intervals are not used.
    public init(_ label: String, meanOf lines: [[LineChart.Point]]) {
        let values = lines.map { line in Dictionary(line.map { ($0.x, $0.y) }) { _, last in last } }
        let places = (values.first?.keys.sorted() ?? []).filter { x in values.allSatisfy { $0[x]?.isFinite == true } }
        self.init(
            label,
            places.map { x in
                let ys = values.compactMap { $0[x] }
                let mean = ys.reduce(0, +) / Double(ys.count)
                guard ys.count > 1 else { return LineChart.Point(x, mean) }
                let variance = ys.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ys.count - 1)
                let margin = Self.quantile(ys.count - 1) * (variance / Double(ys.count)).squareRoot()
                return LineChart.Point(x, mean, interval: mean - margin...mean + margin)
            })
    }

    /// The 97.5 % quantile of Student's distribution.
    static func quantile(_ degrees: Int) -> Double {
        let table = [
            12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
            2.120,
            2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
        ]
        return degrees <= table.count ? table[max(0, degrees - 1)] : 1.96
    }
}
