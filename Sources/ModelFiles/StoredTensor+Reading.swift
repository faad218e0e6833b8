extension StoredTensor {
    /// Reads some of the numbers as single precision, whatever they are stored as. Plain types and GGUF's blocks
    /// come out with the bits that ggml's own reader gives.
    ///
    /// May run on several threads at once. A range that starts or ends inside a block costs one more decoded block;
    /// nothing is allocated.
    ///
    /// - Parameter range: Elements in row-major order, inside `0..<count`.
    /// - Parameter destination: Room for at least `range.count` numbers; the first `range.count` are written.
    /// - Throws: `ModelFileError` (`unsupported`) if the tensor holds integers.
    public func readFloats(
        _ range: Range<Int>, into destination: UnsafeMutableBufferPointer<Float>
    ) throws(ModelFileError) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= count,
            "readFloats: elements \(range) of tensor \(name), which has \(count)")
        precondition(
            destination.count >= range.count, "readFloats: room for \(destination.count) of \(range.count) numbers")
        guard type != .int32, type != .int64 else {
            throw ModelFileError(
                .unsupported,
                "\(file.path): tensor '\(name)' holds integers (\(type.rawValue)) where real numbers were expected")
        }
        guard !range.isEmpty, let source = bytes.baseAddress, let output = destination.baseAddress else { return }
        switch type {
        case .float32:
            UnsafeMutableRawPointer(output).copyMemory(
                from: source + range.lowerBound * 4, byteCount: range.count * 4)
        case .float16:
            let start = source + range.lowerBound * 2
            readHalves(start, count: range.count, into: output)
        case .bfloat16:
            let start = source + range.lowerBound * 2
            for index in 0..<range.count {
                let bits = start.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
                output[index] = Float(bitPattern: UInt32(bits) << 16)
            }
        case .q8x0, .q4x0, .q4x1, .q5x0, .q5x1, .q2k, .q3k, .q4k, .q5k, .q6k:
            BlockDecoding.decode(type, source, elements: range, into: output)
        case .int32, .int64: break
        }
    }

    /// All numbers as single precision, in row-major order.
    ///
    /// - Throws: `ModelFileError` (`unsupported`) if the tensor holds integers.
    public func floats() throws(ModelFileError) -> [Float] {
        let total = count
        var fault: ModelFileError?
        let numbers = [Float](unsafeUninitializedCapacity: total) { buffer, initialized in
            do throws(ModelFileError) {
                try readFloats(0..<total, into: UnsafeMutableBufferPointer(rebasing: buffer[..<total]))
                initialized = total
            } catch { fault = error }
        }
        if let fault { throw fault }
        return numbers
    }

    /// All numbers, of which none may be infinite or NaN: a copy would carry them on silently.
    ///
    /// - Throws: `ModelFileError` (`malformed`, or `unsupported` for integers).
    func finiteFloats() throws(ModelFileError) -> [Float] {
        let numbers = try floats()
        guard numbers.allSatisfy(\.isFinite) else {
            throw ModelFileError(.malformed, "\(file.path): tensor \(quoted(name)) holds NaN or infinite numbers")
        }
        return numbers
    }
}
