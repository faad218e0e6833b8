/// Named trainable tensors in one flat buffer, with a second one for their gradients: what an optimizer works on.
public final class ParameterSet: @unchecked Sendable {
    /// One tensor of the set.
    public struct Entry: Sendable {
        /// Its name; unique.
        public let name: String
        /// Its shape.
        public let shape: [Int]
        /// Where it starts in the flat buffers, in elements.
        public let offset: Int
        /// How many elements it has.
        public var count: Int { shape.reduce(1, *) }
    }

    /// The tensors, in the order given, which is the order of the flat buffers.
    public let entries: [Entry]
    /// All values, `[count]`.
    public let values: Tensor
    /// All gradients, `[count]`; operations add to them.
    public let gradients: Tensor
    private let index: [String: Int]

    /// A set of zeros.
    public init(_ tensors: [(name: String, shape: [Int])]) {
        var offset = 0
        entries = tensors.map { name, shape in
            defer { offset += shape.reduce(1, *) }
            return Entry(name: name, shape: shape, offset: offset)
        }
        index = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
        values = .zeros([offset])
        gradients = .zeros([offset])
        // What the gradients' products will need is taken before a run begins.
        Products.useOneThread()
    }

    /// How many numbers are trained.
    public var count: Int { values.count }

    /// The entry of a name.
    public func entry(named name: String) -> Entry? { index[name].map { entries[$0] } }

    /// A view of one tensor's values.
    public func value(_ entry: Entry) -> Tensor {
        Tensor(storage: values.storage, offset: entry.offset, shape: entry.shape)
    }

    /// A view of one tensor's gradient.
    public func gradient(_ entry: Entry) -> Tensor {
        Tensor(storage: gradients.storage, offset: entry.offset, shape: entry.shape)
    }

    /// Sets all gradients to zero.
    public func clearGradients() { gradients.floats.update(repeating: 0, count: count) }
}

/// Where the gradients of parameters go during a recorded pass.
public struct GradientPass: Sendable {
    /// The trained tensors.
    public let parameters: ParameterSet
    /// The rows of the batch cut into units, in order. A parameter's gradient is the sum of the units' gradients, added
    /// one after the other: the same bits whether the units come in one batch or in several.
    public let units: [Range<Int>]

    /// A pass over a batch whose rows fall into `units`.
    public init(parameters: ParameterSet, units: [Range<Int>]) {
        self.parameters = parameters
        self.units = units
    }

    /// The gradient of a parameter, if it is trained.
    public func gradient(of name: String) -> Tensor? {
        parameters.entry(named: name).map(parameters.gradient)
    }

    /// The pass as a piece of its rows sees it: units cut to the range and counted from its start.
    public func restricted(to rows: Range<Int>) -> GradientPass {
        let units = units.map { $0.clamped(to: rows) }.filter { !$0.isEmpty }
        return GradientPass(
            parameters: parameters,
            units: units.map { $0.lowerBound - rows.lowerBound..<$0.upperBound - rows.lowerBound })
    }
}
