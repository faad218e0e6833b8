import ModelFiles
import TensorCore

/// What adapters do to one tensor.
///
///     W' = W + Σ B A + Σ w (m ⊙ V/‖V‖ − W) + Σ w (S − W)      V = W + s B A, ‖·‖ by rows
///
/// the plain updates, DoRA's (Liu et al. 2024, arXiv:2402.09353), and tensors saved whole.
struct WeightUpdate {
    /// B of all plain updates side by side, scaled, and A one below the other.
    private(set) var plain: (b: Matrix, a: Matrix)?
    /// DoRA's parts: the weight w, s·B, A and m.
    var decomposed: [(weight: Float, b: Matrix, a: Matrix, magnitude: [Float])] = []
    /// Saved tensors with their weights.
    var replacements: [(weight: Float, tensor: StoredTensor)] = []

    init(replacements: [(weight: Float, tensor: StoredTensor)]) { self.replacements = replacements }

    var isEmpty: Bool { plain == nil && decomposed.isEmpty && replacements.isEmpty }

    /// Adds an update B A.
    mutating func add(_ b: Matrix, _ a: Matrix) {
        if let plain {
            self.plain = (.sideBySide([plain.b, b]), .stacked([plain.a, a]))
        } else {
            plain = (b, a)
        }
    }

    /// Makes some rows of W'.
    func fill(
        _ rows: Range<Int>, of base: StoredTensor, into buffer: UnsafeMutableBufferPointer<Float>
    ) throws(ModelFileError) {
        let width = base.shape.dropFirst().reduce(1, *)
        guard let output = buffer.baseAddress, !rows.isEmpty, width > 0 else { return }
        let elements = rows.lowerBound * width..<rows.upperBound * width
        try Self.read(base, elements, into: output)
        try replace(elements, output)
        if !decomposed.isEmpty { addDecomposed(rows, width, output) }
        if let plain {
            plain.b.values.withUnsafeBufferPointer { b in
                guard let b = b.baseAddress else { return }
                addProduct(to: output, rows: rows.count, b + rows.lowerBound * plain.b.columns, plain.a)
            }
        }
    }

    /// Reads numbers on all threads, and lets go of the file's pages.
    private static func read(
        _ tensor: StoredTensor, _ elements: Range<Int>, into output: UnsafeMutablePointer<Float>
    ) throws(ModelFileError) {
        guard tensor.type != .int32, tensor.type != .int64 else {
            throw ModelFileError(.unsupported, "\(tensor.file.path): tensor '\(tensor.name)' holds integers")
        }
        nonisolated(unsafe) let output = output
        parallelFor(elements.count, pieces: 1 << 16) { range in
            let part = elements.lowerBound + range.lowerBound..<elements.lowerBound + range.upperBound
            // The type was checked above, so reading cannot fail.
            try? tensor.readFloats(
                part, into: UnsafeMutableBufferPointer(start: output + range.lowerBound, count: range.count))
        }
        tensor.discard(elements)
    }

    /// W + Σ w (S − W).
    private func replace(
        _ elements: Range<Int>, _ output: UnsafeMutablePointer<Float>
    ) throws(ModelFileError) {
        guard !replacements.isEmpty else { return }
        let share = 1 - replacements.reduce(0) { $0 + $1.weight }
        let saved = UnsafeMutablePointer<Float>.allocate(capacity: elements.count)
        defer { saved.deallocate() }
        for place in 0..<elements.count { output[place] = share == 0 ? 0 : output[place] * share }
        for (weight, tensor) in replacements {
            try Self.read(tensor, elements, into: saved)
            for place in 0..<elements.count {
                guard saved[place].isFinite else {
                    throw ModelFileError(
                        .mismatched, "\(tensor.file.path): tensor '\(tensor.name)' holds NaN or infinite numbers")
                }
                output[place] += weight * saved[place]
            }
        }
    }

    /// Adds Σ w (m ⊙ V/‖V‖ − W).
    private func addDecomposed(_ rows: Range<Int>, _ width: Int, _ output: UnsafeMutablePointer<Float>) {
        let count = rows.count * width
        let base = Array(UnsafeBufferPointer(start: output, count: count))
        for (weight, b, a, magnitude) in decomposed {
            var v = base
            v.withUnsafeMutableBufferPointer { v in
                guard let v = v.baseAddress else { return }
                b.values.withUnsafeBufferPointer { b in
                    guard let b = b.baseAddress else { return }
                    addProduct(to: v, rows: rows.count, b + rows.lowerBound * a.rows, a)
                }
                for row in 0..<rows.count {
                    let values = UnsafeBufferPointer(start: v + row * width, count: width)
                    let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
                    let factor = norm > 0 ? Float(Double(magnitude[rows.lowerBound + row]) / norm) : 0
                    for place in row * width..<(row + 1) * width {
                        output[place] += weight * (factor * v[place] - base[place])
                    }
                }
            }
        }
    }

    /// The same as factors on the rows of W and a product B A, by another way: ‖V_i‖² = ‖W_i‖² + 2 (W_i Aᵀ)·B_i +
    /// B_i (A Aᵀ) B_iᵀ, in Double and without V. What the merged weights are checked with.
    func reference(of base: StoredTensor) throws -> (scale: [Double]?, b: Matrix, a: Matrix) {
        let (height, width) = (base.shape[0], base.shape.dropFirst().reduce(1, *))
        var parts = plain.map { [$0] } ?? []
        guard !decomposed.isEmpty else {
            return (nil, plain?.b ?? Matrix(rows: height, columns: 0), plain?.a ?? Matrix(rows: 0, columns: width))
        }
        var scale = [Double](repeating: 1, count: height)
        var row = [Float](repeating: 0, count: width)
        for (weight, b, a, magnitude) in decomposed {
            let rank = a.rows
            let gram = LowRankProduct(b: Matrix(rows: 0, columns: rank), a: a).inner
            var factors = b
            for index in 0..<height {
                try row.withUnsafeMutableBufferPointer {
                    try base.readFloats(index * width..<(index + 1) * width, into: $0)
                }
                var square = row.reduce(0.0) { $0 + Double($1) * Double($1) }
                for i in 0..<rank {
                    let bi = Double(b.values[index * rank + i])
                    var overlap = 0.0
                    for column in 0..<width { overlap += Double(row[column]) * Double(a.values[i * width + column]) }
                    square += 2 * bi * overlap
                    for j in 0..<rank { square += bi * gram[i * rank + j] * Double(b.values[index * rank + j]) }
                }
                let factor = square > 0 ? Double(magnitude[index]) / square.squareRoot() : 0
                scale[index] += Double(weight) * (factor - 1)
                for i in 0..<rank { factors.values[index * rank + i] *= Float(Double(weight) * factor) }
            }
            parts.append((factors, a))
        }
        return (scale, .sideBySide(parts.map(\.b)), .stacked(parts.map(\.a)))
    }
}
