import Foundation
import OrderedJSON
import Randomness
import Testing
import Training

private let isThere = ReferenceData.has("ops/optimizers.safetensors") && ReferenceData.has("ops/optimizers.json")

/// Random parameters or gradients.
private func draw(_ count: Int, seed: UInt64) -> [Float] {
    let address = RandomAddress(seed: seed, purpose: .probe)
    return (0..<count).map { Float(address.uniform(at: $0) * 2 - 1) }
}

@Suite("AdamW")
struct AdamWTests {
    @Test("trajectories equal torch's AdamW", .enabled(if: isThere, "reference data is not there"))
    func reference() throws {
        let settings = try ReferenceData.json("ops/optimizers.json")
        let tensors = try ReferenceData.floats("ops/optimizers.safetensors")
        let start = try #require(tensors["p0"])
        let gradients = try #require(tensors["grads"])
        for name in (settings.objectValue ?? JSONObject()).keys where name.hasPrefix("adamw") {
            let setting = try #require(settings[name])
            let betas = setting["betas"]?.doubles ?? []
            let optimizer = AdamW(
                beta1: try #require(betas.first), beta2: try #require(betas.last),
                epsilon: try #require(setting["eps"]?.doubleValue),
                weightDecay: try #require(setting["weight_decay"]?.doubleValue))
            let expected = try #require(tensors["\(name).trajectory"])
            var parameters = start
            var state = AdamWState(count: start.count)
            for step in 0..<gradients.count / start.count {
                let range = step * start.count..<(step + 1) * start.count
                advance(
                    &state, optimizer, &parameters, Array(gradients[range]),
                    learningRate: try #require(setting["lr"]?.doubleValue))
                let error = worstError(parameters.map(Double.init), expected[range].map(Double.init))
                #expect(error < 1e-7, "\(name), step \(step): off by \(error)")
            }
        }
    }

    private func advance(
        _ state: inout AdamWState, _ optimizer: AdamW, _ parameters: inout [Float], _ gradients: [Float],
        learningRate: Double, scale: Float = 1,
        forEachPiece: (Range<Int>, @Sendable (Range<Int>) -> Void) -> Void = { $1($0) }
    ) {
        parameters.withUnsafeMutableBufferPointer { parameters in
            gradients.withUnsafeBufferPointer {
                state.advance(
                    optimizer, parameters: parameters, gradients: $0, learningRate: learningRate, gradientScale: scale,
                    forEachPiece: forEachPiece)
            }
        }
    }

    @Test("a step is the same bits however the buffers are cut and on however many threads")
    func pieces() {
        let count = 10_007
        let gradients = draw(count, seed: 2)
        let optimizer = AdamW(beta2: 0.95, weightDecay: 0.1)
        func run(_ length: Int) -> ([Float], AdamWState) {
            var parameters = draw(count, seed: 1)
            var state = AdamWState(count: count)
            for _ in 0..<3 {
                advance(&state, optimizer, &parameters, gradients, learningRate: 1e-3, scale: 0.5) { range, body in
                    DispatchQueue.concurrentPerform(iterations: (range.count + length - 1) / length) { piece in
                        body(piece * length..<min((piece + 1) * length, range.count))
                    }
                }
            }
            return (parameters, state)
        }
        let whole = run(count)
        for length in [1, 3, 64, 1000] {
            let pieces = run(length)
            #expect(pieces.0 == whole.0 && pieces.1 == whole.1)
        }
    }

    @Test("a saved state goes on as if it had never been interrupted")
    func resume() {
        var parameters = draw(50, seed: 1)
        var state = AdamWState(count: 50)
        advance(&state, AdamW(), &parameters, draw(50, seed: 2), learningRate: 0.01)
        var resumed = AdamWState(step: state.step, firstMoment: state.firstMoment, secondMoment: state.secondMoment)
        var copy = parameters
        advance(&state, AdamW(), &parameters, draw(50, seed: 3), learningRate: 0.01)
        advance(&resumed, AdamW(), &copy, draw(50, seed: 3), learningRate: 0.01)
        #expect(copy == parameters && resumed == state)
    }
}

@Suite("Gradient norm")
struct GradientNormTests {
    /// The reference holds the clipped gradients and the norm before clipping (its `.before` tensors were clipped in place,
    /// too), so the gradients before are restored from both.
    @Test("norm and clipped gradients equal torch's", .enabled(if: isThere, "reference data is not there"))
    func reference() throws {
        let tensors = try ReferenceData.floats("ops/optimizers.safetensors")
        let expectedNorm = Double(try #require(tensors["clip.norm"]?.first))
        let maximum = try #require(ReferenceData.json("ops/optimizers.json")["clip"]?["max_norm"]?.doubleValue)
        let clipped = tensors.keys.filter { $0.hasPrefix("clip.") && $0.contains(".after") }.sorted().compactMap {
            tensors[$0]
        }
        #expect(clipped.count == 3)
        let gradients = clipped.map { tensor in tensor.map { Float(Double($0) * (expectedNorm + 1e-6) / maximum) } }
        var norm = GradientNorm()
        for tensor in gradients { tensor.withUnsafeBufferPointer { norm.add($0) } }
        #expect(abs(norm.value / expectedNorm - 1) < 1e-6, "norm \(norm.value), expected \(expectedNorm)")
        let scale = norm.scale(for: maximum)
        for (before, after) in zip(gradients, clipped) {
            #expect(worstError(before.map { Double($0 * scale) }, after.map(Double.init)) < 1e-6)
        }
    }

    @Test("the norm after clipping is the maximum")
    func clippedNorm() {
        let gradients = draw(1000, seed: 8)
        var norm = GradientNorm()
        gradients.withUnsafeBufferPointer { norm.add($0) }
        let scale = norm.scale(for: 0.5)
        #expect(abs(Double(scale) - 0.5 / (norm.value + 1e-6)) < 1e-8)
        var clipped = GradientNorm()
        gradients.map { $0 * scale }.withUnsafeBufferPointer { clipped.add($0) }
        #expect(abs(clipped.value - 0.5) < 1e-6)
    }

    @Test("the norm is the same bits when pieces are summed apart")
    func pieces() {
        let gradients = draw(200_003, seed: 5)
        gradients.withUnsafeBufferPointer { buffer in
            var whole = GradientNorm()
            whole.add(buffer)
            var parts = GradientNorm()
            let starts = Array(stride(from: 0, to: buffer.count, by: GradientNorm.pieceLength))
            let sums = starts.reversed().map { start in
                let end = min(start + GradientNorm.pieceLength, buffer.count)
                return GradientNorm.sumOfSquares(UnsafeBufferPointer(rebasing: buffer[start..<end]))
            }
            for sum in sums.reversed() { parts.add(sum) }
            #expect(parts == whole)
        }
        let expected = gradients.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        var norm = GradientNorm()
        gradients.withUnsafeBufferPointer { norm.add($0) }
        #expect(abs(norm.value - expected) < 1e-9)
    }

    @Test("small norms are not scaled; a norm that is not finite is seen")
    func scale() {
        var norm = GradientNorm()
        #expect(norm.scale(for: 1) == 1)
        norm.add(0.25)
        #expect(norm.scale(for: 1) == 1)
        norm.add(.nan)
        #expect(!norm.value.isFinite && norm.scale(for: 1).isNaN)
    }
}

@Suite("Learning-rate schedules")
struct LearningRateScheduleTests {
    @Test("rates equal transformers'", .enabled(if: isThere, "reference data is not there"))
    func reference() throws {
        let reference = try #require(ReferenceData.json("ops/optimizers.json")["schedules"])
        for kind in LearningRateSchedule.Kind.allCases {
            let schedule = LearningRateSchedule(
                kind: kind, baseRate: try #require(reference["base_lr"]?.doubleValue),
                warmupSteps: try #require(reference["num_warmup_steps"]?.intValue),
                totalSteps: try #require(reference["num_training_steps"]?.intValue))
            let expected = reference["lr_at_step"]?[kind.rawValue]?.doubles ?? []
            #expect(!expected.isEmpty)
            for (step, rate) in expected.enumerated() {
                #expect(abs(schedule.rate(at: step) - rate) < 1e-15, "\(kind.rawValue), step \(step)")
            }
        }
    }

    @Test("schedules without warm-up or steps give finite rates")
    func degenerate() {
        for kind in LearningRateSchedule.Kind.allCases {
            for (warmup, total) in [(0, 0), (0, 1), (5, 2)] {
                let schedule = LearningRateSchedule(kind: kind, baseRate: 1, warmupSteps: warmup, totalSteps: total)
                for step in 0..<8 { #expect((0...1).contains(schedule.rate(at: step))) }
            }
        }
    }
}
