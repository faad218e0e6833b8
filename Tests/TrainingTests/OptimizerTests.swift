import Foundation
import OrderedJSON
import Randomness
import TensorCore
import Testing
import Training

private let isThere = ReferenceData.has("ops/optimizers.safetensors") && ReferenceData.has("ops/optimizers.json")

/// Random parameters or gradients.
private func draw(_ count: Int, seed: UInt64) -> [Float] {
    let address = RandomAddress(seed: seed, purpose: .probe)
    return (0..<count).map { Float(address.uniform(at: $0) * 2 - 1) }
}

/// The rule that a reference trajectory was made with.
private func rule(_ name: String, _ setting: JSONValue) throws -> any UpdateRule {
    let decay = setting["weight_decay"]?.doubleValue ?? 0
    let betas = setting["betas"]?.doubles ?? []
    if name.hasPrefix("sgd") {
        return SGD(
            momentum: setting["momentum"]?.doubleValue ?? 0, nesterov: setting["nesterov"] == true, weightDecay: decay)
    }
    let (beta1, beta2) = (try #require(betas.first), try #require(betas.last))
    let epsilon = try #require(setting["eps"]?.doubleValue)
    return name.hasPrefix("adamw")
        ? AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay)
        : Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: decay)
}

@Suite("Update rules")
struct UpdateRuleTests {
    static let rules: [any UpdateRule] = [
        AdamW(beta2: 0.95, weightDecay: 0.1), Adam(weightDecay: 0.1), SGD(weightDecay: 0.1),
        SGD(nesterov: true, weightDecay: 0.1), SGD(momentum: 0),
    ]

