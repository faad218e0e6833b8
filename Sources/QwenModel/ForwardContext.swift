import TensorCore

/// Rows with the weight that their adapter has of its own, if it has one, and where that weight's gradient goes.
typealias WeightPart = (rows: Range<Int>, weight: Adapter.Weight?, gradient: Tensor?)

/// What a forward pass carries besides activations.
public struct ForwardContext: Sendable {
    /// Which adapter applies to which rows; disjoint ranges, rising.
    public let adapters: [AdapterRun]
    /// Where parameter gradients go; `nil` when nothing is recorded.
    public let pass: GradientPass?
    /// Which inputs of adapters are dropped, where any are.
    let dropout: RowDropout?
    /// What pulls routers towards even use; counts rows as the whole batch numbers them.
    var balance: ExpertBalance?
    /// Whether trained weights are the base's own: no adapter has weights of the same names.
    private let trainsBase: Bool

    /// A context.
    public init(adapters: [AdapterRun], pass: GradientPass?, dropout: RowDropout? = nil) {
        self.init(
            adapters: adapters, pass: pass, dropout: dropout,
            trainsBase: adapters.allSatisfy { $0.adapter.weights.isEmpty })
    }

    private init(adapters: [AdapterRun], pass: GradientPass?, dropout: RowDropout?, trainsBase: Bool) {
        (self.adapters, self.pass, self.dropout, self.trainsBase) = (adapters.merged(), pass, dropout, trainsBase)
    }

    /// The same with another pass.
    func with(_ pass: GradientPass?) -> ForwardContext {
        var context = ForwardContext(adapters: adapters, pass: pass, dropout: dropout, trainsBase: trainsBase)
        context.balance = balance
        return context
    }

    /// The context as a piece of the rows sees it.
    func restricted(to rows: Range<Int>, pass: GradientPass?) -> ForwardContext {
        let runs = adapters.compactMap { run -> AdapterRun? in
            let part = run.rows.clamped(to: rows)
            guard !part.isEmpty else { return nil }
            return AdapterRun(
                rows: part.lowerBound - rows.lowerBound..<part.upperBound - rows.lowerBound, adapter: run.adapter)
        }
        return ForwardContext(
            adapters: runs, pass: pass?.restricted(to: rows), dropout: dropout?.selecting(Array(rows)),
            trainsBase: trainsBase)
    }

    /// The context of chosen rows, numbered as they come from where they begin: runs and units hold the same rows as
    /// before.
    ///
    /// - Parameter rows: Row numbers; those of one run or unit stand together.
    func selecting(_ rows: ArraySlice<Int>) -> ForwardContext {
        func selected(_ range: Range<Int>) -> Range<Int> {
            guard let first = rows.firstIndex(where: range.contains),
                let last = rows.lastIndex(where: range.contains)
            else { return 0..<0 }
            precondition(
                rows[first...last].allSatisfy(range.contains), "selecting: rows of one unit or run must stand together")
            return first..<last + 1
        }
        let runs = adapters.map { AdapterRun(rows: selected($0.rows), adapter: $0.adapter) }
            .filter { !$0.rows.isEmpty }
        let pass = pass.map { pass in
            GradientPass(parameters: pass.parameters, units: pass.units.map(selected).filter { !$0.isEmpty })
        }
        return ForwardContext(
            adapters: runs, pass: pass, dropout: dropout?.selecting(Array(rows), from: rows.startIndex),
            trainsBase: trainsBase)
    }

    /// The gradient of one of the base's own weights.
    func baseGradient(of name: String) -> Tensor? { trainsBase ? pass?.gradient(of: name) : nil }

    /// Cuts rows into parts, in order: those with a weight of their adapter's own, and the others.
    func parts(_ rows: Range<Int>, name: String) -> [WeightPart] {
        if trainsBase { return [(rows, nil, baseGradient(of: name))] }
        var parts: [WeightPart] = []
        var row = rows.lowerBound
        for run in adapters {
            let part = run.rows.clamped(to: rows)
            guard !part.isEmpty, let weight = run.adapter.weights[name] else { continue }
            if row < part.lowerBound { parts.append((row..<part.lowerBound, nil, baseGradient(of: name))) }
            parts.append((part, weight, pass?.gradient(of: name)))
            row = part.upperBound
        }
        if row < rows.upperBound || parts.isEmpty {
            parts.append((row..<rows.upperBound, nil, baseGradient(of: name)))
        }
        return parts
    }
}

extension [AdapterRun] {
    /// Neighbours with one adapter made one run.
    fileprivate func merged() -> [AdapterRun] {
        reduce(into: []) { runs, run in
            guard let last = runs.last, last.adapter === run.adapter, last.rows.upperBound == run.rows.lowerBound else {
                return runs.append(run)
            }
            runs[runs.count - 1] = AdapterRun(rows: last.rows.lowerBound..<run.rows.upperBound, adapter: run.adapter)
        }
    }
}

/// Consecutive rows of a batch that use one adapter.
public struct AdapterRun: Sendable {
    /// The rows.
    public let rows: Range<Int>
    /// Their adapter.
    public let adapter: Adapter

    /// A run.
    public init(rows: Range<Int>, adapter: Adapter) {
        self.rows = rows
        self.adapter = adapter
    }
}
