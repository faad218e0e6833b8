import Foundation

/// The operations as their formulas read, in Double and without any care for speed: what the fast ones are held to.
public enum Twin {
    /// y = x Wᵀ for x `[m, k]` and W `[n, k]`.
    public static func product(_ x: [Double], _ w: [Double], k: Int) -> [Double] {
        let (m, n) = (x.count / k, w.count / k)
        return (0..<m * n).map { index in
            let (row, column) = (index / n * k, index % n * k)
            return (0..<k).reduce(0) { $0 + x[row + $1] * w[column + $1] }
        }
    }

    /// Each row of the weight's width divided by its root mean square, times the weight.
    public static func rmsNorm(_ x: [Double], weight: [Double], epsilon: Double) -> [Double] {
        let width = weight.count
        var y = x
        for start in stride(from: 0, to: x.count, by: width) {
            let squares = (start..<start + width).reduce(0) { $0 + x[$1] * x[$1] }
            let scale = 1 / (squares / Double(width) + epsilon).squareRoot()
            for column in 0..<width { y[start + column] *= scale * weight[column] }
        }
        return y
    }

    /// g σ(g) u.
    public static func swiGLU(_ gate: [Double], _ up: [Double]) -> [Double] {
        zip(gate, up).map { g, u in g / (1 + exp(-g)) * u }
    }

    /// The halves of each head, turned by position · frequency, times `factor`.
    public static func rotary(
        _ x: [Double], positions: [Int32], heads: Int, frequencies: [Double], factor: Double
    ) -> [Double] {
        let half = frequencies.count
        var y = x
        for (row, position) in positions.enumerated() {
            for head in 0..<heads {
                for pair in 0..<half {
                    let place = (row * heads + head) * 2 * half + pair
                    let angle = Double(position) * frequencies[pair]
                    let (cosine, sine) = (cos(angle) * factor, sin(angle) * factor)
                    y[place] = x[place] * cosine - x[place + half] * sine
                    y[place + half] = x[place + half] * cosine + x[place] * sine
                }
            }
        }
        return y
    }

    /// log softmax(z / t).
    public static func logSoftmax(_ z: some Collection<Double>, temperature: Double = 1) -> [Double] {
        let scaled = z.map { $0 / temperature }
        let largest = scaled.max() ?? 0
        let normaliser = largest + log(scaled.reduce(0) { $0 + exp($1 - largest) })
        return scaled.map { $0 - normaliser }
    }

    /// Log-probability of the target and entropy, for each row.
    public static func tokenLogProbs(_ z: [Double], targets: [Int32], temperature: Double) -> [Double] {
        let width = z.count / targets.count
        return targets.enumerated().flatMap { row, target in
            let logs = logSoftmax(z[row * width..<(row + 1) * width], temperature: temperature)
            return [logs[Int(target)], -logs.reduce(0) { $0 + (exp($1) == 0 ? 0 : exp($1) * $1) }]
        }
    }

    /// softmax(q kᵀ / √D) v, one query row and head at a time.
    ///
    /// - Parameter visible: The rows of k and v that each row of q sees.
    public static func attention(
        _ q: [Double], _ k: [Double], _ v: [Double], heads: Int, keyHeads: Int, width: Int, visible: [[Int]]
    ) -> [Double] {
        let scale = 1 / Double(width).squareRoot()
        var y = [Double](repeating: 0, count: q.count)
        for (row, seen) in visible.enumerated() {
            for head in 0..<heads {
                let query = (row * heads + head) * width
                let places = seen.map { ($0 * keyHeads + head / (heads / keyHeads)) * width }
                let scores = places.map { key in
                    (0..<width).reduce(0) { $0 + q[query + $1] * k[key + $1] } * scale
                }
                for (place, log) in zip(places, logSoftmax(scores)) {
                    let p = exp(log)
                    for d in 0..<width { y[query + d] += p * v[place + d] }
                }
            }
        }
        return y
    }
}