    @Test("every trajectory of the reference file equals torch's", .enabled(if: isThere, "reference data is not there"))
    func reference() throws {
        let settings = try ReferenceData.json("ops/optimizers.json")
        let tensors = try ReferenceData.floats("ops/optimizers.safetensors")
        let start = try #require(tensors["p0"])
        let gradients = try #require(tensors["grads"])
        let names = tensors.keys.filter { $0.hasSuffix(".trajectory") }.map { String($0.dropLast(11)) }
        #expect(names.count >= 6)
        for name in names {
            let setting = try #require(settings[name])
            let rule = try rule(name, setting)
            let expected = try #require(tensors["\(name).trajectory"])
            var parameters = start
            var peaks = start.map(abs)
            var state = OptimizerState()
            for step in 0..<gradients.count / start.count {
                let range = step * start.count..<(step + 1) * start.count
                advance(
                    &state, rule, &parameters, Array(gradients[range]),
                    learningRate: try #require(setting["lr"]?.doubleValue))
                // Gradients of a million move SGD by thousands: it rounds in proportion to where it has been.
                for (element, value) in expected[range].enumerated() {
                    peaks[element] = max(peaks[element], abs(value))
                }
                let error = zip(zip(parameters, expected[range]), peaks).map { abs($0.0 - $0.1) / (1 + $1) }.max() ?? 0
                #expect(error < 2e-7, "\(name), step \(step): off by \(error)")
            }
        }
    }

    private func advance(
        _ state: inout OptimizerState, _ rule: any UpdateRule, _ parameters: inout [Float], _ gradients: [Float],
        learningRate: Double, scale: Float = 1, exempt: [Range<Int>] = [], rateFactor: Double = 1,
        forEachPiece: (Range<Int>, @Sendable (Range<Int>) -> Void) -> Void = { $1($0) }
    ) {
        parameters.withUnsafeMutableBufferPointer { parameters in
            gradients.withUnsafeBufferPointer {
                state.advance(
                    rule, parameters: parameters, gradients: $0, learningRate: learningRate, gradientScale: scale,
                    groups: exempt.map {
                        ParameterGroup(range: $0, settings: .init(decays: false, rateFactor: rateFactor))
                    }, forEachPiece: forEachPiece)
            }
        }
    }

    @Test("a step is the same bits however the buffers are cut and on however many threads", arguments: 0..<5)
    func pieces(index: Int) {
        let count = 10_007
        let gradients = draw(count, seed: 2)
        func run(_ length: Int) -> ([Float], OptimizerState) {
            var parameters = draw(count, seed: 1)
            var state = OptimizerState()
            for _ in 0..<3 {
                advance(
                    &state, Self.rules[index], &parameters, gradients, learningRate: 1e-3, scale: 0.5,
                    exempt: [5..<17, 4000..<9003]
                ) { range, body in
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

    @Test("exempt parameters move as without weight decay, the others as with it", arguments: 0..<4)
    func exemption(index: Int) {
        let rule = Self.rules[index]
        var plain = rule
        plain.weightDecay = 0
        func run(_ rule: any UpdateRule, exempt: [Range<Int>]) -> [Float] {
            var parameters = draw(40, seed: 1)
            var state = OptimizerState()
            for step in 0..<3 {
                advance(
                    &state, rule, &parameters, draw(40, seed: UInt64(step + 2)), learningRate: 0.01, exempt: exempt)
            }
            return parameters
        }
        let (decayed, kept) = (run(rule, exempt: []), run(plain, exempt: []))
        let mixed = run(rule, exempt: [3..<4, 11..<30])
        #expect(zip(decayed, kept).allSatisfy { $0 != $1 })
        for element in mixed.indices {
            let isExempt = element == 3 || (11..<30).contains(element)
            #expect(mixed[element] == (isExempt ? kept : decayed)[element], "element \(element)")
        }
    }

    @Test("parameters are exempt by the ends of their names")
    func exemptNames() throws {
        let set = ParameterSet([("a.weight", [2]), ("a.bias", [3]), ("b.q_norm.weight", [1]), ("c.lora_A", [2])])
        func run(_ undecayed: [String]) throws -> [Float] {
            set.values.floats.update(repeating: 1, count: set.count)
            var optimizer = ParameterOptimizer(
                rule: AdamW(weightDecay: 0.5), schedule: .init(kind: .constant, baseRate: 0.1, totalSteps: 1),
                maxGradientNorm: nil)
            optimizer.undecayed = undecayed
            var state = OptimizerState()
            _ = try optimizer.advance(set, state: &state, step: 0)
            return set.values.toArray()
        }
        #expect(try run([]) == [Float](repeating: 0.95, count: 8))
        #expect(try run(["bias", "norm.weight"]) == [0.95, 0.95, 1, 1, 1, 1, 0.95, 0.95])
    }

    @Test("B and vectors take steps larger by the ratio of LoRA+, all others do not")
    func loraPlus() throws {
        let set = ParameterSet([
            ("q.lora_A.weight", [1, 2]), ("q.lora_B.weight", [2, 1]), ("q.lora_magnitude_vector", [2]),
            ("lm_head.weight", [1, 1]), ("norm.weight", [1]),
        ])
        set.values.floats.update(repeating: 1, count: set.count)
        set.gradients.floats.update(repeating: 1, count: set.count)
        var optimizer = ParameterOptimizer(
            rule: SGD(momentum: 0, nesterov: false, weightDecay: 0),
            schedule: .init(kind: .constant, baseRate: 0.125, totalSteps: 1), maxGradientNorm: nil)
        optimizer.loraPlusRatio = 4
        var state = OptimizerState()
        _ = try optimizer.advance(set, state: &state, step: 0)
        #expect(set.values.toArray() == [0.875, 0.875, 0.5, 0.5, 0.5, 0.5, 0.875, 0.5])
    }

    @Test("a saved state goes on as if it had never been interrupted", arguments: 0..<5)
    func resume(index: Int) {
        let rule = Self.rules[index]
        var parameters = draw(50, seed: 1)
        var state = OptimizerState()
        advance(&state, rule, &parameters, draw(50, seed: 2), learningRate: 0.01)
        var resumed = OptimizerState(step: state.step, memory: state.memory)
        #expect(resumed.fits(rule, parameterCount: 50))
        #expect(rule.memoryNames.isEmpty || !resumed.fits(rule, parameterCount: 49))
        var copy = parameters
        advance(&state, rule, &parameters, draw(50, seed: 3), learningRate: 0.01)
        advance(&resumed, rule, &copy, draw(50, seed: 3), learningRate: 0.01)
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
        let kinds = Set(LearningRateSchedule.Kind.allCases.map(\.rawValue))
        #expect(Set((reference["lr_at_step"]?.objectValue ?? JSONObject()).keys) == kinds)
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

    @Test("restarts begin again at the top, and powers end at the final rate")
    func forms() {
        var schedule = LearningRateSchedule(kind: .cosineWithRestarts, baseRate: 2, totalSteps: 12)
        schedule.restarts.cycles = 3
        #expect((0..<4).allSatisfy { schedule.rate(at: $0) == schedule.rate(at: $0 + 4) })
        #expect(schedule.rate(at: 0) == 2 && abs(schedule.rate(at: 2) - 1) < 1e-15 && schedule.rate(at: 12) == 0)
        schedule.kind = .polynomial
        schedule.decay.power = 2
        schedule.decay.finalRate = 0.5
        #expect(schedule.rate(at: 0) == 2 && abs(schedule.rate(at: 6) - 0.875) < 1e-15)
        #expect(schedule.rate(at: 12) == 0.5 && schedule.rate(at: 20) == 0.5)
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
