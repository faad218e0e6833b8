/// A tensor to be written into a safetensors or GGUF file: its description, and its bytes when their turn has come, so
/// that a piece of one tensor at a time is in memory.
public struct WritableTensor {
    /// Its name in the file.
    public private(set) var name: String
    /// Its shape, outermost dimension first.
    public let shape: [Int]
    /// How its numbers are written.
    public let type: StoredType
    private let produce: (WritableFile) throws(ModelFileError) -> Void

    /// A tensor whose bytes (little-endian, row-major) a closure appends to the file, in pieces of any size.
    public init(
        name: String, shape: [Int], type: StoredType,
        writing produce: @escaping (WritableFile) throws(ModelFileError) -> Void
    ) {
        self.name = name
        self.shape = shape
        self.type = type
        self.produce = produce
    }

    /// A tensor whose bytes (little-endian, row-major) a closure makes at once.
    public init(
        name: String, shape: [Int], type: StoredType, bytes: @escaping () throws(ModelFileError) -> [UInt8]
    ) {
        self.init(name: name, shape: shape, type: type) { file throws(ModelFileError) in try file.write(try bytes()) }
    }

    /// A copy of a stored tensor, under another name if one is given. Its pages are let go of as soon as they are written.
    public init(_ tensor: StoredTensor, name: String? = nil) {
        self.init(name: name ?? tensor.name, shape: tensor.shape, type: tensor.type) { file throws(ModelFileError) in
            try tensor.copyBytes(to: file)
        }
    }

    /// Several tensors of one shape and type as one with a further, outermost dimension: a layer's experts.
    public init(stacking tensors: [WritableTensor], name: String) {
        precondition(!tensors.isEmpty, "WritableTensor: nothing to stack for \(name)")
        let (shape, type) = (tensors[0].shape, tensors[0].type)
        precondition(tensors.allSatisfy { $0.shape == shape && $0.type == type }, "WritableTensor: \(name) is uneven")
        self.init(name: name, shape: [tensors.count] + shape, type: type) { file throws(ModelFileError) in
            for tensor in tensors { try tensor.write(to: file) }
        }
    }

    /// A tensor of numbers, rounded to the nearest if the type is a half one.
    ///
    /// - Parameter type: `float32`, `float16` or `bfloat16`.
    public init(name: String, shape: [Int], floats: [Float], type: StoredType = .float32) {
        self.init(name: name, shape: shape, type: type) { file throws(ModelFileError) in
            try floats.withRows { rows throws(ModelFileError) in try file.write(rows, as: type, for: name) }
        }
    }

    /// A matrix or vector whose numbers are made in single precision, some rows at a time, and rounded once.
    ///
    /// - Parameter type: `float32`, `float16`, `bfloat16`, or one of `BlockEncoding.types` whose blocks the rows are made of.
    /// - Parameter rows: Fills a buffer with the rows of a range; called with ranges that follow one another. The rows of
    ///   a vector are its elements.
    public init(
        name: String, shape: [Int], type: StoredType,
        rows: @escaping (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(ModelFileError) -> Void
    ) {
        self.init(name: name, shape: shape, type: type) { file throws(ModelFileError) in
            let width = shape.dropFirst().reduce(1, *)
            let height = shape.first ?? 1
            let step = max(1, Self.pieceCount / max(1, width))
            let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: min(step, max(height, 1)) * width)
            defer { buffer.deallocate() }
            for start in stride(from: 0, to: height, by: step) {
                let range = start..<min(start + step, height)
                let piece = UnsafeMutableBufferPointer(rebasing: buffer[..<(range.count * width)])
                try rows(range, piece)
                try file.write(UnsafeBufferPointer(piece), as: type, for: name)
            }
        }
    }

    /// A stored tensor converted to another type, or copied if it is of that type.
    ///
    /// - Parameter type: `float32`, `float16`, `bfloat16`, or one of `BlockEncoding.types`.
    public init(converting tensor: StoredTensor, to type: StoredType, name: String? = nil) {
        if tensor.type == type {
            self.init(tensor, name: name)
        } else {
            let width = tensor.shape.dropFirst().reduce(1, *)
            self.init(name: name ?? tensor.name, shape: tensor.shape, type: type) {
                rows, buffer throws(ModelFileError) in
                let range = rows.lowerBound * width..<rows.upperBound * width
                try tensor.readFloats(range, into: buffer)
                tensor.discard(range)
            }
        }
    }

