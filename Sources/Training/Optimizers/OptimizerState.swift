/// What an optimizer remembers between steps: a number and named arrays, for checkpoints.
public struct OptimizerState: Sendable, Equatable {
    /// Steps taken.
    public private(set) var step: Int
    /// What the arrays are, such as `first_moment`; none before the first step.
    public private(set) var names: [String]
    /// The arrays behind one another, each as long as there are parameters.
    private var values: [Float]

    /// The state before the first step, of any rule.
    public init() { (step, names, values) = (0, [], []) }

    /// A state that was saved.
    public init(step: Int, memory: [(name: String, values: [Float])]) {
        precondition(
            step >= 0 && Set(memory.map(\.values.count)).count <= 1,
            "OptimizerState: step \(step), arrays of \(memory.map(\.values.count)), expected equal lengths")
        self.step = step
        names = memory.map(\.name)
        values = memory.flatMap(\.values)
    }

    /// The arrays with their names.
    public var memory: [(name: String, values: [Float])] {
        let count = values.count / max(names.count, 1)
        return names.enumerated().map { ($1, Array(values[$0 * count..<($0 + 1) * count])) }
    }

    /// Whether a rule can go on from here with this many parameters; check it when a state comes from a file.
    public func fits(_ rule: any UpdateRule, parameterCount: Int) -> Bool {
        step == 0 && names.isEmpty
            || names == rule.memoryNames && values.count == names.count * parameterCount
    }

    /// Takes a step on all parameters.
    ///
    /// - Parameter parameters: What is trained, `[N]`.
    /// - Parameter gradients: Derivatives by the parameters, `[N]`.
    /// - Parameter groups: Parameters with settings of their own: rising ranges that don't overlap.
    /// - Parameter forEachPiece: Runs its argument on pieces that cover the range once, perhaps on many threads; the
    ///   result is the same bits for each way to cut.
    public mutating func advance(
        _ rule: any UpdateRule, parameters: UnsafeMutableBufferPointer<Float>, gradients: UnsafeBufferPointer<Float>,
        learningRate: Double, gradientScale: Float = 1, groups: [ParameterGroup] = [],
        forEachPiece: (Range<Int>, @Sendable (Range<Int>) -> Void) -> Void = { $1($0) }
    ) {
        let count = parameters.count
        precondition(
            gradients.count == count && fits(rule, parameterCount: count),
            "OptimizerState: \(count) parameters, \(gradients.count) gradients, memory of \(values.count) (\(names))")
        if step == 0 {
            names = rule.memoryNames
            values = [Float](repeating: 0, count: names.count * count)
        }
        step += 1
        let step = step
        func update(_ settings: ParameterGroup.Settings) -> any ElementwiseUpdate {
            var rule = rule
            if !settings.decays { rule.weightDecay = 0 }
            return rule.update(
                step: step, learningRate: learningRate * settings.rateFactor, gradientScale: gradientScale)
        }
        let updates = Dictionary(
            uniqueKeysWithValues: Set(groups.map(\.settings) + [.usual]).map { ($0, update($0)) })
        let arrays = names.count
        values.withUnsafeMutableBufferPointer { values in
            let memory = (0..<arrays).map {
                UnsafeMutableBufferPointer(rebasing: values[$0 * count..<($0 + 1) * count])
            }
            // Pieces don't overlap, so threads never touch the same element.
            nonisolated(unsafe) let all = UpdatePiece(parameters: parameters, gradients: gradients, memory: memory)
            forEachPiece(0..<count) { piece in
                for segment in ParameterGroup.segments(of: piece, groups) {
                    updates[segment.settings]?.apply(all.slice(segment.range))
                }
            }
        }
    }
}
