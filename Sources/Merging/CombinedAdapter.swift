import ModelFiles

/// Several adapters as one.
public struct CombinedAdapter: Sendable {
    /// Its adapter_config.json: rank r, alpha r, and the modules of all.
    public let configuration: AdapterConfiguration
    /// Its factors by module.
    public let weights: [AdapterWeights]
    /// ‖result − Σ w_i s_i B_i A_i‖ / ‖Σ w_i s_i B_i A_i‖ over all modules: 0 for exact methods, up to rounding.
    public let relativeError: Double

    /// Combines adapters.
    ///
    /// - Throws: `MergingError` if they are not of the same base, or not of what the method needs.
    public init(_ adapters: [WeightedAdapter], _ combination: Combination) throws {
        guard !adapters.isEmpty else { throw MergingError(.invalidOption, "there is no adapter to merge") }
        guard combination.method != .sum else {
            throw MergingError(
                .invalidOption, "the method sum is for a base; an adapter with the exact sum is method cat")
        }
        if let other = adapters.first(where: { !$0.isPlain }) {
            throw MergingError(
                .unsupported,
                "\(other.path) has DoRA magnitudes or weights saved whole, which no low-rank adapter can hold; merge it into "
                    + "the base with method sum")
        }
        var modules: [(name: String, tasks: [ModuleMerge.Task])] = []
        for name in adapters.moduleNames {
            var tasks: [ModuleMerge.Task] = []
            for (index, adapter) in adapters.enumerated() {
                guard let factors = try adapter.factors(of: name) else { continue }
                tasks.append(
                    ModuleMerge.Task(index: index, path: adapter.path, weight: adapter.weight, factors: factors))
            }
            modules.append((name, tasks))
        }
        let rank = Self.rank(modules.map(\.tasks), adapters.count, combination)
        var weights: [AdapterWeights] = []
        var (errors, norms) = (0.0, 0.0)
        for (name, tasks) in modules {
            let merge = ModuleMerge(name: name, tasks: tasks, combination: combination)
            let result = try merge.result(rank: rank)
            errors += merge.squaredError(of: result)
            norms += merge.squaredNorm
            weights.append(
                AdapterWeights(module: name, rank: rank, loraA: result.a.values, loraB: result.b.values))
        }
        self.weights = weights
        relativeError = norms > 0 ? (errors / norms).squareRoot() : errors.squareRoot()
        configuration = Self.configuration(adapters, rank: rank, modules: modules.map(\.name))
    }

    /// The rank of the result: chosen, the sum of all, or the largest.
    private static func rank(_ modules: [[ModuleMerge.Task]], _ count: Int, _ combination: Combination) -> Int {
        let largest = (0..<count).map { index in
            modules.flatMap { $0 }.filter { $0.index == index }.map(\.factors.a.rows).max() ?? 0
        }
        if combination.method == .cat { return largest.reduce(0, +) }
        return combination.rank ?? largest.max() ?? 1
    }

    private static func configuration(
        _ adapters: [WeightedAdapter], rank: Int, modules: [String]
    ) -> AdapterConfiguration {
        let all = adapters.map(\.folder.configuration)
        var result = AdapterConfiguration(r: rank, loraAlpha: Double(rank))
        result.baseModelNameOrPath = all[0].baseModelNameOrPath
        result.taskType = all[0].taskType
        var names: Set<String> = []
        let isPlain = all.allSatisfy { configuration in
            guard case .names(let list) = configuration.targetModules, configuration.layersToTransform == nil,
                configuration.excludeModules == .names([])
            else { return false }
            names.formUnion(list)
            return true
        }
        result.targetModules = .names(isPlain ? names.sorted() : modules)
        return result
    }

    /// Writes a PEFT folder, whole or not at all.
    ///
    /// - Throws: `ModelFileError`.
    public func write(to path: String, type: StoredType = .float32) throws(ModelFileError) {
        try AdapterFolder.write(configuration: configuration, weights: weights, type: type, to: path)
    }
}

