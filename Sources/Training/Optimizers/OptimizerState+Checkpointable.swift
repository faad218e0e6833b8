import ModelFiles
import TensorCore

extension OptimizerState: Checkpointable {
    /// Steps taken, and the arrays by name.
    public var savedState: SavedState {
        var arrays: SavedState = [:]
        for (name, values) in memory { arrays[name] = .floats(values, shape: [values.count]) }
        return [
            "step": .integer(step), "length": .integer(memory.first?.values.count ?? 0),
            "names": .text(names.joined(separator: " ")), "memory": .group(arrays),
        ]
    }

    /// Takes the state of a rule; whether it fits another one, `fits` says.
    public mutating func restore(_ state: SavedState) throws {
        let names = try state.text("names").split(separator: " ").map(String.init)
        let (arrays, shape) = (try state.group("memory"), [try state.count("length")])
        self = OptimizerState(
            step: try state.count("step"), memory: try names.map { ($0, try arrays.floats($0, shape: shape)) })
    }

    /// Refuses a state that was saved for another rule or another number of parameters.
    func check(_ rule: any UpdateRule, parameters: ParameterSet) throws(ModelFileError) {
        guard !fits(rule, parameterCount: parameters.count) else { return }
        throw ModelFileError(
            .mismatched,
            "the optimizer's state has \(names.isEmpty ? "no arrays" : names.joined(separator: ", ")), expected "
                + "\(rule.memoryNames.joined(separator: ", ")) of \(parameters.count) numbers; "
                + "is it of another optimizer or adapter?")
    }
}