    /// Numbers made at a time.
    private static let pieceCount = 1 << 21

    /// The same tensor under another name.
    func renamed(_ name: String) -> WritableTensor {
        var copy = self
        copy.name = name
        return copy
    }

    /// How many bytes it takes in a file.
    func byteCount(for path: String) throws(ModelFileError) -> Int {
        var count = 1
        for dimension in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard dimension >= 0, !overflow else { throw impossible(path) }
            count = product
        }
        guard (shape.last ?? 1) % type.elementsPerBlock == 0 else {
            throw ModelFileError(
                .mismatched,
                "\(path): tensor \(quoted(name)) has rows of \(shape.last ?? 1) numbers; \(type.rawValue) needs a multiple "
                    + "of \(type.elementsPerBlock)")
        }
        let (bytes, overflow) = (count / type.elementsPerBlock).multipliedReportingOverflow(by: type.bytesPerBlock)
        guard !overflow else { throw impossible(path) }
        return bytes
    }

    private func impossible(_ path: String) -> ModelFileError {
        ModelFileError(.mismatched, "\(path): tensor \(quoted(name)) can't have the shape \(shape)")
    }

    /// Appends the tensor's bytes and checks how many there were.
    func write(to file: WritableFile) throws(ModelFileError) {
        let expected = try byteCount(for: file.path)
        let start = file.byteCount
        try produce(file)
        guard file.byteCount - start == expected else {
            throw ModelFileError(
                .mismatched,
                "\(file.path): tensor \(quoted(name)) of shape \(shape) got \(file.byteCount - start) bytes; expected "
                    + "\(expected)")
        }
    }
}

extension [Float] {
    fileprivate func withRows(
        _ body: (UnsafeBufferPointer<Float>) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        var failure: ModelFileError?
        withUnsafeBufferPointer { buffer in
            do throws(ModelFileError) { try body(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension StoredTensor {
    /// Appends the tensor's bytes to a file, a piece at a time.
    fileprivate func copyBytes(to file: WritableFile) throws(ModelFileError) {
        let end = offset + byteCount
        for start in stride(from: offset, to: end, by: 16 << 20) {
            let range = start..<min(start + 16 << 20, end)
            try file.write(UnsafeRawBufferPointer(rebasing: self.file.bytes[range]))
            self.file.discard(range)
        }
    }

    /// Lets go of the memory that elements were read through; they are read from the file again if asked for.
    public func discard(_ elements: Range<Int>) {
        let (first, last) = (elements.lowerBound / type.elementsPerBlock, elements.upperBound / type.elementsPerBlock)
        file.discard(offset + first * type.bytesPerBlock..<offset + last * type.bytesPerBlock)
    }
}

extension WritableFile {
    /// Appends numbers, rounded to the nearest, ties to even, if the type is a half one.
    fileprivate func write(
        _ floats: UnsafeBufferPointer<Float>, as type: StoredType, for name: String
    ) throws(ModelFileError) {
        switch type {
        case .float32: try write(UnsafeRawBufferPointer(floats))
        case .float16: try writeHalves(floats) { Float16($0).bitPattern }
        case .bfloat16: try writeHalves(floats, bfloat16)
        case _ where BlockEncoding.types.contains(type):
            try write(BlockEncoding.encode(type, floats))
        default:
            throw ModelFileError(.unsupported, "tensor \(quoted(name)): floats can't be written as \(type.rawValue)")
        }
    }

    private func writeHalves(
        _ floats: UnsafeBufferPointer<Float>, _ convert: (Float) -> UInt16
    ) throws(ModelFileError) {
        let halves = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: floats.count)
        defer { halves.deallocate() }
        for index in 0..<floats.count { halves[index] = convert(floats[index]).littleEndian }
        try write(UnsafeRawBufferPointer(halves))
    }
}

/// The upper half of a number, rounded to the nearest, ties to even.
private func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
}