/// The merge of one module.
struct ModuleMerge {
    /// An adapter's part in it.
    struct Task {
        let index: Int
        let path: String
        let weight: Double
        let factors: WeightedAdapter.Factors

        /// What the update B A is multiplied by.
        var factor: Double { weight * factors.scaling }
    }

    let name: String
    let tasks: [Task]
    let combination: Combination

    /// Σ w_i s_i B_i A_i as one product.
    private var exact: LowRankProduct {
        LowRankProduct(
            b: .sideBySide(tasks.map(\.factors.b)), a: .stacked(tasks.map { $0.factors.a.scaled($0.factor) }))
    }

    var squaredNorm: Double { exact.squaredNorm }

    /// ‖result − Σ w_i s_i B_i A_i‖².
    func squaredError(of result: (b: Matrix, a: Matrix)) -> Double {
        let exact = exact
        return LowRankProduct(b: .sideBySide([result.b, exact.b]), a: .stacked([result.a, exact.a.scaled(-1)]))
            .squaredNorm
    }

    /// The factors of the result, filled up with zeros to a rank.
    func result(rank: Int) throws(MergingError) -> (b: Matrix, a: Matrix) {
        let shapes = Set(tasks.map { [$0.factors.b.rows, $0.factors.a.columns] })
        guard shapes.count == 1 else {
            let list = tasks.map { "\($0.path) has [\($0.factors.b.rows), \($0.factors.a.columns)]" }
            throw MergingError(
                .mismatched,
                "module '\(name)' has different sizes: \(list.joined(separator: ", ")); the adapters are for different bases"
            )
        }
        let factors: (b: Matrix, a: Matrix)
        switch combination.method {
        case .sum, .cat: factors = (exact.b, exact.a)
        case .svd: factors = exact.truncated(rank: rank)
        case .linear, .ties, .dareLinear, .dareTies, .magnitudePrune: factors = try mergedFactors()
        case .tiesSVD, .dareLinearSVD, .dareTiesSVD, .magnitudePruneSVD: factors = mergedUpdates(rank: rank)
        }
        return (factors.b.resized(columns: rank), factors.a.resized(rows: rank))
    }

    /// A and B merged apart, each with √|w s|, and the sign with A, as PEFT has it.
    private func mergedFactors() throws(MergingError) -> (b: Matrix, a: Matrix) {
        let ranks = Set(tasks.map(\.factors.a.rows))
        guard ranks.count == 1, let first = tasks.first?.factors else {
            throw MergingError(
                .mismatched,
                "module '\(name)' has the ranks \(ranks.sorted().map(String.init).joined(separator: " and ")); the method "
                    + "\(combination.method.rawValue) needs equal ones. Take cat, svd"
                    + (combination.method == .linear ? "" : " or \(combination.method.rawValue)_svd"))
        }
        func merged(_ part: String, _ matrix: (Task) -> Matrix, sign: Bool) -> [Float] {
            TaskArithmetic(combination, name: "\(name).\(part)").combined(
                tasks.map { task in
                    let root = abs(task.factor).squareRoot()
                    return (task.index, sign && task.factor < 0 ? -root : root, matrix(task).values)
                })
        }
        return (
            Matrix(rows: first.b.rows, columns: first.b.columns, values: merged("lora_B", \.factors.b, sign: false)),
            Matrix(rows: first.a.rows, columns: first.a.columns, values: merged("lora_A", \.factors.a, sign: true))
        )
    }

    /// The updates s B A merged as dense matrices, then brought to a rank.
    private func mergedUpdates(rank: Int) -> (b: Matrix, a: Matrix) {
        let updates = tasks.map { task in
            (task.index, task.weight, task.factors.b.scaled(task.factors.scaling).product(task.factors.a).values)
        }
        let rows = tasks.first?.factors.b.rows ?? 0
        let columns = tasks.first?.factors.a.columns ?? 0
        let merged = TaskArithmetic(combination, name: "\(name).delta").combined(updates)
        return LowRankProduct.truncated(dense: Matrix(rows: rows, columns: columns, values: merged), rank: rank)
    }
}
