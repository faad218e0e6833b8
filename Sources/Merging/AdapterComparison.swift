import ModelFiles

/// How far two adapters are from one another, by the updates s·B·A that they make.
public struct AdapterComparison: Sendable {
    /// The updates of one module.
    public struct Module: Sendable {
        /// The module's name.
        public let name: String
        /// ‖D‖ of each adapter (Frobenius); 0 where it does not correct the module.
        public let norms: (first: Double, second: Double)
        /// ‖D₁ − D₂‖.
        public let difference: Double
        /// ⟨D₁, D₂⟩ / (‖D₁‖ ‖D₂‖); `nil` where one is zero.
        public let cosine: Double?
    }

    /// The modules of either, sorted.
    public let modules: [Module]

    /// Compares two adapters.
    ///
    /// - Throws: `MergingError` (`mismatched`) if a module has different sizes, `ModelFileError`.
    public init(_ first: WeightedAdapter, _ second: WeightedAdapter) throws {
        modules = try [first, second].moduleNames.map { name in
            let parts = try [first, second].map { adapter in
                try adapter.factors(of: name).map {
                    LowRankProduct(b: $0.b, a: $0.a.scaled($0.scaling))
                }
            }
            let sizes = Set(parts.compactMap { $0.map { [$0.b.rows, $0.a.columns] } })
            guard sizes.count == 1 else {
                throw MergingError(
                    .mismatched,
                    "module '\(name)' has different sizes in \(first.path) and \(second.path); they are for "
                        + "different bases")
            }
            let squares = parts.map { $0?.squaredNorm ?? 0 }
            let both = parts.compactMap { $0 }
            // ‖D₁ − D₂‖² from one product, so that equal adapters give 0 up to rounding.
            var square = squares[0] + squares[1]
            if both.count == 2 {
                square =
                    LowRankProduct(
                        b: .sideBySide([both[0].b, both[1].b]), a: .stacked([both[0].a, both[1].a.scaled(-1)])
                    ).squaredNorm
            }
            let norms = (first: squares[0].squareRoot(), second: squares[1].squareRoot())
            let scale = norms.first * norms.second
            return Module(
                name: name, norms: norms, difference: square.squareRoot(),
                cosine: scale > 0 ? min(1, max(-1, (squares[0] + squares[1] - square) / 2 / scale)) : nil)
        }
    }
}
