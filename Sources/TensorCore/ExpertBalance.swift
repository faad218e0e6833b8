import Synchronization

/// What pulls routers towards using their experts evenly: the load-balancing loss of a pass.
///
///     loss[u] = E Σ_e f[u,e] P[u,e]        dp[n,e] = w E f[u,e] / M[u]
///
/// f is how many of the unit's rows chose an expert, P the probability that they gave it, both over all rows of the unit in
/// all routers, divided by their number M; w is what a unit's loss counts. f has no gradient. Even use gives K, the number
/// of experts a row. Sums are Double, in the order of routers and rows.
///
/// Each unit has a loss of its own, so that it does not depend on what else is in the pass.
///
/// Source: Fedus et al. 2021, arXiv:2101.03961, equations 4 to 6; over all routers at once as in transformers'
/// `load_balancing_loss_func`.
public final class ExpertBalance: Sendable {
    private struct Sums {
        var chosen: [Double]
        var probability: [Double]
        var rows = 0
    }

    private struct State {
        var units: [Sums]
        var isOpen = true
    }

    /// E.
    private let experts: Int
    private let units: [Range<Int>]
    private let weight: Double
    private let state: Mutex<State>

    /// The balance of a pass whose rows fall into units.
    ///
    /// - Parameter weight: w, what the loss of a unit counts in the objective.
    public init(units: [Range<Int>], experts: Int, weight: Double) {
        (self.units, self.experts, self.weight) = (units, experts, weight)
        let none = Sums(chosen: .init(repeating: 0, count: experts), probability: .init(repeating: 0, count: experts))
        state = Mutex(State(units: .init(repeating: none, count: units.count)))
    }

    /// Ends the forward pass: routers that compute again for the backward pass no longer count.
    public func close() { state.withLock { $0.isOpen = false } }

    /// The loss of each unit.
    public var losses: [Double] {
        state.withLock { state in
            state.units.map { sums in
                let rows = Double(max(sums.rows, 1))
                return Double(experts)
                    * zip(sums.chosen, sums.probability).reduce(0) { $0 + $1.0 / rows * ($1.1 / rows) }
            }
        }
    }

    /// Counts the rows of one router.
    func observe(_ choices: [RowChoice]) {
        state.withLock { state in
            guard state.isOpen else { return }
            for (unit, rows) in units.enumerated() {
                state.units[unit].rows += rows.count
                for row in rows {
                    for expert in choices[row].experts { state.units[unit].chosen[expert] += 1 }
                    for (expert, p) in choices[row].probabilities.enumerated() {
                        state.units[unit].probability[expert] += p
                    }
                }
            }
        }
    }

    /// The gradient by the probabilities of each row; empty for rows outside all units.
    func gradients(rows count: Int) -> [[Double]] {
        var result = [[Double]](repeating: [], count: count)
        state.withLock { state in
            for (sums, rows) in zip(state.units, units) {
                let total = Double(max(sums.rows, 1))
                let gradient = sums.chosen.map { weight * Double(experts) * ($0 / total) / total }
                for row in rows { result[row] = gradient }
            }
        }
        return result
    }
}
