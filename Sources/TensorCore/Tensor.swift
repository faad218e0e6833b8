/// The number types that tensors hold.
public enum ElementType: Sendable, Hashable {
    /// IEEE single precision.
    case float32
    /// The upper half of a single-precision number.
    case bfloat16
    /// Signed 32-bit integers.
    case int32

    /// Bytes of one element.
    public var byteCount: Int { self == .bfloat16 ? 2 : 4 }
}

/// A row-major array of numbers in shared storage, and, while the tape records, its place on the tape.
///
/// Tensors are values by convention: an operation never writes to its inputs. Only what made a tensor may fill it,
/// before it hands it on.
public struct Tensor: @unchecked Sendable {
    /// The memory that holds the elements.
    public let storage: Storage
    /// Where the first element lies, in elements.
    public let offset: Int
    /// The extent of each dimension, outermost first.
    public let shape: [Int]
    /// What the elements are.
    public let type: ElementType
    /// The tape's node that made it; `nil` when no gradient flows through it.
    public internal(set) var node: TapeNode?

    /// A tensor with undefined contents.
    public init(shape: [Int], type: ElementType = .float32) {
        self.shape = shape
        self.type = type
        offset = 0
        storage = Storage(byteCount: shape.reduce(1, *) * type.byteCount)
        node = nil
    }

    /// A view of storage.
    public init(storage: Storage, offset: Int, shape: [Int], type: ElementType = .float32) {
        precondition(
            (offset + shape.reduce(1, *)) * type.byteCount <= storage.byteCount,
            "Tensor: shape \(shape) at \(offset) does not fit \(storage.byteCount) bytes")
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.type = type
        node = nil
    }

    /// A tensor of floats.
    public init(_ values: [Float], shape: [Int]) {
        precondition(values.count == shape.reduce(1, *), "Tensor: \(values.count) values for shape \(shape)")
        self.init(shape: shape)
        values.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { floats.update(from: base, count: source.count) }
        }
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], type: ElementType = .float32) -> Tensor {
        let tensor = Tensor(shape: shape, type: type)
        tensor.storage.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: tensor.count * type.byteCount)
        return tensor
    }

    /// How many elements it has.
    public var count: Int { shape.reduce(1, *) }

    /// The extent of a dimension; negative numbers count from the last.
    public func dimension(_ index: Int) -> Int { shape[index < 0 ? shape.count + index : index] }

    /// Its elements as floats. Valid as long as the storage lives: keep the tensor.
    public var floats: UnsafeMutablePointer<Float> {
        precondition(type == .float32, "Tensor: \(type) read as float32")
        return storage.pointer.assumingMemoryBound(to: Float.self) + offset
    }

    /// Its elements as bfloat16 bits.
    public var halves: UnsafeMutablePointer<UInt16> {
        precondition(type == .bfloat16, "Tensor: \(type) read as bfloat16")
        return storage.pointer.assumingMemoryBound(to: UInt16.self) + offset
    }

    /// A copy of its elements.
    public func toArray() -> [Float] {
        withExtendedLifetime(storage) { Array(UnsafeBufferPointer(start: floats, count: count)) }
    }

    /// The same elements in storage of their own; off the tape.
    public func copy() -> Tensor {
        let copy = Tensor(shape: shape, type: type)
        copy.storage.pointer.copyMemory(
            from: storage.pointer + offset * type.byteCount, byteCount: count * type.byteCount)
        return copy
    }

    /// The rows of a range, sharing storage; off the tape.
    public func rows(_ range: Range<Int>) -> Tensor {
        let width = shape.dropFirst().reduce(1, *)
        precondition(range.lowerBound >= 0 && range.upperBound <= shape[0], "rows: \(range) of \(shape)")
        return Tensor(
            storage: storage, offset: offset + range.lowerBound * width, shape: [range.count] + shape.dropFirst(),
            type: type)
    }

    /// The same elements in another shape; on the tape as before.
    public func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.reduce(1, *) == count, "reshaped: \(self.shape) to \(shape)")
        var copy = Tensor(storage: storage, offset: offset, shape: shape, type: type)
        copy.node = node
        return copy
    }

    /// The same tensor, off the tape.
    public var detached: Tensor {
        var copy = self
        copy.node = nil
        return copy
    }

    /// What a backward pass keeps so as to have the tensor again: how to make it, or else the tensor itself.
    var saved: () -> Tensor {
        if let remake = node?.remake { return remake }
        let kept = detached
        return { kept }
    }

    /// The same elements as a fresh leaf of the tape, whose gradient is gathered.
    public var leaf: Tensor {
        var copy = self
        copy.node = TapeNode(inputs: [], backward: nil)
        return copy
    }
}
