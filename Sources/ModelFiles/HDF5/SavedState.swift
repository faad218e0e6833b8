/// A tree of named plain values: the state of a program in a form that a file can hold and that another version, or
/// another language, can read.
///
///     var state: SavedState = ["step": .integer(120), "moments": .floats(moments, shape: [moments.count])]
///     state["inner"] = .group(["rate": .number(1e-4)])
///
/// Reading it back is strict: each value must be there, and of the kind and shape that is expected.
public struct SavedState: Sendable, ExpressibleByDictionaryLiteral {
    /// A value of the tree.
    public enum Value: Sendable {
        /// A whole number.
        case integer(Int)
        /// A real number; all bits are kept, those of NaN too.
        case number(Double)
        /// A text without NUL characters.
        case text(String)
        /// Bytes that mean nothing to the file.
        case bytes([UInt8])
        /// A list of whole numbers, such as token ids.
        case integers([Int])
        /// A tensor of single-precision numbers in row-major order.
        case floats([Float], shape: [Int])
        /// A tree inside the tree.
        case group(SavedState)
    }

    /// The values by name. Names are not empty, hold neither `/` nor NUL, and are not `.`.
    public private(set) var values: [String: Value]
    /// Where the tree comes from, for messages, such as `step-000120.h5`; inner trees add their names.
    public let place: String

    /// A tree.
    public init(_ values: [String: Value] = [:], place: String = "state") {
        self.values = values
        self.place = place
    }

    /// A tree with the given values; a repeated name keeps the last.
    public init(dictionaryLiteral elements: (String, Value)...) {
        self.init(Dictionary(elements) { $1 })
    }

    /// The value of a name; setting `nil` removes it.
    public subscript(name: String) -> Value? {
        get { values[name] }
        set { values[name] = newValue }
    }

    /// The names in the order in which files hold them.
    public var names: [String] { values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
}

extension SavedState {
    /// A whole number.
    ///
    /// - Throws: `ModelFileError` if it is missing or of another kind; so do the others.
    public func integer(_ name: String) throws(ModelFileError) -> Int {
        if case .integer(let value) = try value(name) { return value }
        throw mismatch(name, "a whole number")
    }

    /// A whole number that counts something: from 0 to 2⁶⁰, so that whoever counts on can't overflow.
    public func count(_ name: String) throws(ModelFileError) -> Int {
        let value = try integer(name)
        guard (0...1 << 60).contains(value) else {
            throw ModelFileError(.mismatched, "\(place): \(name) is \(value), expected a count of 0 or more")
        }
        return value
    }

    /// A real number.
    public func number(_ name: String) throws(ModelFileError) -> Double {
        if case .number(let value) = try value(name) { return value }
        throw mismatch(name, "a real number")
    }

    /// A text.
    public func text(_ name: String) throws(ModelFileError) -> String {
        if case .text(let value) = try value(name) { return value }
        throw mismatch(name, "a text")
    }

    /// Bytes.
    public func bytes(_ name: String) throws(ModelFileError) -> [UInt8] {
        if case .bytes(let value) = try value(name) { return value }
        throw mismatch(name, "bytes")
    }

    /// A list of whole numbers.
    public func integers(_ name: String) throws(ModelFileError) -> [Int] {
        if case .integers(let value) = try value(name) { return value }
        throw mismatch(name, "a list of whole numbers")
    }

    /// A tensor of the expected shape, in row-major order.
    public func floats(_ name: String, shape: [Int]) throws(ModelFileError) -> [Float] {
        guard case .floats(let values, let found) = try value(name), found == shape else {
            throw mismatch(name, "numbers of shape \(shape)")
        }
        return values
    }

    /// A tree inside this one; it knows its place.
    public func group(_ name: String) throws(ModelFileError) -> SavedState {
        guard case .group(let state) = try value(name) else { throw mismatch(name, "a group") }
        return SavedState(state.values, place: "\(place): \(name)")
    }

    private func value(_ name: String) throws(ModelFileError) -> Value {
        if let value = values[name] { return value }
        throw ModelFileError(
            .missing, "\(place): there is no \(name); was it written by another version of touchstone?")
    }

    private func mismatch(_ name: String, _ expected: String) -> ModelFileError {
        ModelFileError(
            .mismatched, "\(place): \(name) is \(values[name]?.kind ?? "missing"), expected \(expected)")
    }
}

extension SavedState.Value {
    /// What it is, in words.
    public var kind: String {
        switch self {
        case .integer: "a whole number"
        case .number: "a real number"
        case .text: "a text"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .integers(let values): "a list of \(values.count) whole numbers"
        case .floats(_, let shape): "numbers of shape \(shape)"
        case .group: "a group"
        }
    }
}
