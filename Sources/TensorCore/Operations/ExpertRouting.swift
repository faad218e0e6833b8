import Foundation

/// The experts that each row is sent to, and what their outputs count.
public struct ExpertChoice: Sendable {
    /// The weights, `[N, K]`, the largest first; the gradient flows through them to the router.
    public let weights: Tensor
    /// The experts they belong to, row by row, `N · K` numbers.
    public let experts: [Int]
}

/// Sends each row to its K most probable experts.
///
///     p = softmax(z)       w[n,k] = p[n, e_k],  or p[n, e_k] / Σ_j p[n, e_j] where renormalised
///     renormalised:  du_k = (dw_k − Σ_j dw_j w_j) / Σ_j p_j,  u = p at the chosen experts;  else du = dw
///     dz[n,e] = p[n,e] · (du[n,e] − Σ_k du_k p_k),  du = 0 for experts that were not chosen
///
/// Of equally probable experts the lower number comes first. The choice itself has no gradient. Sums run over experts in
/// ascending order, in Double: there are few of them, and a row's result depends on the row alone.
///
/// Source: Shazeer et al. 2017, arXiv:1701.06538, with softmax before the choice, as Qwen's mixtures have it.
/// - Parameter logits: z, `[N, E]`.
/// - Parameter count: K, from 1 to E.
/// - Parameter renormalized: Whether a row's weights add up to 1 (`norm_topk_prob`).
/// - Parameter balance: Counts the choices, and adds to the gradient that of its own loss.
public func chooseExperts(
    _ logits: Tensor, count: Int, renormalized: Bool, balance: ExpertBalance? = nil
) -> ExpertChoice {
    precondition(
        logits.shape.count == 2 && count >= 1 && count <= logits.shape[1],
        "chooseExperts: \(count) of logits \(logits.shape), expected from 1 to \(logits.dimension(-1))")
    let (rows, width) = (logits.shape[0], logits.shape[1])
    let weights = Tensor(shape: [rows, count])
    let choices = eachRow(rows) { row in
        let choice = RowChoice(UnsafeBufferPointer(start: logits.floats + row * width, count: width), count: count)
        for (k, weight) in choice.weights(renormalized).enumerated() { weights.floats[row * count + k] = Float(weight) }
        return choice
    }
    balance?.observe(choices)
    let recorded = record(weights, from: logits) { dy in
        let pulls = balance?.gradients(rows: rows)
        let dlogits = Tensor(shape: [rows, width])
        parallelFor(rows, pieces: rowsAtATime) { range in
            for row in range {
                let dweights = (0..<count).map { Double(dy.floats[row * count + $0]) }
                let gradient = choices[row].gradient(dweights, renormalized, pull: pulls?[row] ?? [])
                for (expert, value) in gradient.enumerated() { dlogits.floats[row * width + expert] = Float(value) }
            }
        }
        return [dlogits]
    }
    return ExpertChoice(weights: recorded, experts: choices.flatMap(\.experts))
}

/// Rows that a thread takes at a time.
private let rowsAtATime = 16

/// What a body makes of each row, in order.
private func eachRow<Result>(_ rows: Int, _ body: (Int) -> Result) -> [Result] {
    [Result](unsafeUninitializedCapacity: rows) { results, count in
        parallelFor(rows, pieces: rowsAtATime) { range in
            for row in range { results.initializeElement(at: row, to: body(row)) }
        }
        count = rows
    }
}

/// One row's probabilities and the experts chosen.
struct RowChoice: Sendable {
    let probabilities: [Double]
    let experts: [Int]

    init(_ logits: UnsafeBufferPointer<Float>, count: Int) {
        let largest = Double(logits.max() ?? 0)
        let powers = logits.map { exp(Double($0) - largest) }
        let sum = powers.reduce(0, +)
        probabilities = powers.map { $0 / sum }
        experts = Self.largest(count, of: logits)
    }

    /// The places of the largest numbers, in falling order; of equal ones the lower place comes first.
    private static func largest(_ count: Int, of numbers: UnsafeBufferPointer<Float>) -> [Int] {
        var places: [Int] = []
        places.reserveCapacity(count + 1)
        for place in numbers.indices {
            if places.count == count, let last = places.last, !(numbers[place] > numbers[last]) { continue }
            var rank = places.count
            while rank > 0, numbers[place] > numbers[places[rank - 1]] { rank -= 1 }
            places.insert(place, at: rank)
            if places.count > count { places.removeLast() }
        }
        return places
    }

    /// Probability of all chosen experts together.
    private var total: Double { experts.reduce(0) { $0 + probabilities[$1] } }

    func weights(_ renormalized: Bool) -> [Double] {
        let divisor = renormalized ? total : 1
        return experts.map { probabilities[$0] / divisor }
    }

    /// The gradient by all logits, from that by the weights, and where given one by all probabilities.
    func gradient(_ dweights: [Double], _ renormalized: Bool, pull: [Double] = []) -> [Double] {
        var dchosen = dweights
        if renormalized {
            let mean = zip(dweights, weights(true)).reduce(0) { $0 + $1.0 * $1.1 }
            dchosen = dweights.map { ($0 - mean) / total }
        }
        let mean = zip(dchosen, experts).reduce(0) { $0 + $1.0 * probabilities[$1.1] }
        var dlogits = probabilities.map { -$0 * mean }
        for (value, expert) in zip(dchosen, experts) { dlogits[expert] += probabilities[expert] * value }
        let level = zip(pull, probabilities).reduce(0) { $0 + $1.0 * $1.1 }
        for (expert, value) in pull.enumerated() { dlogits[expert] += probabilities[expert] * (value - level) }
        return dlogits
    }
}
