import CKernels
import Foundation
import NumericalTesting
import Testing

@Suite("Softmax over the vocabulary")
struct TokenLogProbTests {
    private struct Result {
        var (logProb, entropy, logSumExp): (Float, Float, Float) = (.nan, .nan, .nan)
    }

    private func run(_ kernels: Kernels, _ z: [Float], target: Int, temperature: Float = 1) -> Result {
        var result = Result()
        kernels.table.pointee.token_log_prob(
            &result.logProb, &result.entropy, &result.logSumExp, z, z.count, target, temperature)
        return result
    }

    private func gradient(
        _ kernels: Kernels, _ z: [Float], _ target: Int, _ temperature: Float, _ forward: Result, _ dy: (Float, Float)
    ) -> [Float] {
        var dz = [Float](repeating: .nan, count: z.count)
        kernels.table.pointee.token_log_prob_backward(
            &dz, z, z.count, target, temperature, forward.logSumExp, forward.entropy, dy.0, dy.1)
        return dz
    }

    /// (1[target] − p) dy₀ / t − p (log p + H) dy₁ / t.
    private func expectedGradient(_ z: [Float], _ target: Int, _ temperature: Float, _ dy: (Float, Float)) -> [Double] {
        let logs = Twin.logSoftmax(z.map(Double.init), temperature: Double(temperature))
        let entropy = -logs.reduce(0) { $0 + (exp($1) == 0 ? 0 : exp($1) * $1) }
        return logs.enumerated().map { index, log in
            let p = exp(log)
            let first = (index == target ? 1 : 0) - p
            let second = p == 0 ? 0 : p * (log + entropy)
            return (Double(dy.0) * first - Double(dy.1) * second) / Double(temperature)
        }
    }

    private func check(
        _ kernels: Kernels, _ z: [Float], target: Int, temperature: Float, _ tolerance: Tolerance, _ what: String
    ) {
        let result = run(kernels, z, target: target, temperature: temperature)
        let expected = Twin.tokenLogProbs(
            z.map(Double.init), targets: [Int32(target)], temperature: Double(temperature))
        expectClose([result.logProb, result.entropy], expected, tolerance, what)
        let dy: (Float, Float) = (0.7, -0.4)
        expectClose(
            gradient(kernels, z, target, temperature, result, dy), expectedGradient(z, target, temperature, dy),
            Tolerance(absolute: 2e-7, ofLargest: 1e-5), "gradient of \(what)")
    }

    @Test("a draw is the first token whose sum of probabilities passes the uniform number", arguments: Kernels.all)
    func draws(kernels: Kernels) {
        for count in [1, 15, 16, 17, 511, 513, 3000] {
            for temperature: Float in [1, 0.5, 2] {
                var values = TestValues(count)
                var z = values.floats(count, 6)
                if count > 20 { for index in stride(from: 0, to: count, by: 7) { z[index] = -.infinity } }
                let probabilities = Twin.logSoftmax(z.map(Double.init), temperature: Double(temperature)).map {
                    exp($0)
                }
                var sums = [Double](repeating: .nan, count: (count + 511) / 512)
                for step in 0..<200 {
                    let uniform = Double(step) / 200
                    var logProb = Float.nan
                    let token = kernels.table.pointee.sample_token(&logProb, &sums, z, count, temperature, uniform)
                    let before = probabilities[..<token].reduce(0, +)
                    // Sums of floats: near a border either neighbour is right.
                    #expect(before <= uniform + 1e-5 && uniform - 1e-5 < before + probabilities[token])
                    #expect(probabilities[token] > 0)
                    let twin = run(kernels, z, target: token, temperature: temperature)
                    #expect(logProb.bitPattern == twin.logProb.bitPattern)
                }
            }
        }
    }

    @Test("rows without a usable token draw none", arguments: Kernels.all)
    func unusable(kernels: Kernels) {
        var logProb: Float = 0
        var sums = [0.0]
        for z: [Float] in [
            [1, .nan, 2], [1, .infinity], [-.infinity, -.infinity], Array(repeating: 0, count: 30) + [.nan],
        ] {
            #expect(kernels.table.pointee.sample_token(&logProb, &sums, z, z.count, 1, 0.5) == -1)
        }
        #expect(kernels.table.pointee.sample_token(&logProb, &sums, [-.infinity, 3], 2, 1, 0) == 1)
        #expect(kernels.table.pointee.sample_token(&logProb, &sums, [3, -.infinity], 2, 1, 0.999999) == 0)
    }

