import ModelFiles

extension OptimizerState: Checkpointable {
    /// Steps taken, and the arrays by their names.
    public var savedState: SavedState {
        let arrays = memory.map { ($0.name, SavedState.Value.floats($0.values, shape: [$0.values.count])) }
        return [
            "step": .integer(step), "names": .text(names.joined(separator: "\n")),
            "memory": .group(SavedState(Dictionary(uniqueKeysWithValues: arrays))),
        ]
    }

    /// Takes the state of an optimizer of any rule; whether it fits, `check` says.
    public mutating func restore(_ state: SavedState) throws {
        let saved = try state.group("memory")
        let names = try state.text("names").split(separator: "\n").map(String.init)
        let memory = try names.map { name -> (name: String, values: [Float]) in
            guard case .floats(let values, let shape)? = saved[name], shape.count == 1 else {
                throw ModelFileError(.mismatched, "\(saved.place): \(name) is not there, or no list of numbers")
            }
            return (name, values)
        }
        guard Set(memory.map(\.values.count)).count <= 1, Set(names).count == names.count else {
            throw ModelFileError(.mismatched, "\(saved.place): the arrays have different lengths, or a name twice")
        }
        self = OptimizerState(step: try state.count("step"), memory: memory)
    }

    /// Checks that a rule can go on from here.
    ///
    /// - Throws: `ModelFileError` (`mismatched`).
    func check(_ rule: any UpdateRule, parameterCount: Int, _ place: String) throws(ModelFileError) {
        guard fits(rule, parameterCount: parameterCount) else {
            throw ModelFileError(
                .mismatched,
                "\(place): the optimizer's memory is \(names) after \(step) steps, which is not that of "
                    + "\(rule.memoryNames) for \(parameterCount) parameters")
        }
    }
}
