import TensorCore

/// Moves parameters against their gradients: norm, clipping, rule, schedule.
public struct ParameterOptimizer: Sendable {
    /// The update rule.
    public var rule: any UpdateRule
    /// The learning rate of each step.
    public var schedule: LearningRateSchedule
    /// Gradients are scaled down to this norm; `nil`: never.
    public var maxGradientNorm: Double?
    /// Parameters whose names end in one of these have no weight decay.
    public var undecayed: [String] = []
    /// How much faster B and vectors learn than A and other matrices: LoRA+.
    ///
    /// Source: Hayou et al. 2024, arXiv:2402.12354; which parameters are which as in PEFT's `create_loraplus_optimizer`.
    public var loraPlusRatio = 1.0

    /// An optimizer.
    public init(rule: any UpdateRule, schedule: LearningRateSchedule, maxGradientNorm: Double?) {
        self.rule = rule
        self.schedule = schedule
        self.maxGradientNorm = maxGradientNorm
    }

    /// Takes a step with the gathered gradients and clears them.
    ///
    /// - Parameter state: The optimizer's memory.
    /// - Parameter step: Steps of the run taken before; chooses the learning rate.
    /// - Returns: The norm before clipping.
    /// - Throws: `TrainingError` (`notFinite`) when the norm is NaN or infinite; nothing has moved then.
    public func advance(
        _ parameters: ParameterSet, state: inout OptimizerState, step: Int
    ) throws(TrainingError) -> Double {
        let count = parameters.count
        let norm = Self.norm(parameters)
        guard norm.value.isFinite else {
            let name = Self.firstFaulty(parameters) ?? "the sum of squares"
            parameters.clearGradients()
            throw TrainingError(
                .notFinite,
                "step \(step + 1): the gradient norm is \(norm.value) (first in \(name)); lower the learning rate, "
                    + "or clip the gradients, and go on from the last saved step")
        }
        state.advance(
            rule, parameters: UnsafeMutableBufferPointer(start: parameters.values.floats, count: count),
            gradients: UnsafeBufferPointer(start: parameters.gradients.floats, count: count),
            learningRate: schedule.rate(at: step), gradientScale: maxGradientNorm.map(norm.scale(for:)) ?? 1,
            groups: groups(parameters)
        ) { range, body in
            parallelFor(range.count, pieces: GradientNorm.pieceLength) { body($0) }
        }
        parameters.clearGradients()
        return norm.value
    }

    /// The parameters without weight decay, and those with a learning rate of their own.
    private func groups(_ parameters: ParameterSet) -> [ParameterGroup] {
        parameters.entries.compactMap { entry in
            let settings = ParameterGroup.Settings(
                decays: rule.weightDecay == 0 || !undecayed.contains { entry.name.hasSuffix($0) },
                rateFactor: entry.name.contains("lora_B") || entry.shape.count == 1 ? loraPlusRatio : 1)
            guard settings != .usual else { return nil }
            return ParameterGroup(range: entry.offset..<entry.offset + entry.count, settings: settings)
        }
    }

    /// The norm, its pieces summed by all threads and added in order.
    private static func norm(_ parameters: ParameterSet) -> GradientNorm {
        let (count, length) = (parameters.count, GradientNorm.pieceLength)
        var sums = [Double](repeating: 0, count: (count + length - 1) / length)
        sums.withUnsafeMutableBufferPointer { sums in
            nonisolated(unsafe) let sums = sums
            parallelFor(count, pieces: length) { range in
                sums[range.lowerBound / length] = GradientNorm.sumOfSquares(
                    UnsafeBufferPointer(start: parameters.gradients.floats + range.lowerBound, count: range.count))
            }
        }
        return sums.reduce(into: GradientNorm()) { $0.add($1) }
    }

    /// The first parameter whose gradient is not finite.
    private static func firstFaulty(_ parameters: ParameterSet) -> String? {
        parameters.entries.first { !parameters.gradient($0).toArray().allSatisfy(\.isFinite) }?.name
    }
}