    @Test("log-probability, entropy and gradient equal Double for all sizes", arguments: Kernels.all)
    func sizes(kernels: Kernels) {
        for count in counts + [511, 512, 513, 1025, 4000] {
            for temperature: Float in [1, 0.7, 2.5] {
                var values = TestValues(count)
                let z = values.floats(count, 8)
                for target in Set([0, count / 2, count - 1]) {
                    check(
                        kernels, z, target: target, temperature: temperature, Tolerance(absolute: 3e-6, relative: 1e-6),
                        "\(count) logits, target \(target), temperature \(temperature)")
                }
            }
        }
    }

    @Test("the whole vocabulary of Qwen keeps the error of a small one", arguments: Kernels.all)
    func wholeVocabulary(kernels: Kernels) {
        var values = TestValues(151_936)
        let z = values.floats(151_936, 10)
        check(
            kernels, z, target: 151_935, temperature: 1, Tolerance(absolute: 3e-6, relative: 3e-7), "vocabulary")
        let equal = run(kernels, [Float](repeating: -3.25, count: 151_936), target: 77)
        let expected = [-log(151_936.0), log(151_936.0)]
        expectClose([equal.logProb, equal.entropy], expected, Tolerance(absolute: 2e-6), "equal logits")
    }

    @Test("logits of −∞ have probability 0 and a finite gradient of 0", arguments: Kernels.all)
    func impossibleTokens(kernels: Kernels) {
        for count in [2, 16, 17, 40] {
            var values = TestValues(count)
            var z = values.floats(count, 3)
            for index in stride(from: 1, to: count, by: 2) { z[index] = -.infinity }
            check(kernels, z, target: 0, temperature: 1, Tolerance(absolute: 3e-6), "\(count) logits, half of them −∞")
            let result = run(kernels, z, target: 1)
            #expect(result.logProb == -.infinity)
            let dz = gradient(kernels, z, 0, 1, result, (1, 1))
            #expect(dz.enumerated().allSatisfy { $1.isFinite && ($0 % 2 == 0 || $1 == 0) }, "\(dz)")
        }
        let single = run(kernels, [-.infinity, 5, -.infinity], target: 1)
        #expect(single.logProb == 0 && single.entropy == 0)
    }

    @Test("logits of ±10,000 neither overflow nor lose the winner", arguments: Kernels.all)
    func largeLogits(kernels: Kernels) {
        for sign: Float in [1, -1] {
            let z = (0..<50).map { sign * 1e4 + Float($0 % 7) }
            check(kernels, z, target: 3, temperature: 1, Tolerance(absolute: 5e-6), "logits around \(sign * 1e4)")
        }
        let far = run(kernels, [1e4, -1e4, 0], target: 1)
        expectClose([far.logProb, far.entropy], [-2e4, 0], Tolerance(absolute: 1e-6))
    }

    @Test("equal logits give the logarithm of their number", arguments: Kernels.all)
    func equalLogits(kernels: Kernels) {
        for count in counts {
            for value: Float in [0, 2, -1e4] {
                let result = run(kernels, [Float](repeating: value, count: count), target: count - 1)
                let expected = [-log(Double(count)), log(Double(count))]
                expectClose(
                    [result.logProb, result.entropy], expected, Tolerance(absolute: 1e-6), "\(count) × \(value)")
            }
        }
    }

    @Test("the exponential is within two units in the last place", arguments: Kernels.all)
    func exponential(kernels: Kernels) {
        // With dlogp = 1, a log-sum-exp of 0 and another token as target the gradient is −e^z.
        let z = stride(from: Float(-87), through: 88, by: 0.0137).map { $0 }
        var dz = [Float](repeating: 0, count: z.count + 1)
        kernels.table.pointee.token_log_prob_backward(&dz, z + [0], z.count + 1, z.count, 1, 0, 0, 1, 0)
        expectClose(dz.dropLast().map { -$0 }, z.map { exp(Double($0)) }, Tolerance(relative: 2.4e-7))
        kernels.table.pointee.token_log_prob_backward(&dz, [-88, -200, -.infinity, 0], 4, 3, 1, 0, 0, 1, 0)
        #expect(dz[..<3].allSatisfy { $0 == 0 }, "below the smallest normal number")
    }
}
