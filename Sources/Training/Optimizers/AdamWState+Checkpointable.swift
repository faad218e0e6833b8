import ModelFiles

extension AdamWState: Checkpointable {
    /// Steps taken and both moments.
    public var savedState: SavedState {
        [
            "step": .integer(step), "first_moment": .floats(firstMoment, shape: [firstMoment.count]),
            "second_moment": .floats(secondMoment, shape: [secondMoment.count]),
        ]
    }

    /// Takes the state of an optimizer of as many parameters.
    public mutating func restore(_ state: SavedState) throws {
        let shape = [firstMoment.count]
        self = AdamWState(
            step: try state.count("step"), firstMoment: try state.floats("first_moment", shape: shape),
            secondMoment: try state.floats("second_moment", shape: shape))
    }
}
