import Testing

/// How far values may be from the reference, as measured between two honest single-precision implementations.
enum Tolerance {
    /// Logits, hidden states, log-probabilities, entropies: largest difference.
    static let activations: Float = 5e-5
    /// Mean loss.
    static let loss: Float = 5e-6
    /// Gradients: largest difference over the tensor's largest number.
    static let gradient: Float = 1e-4
    /// Gradients: largest difference over the largest number of all tensors.
    static let gradientOfModel: Float = 1e-5
    /// Logits computed in bfloat16: largest difference over their spread.
    static let bfloat16: Float = 5e-2
}

/// The largest number by magnitude; infinite if one is NaN.
func largest(_ values: [Float]) -> Float {
    values.reduce(0) { $1.isNaN ? .infinity : max($0, abs($1)) }
}

/// The largest difference and where it is; infinite for NaN or other counts.
func worstDifference(_ actual: [Float], _ expected: [Float]) -> (error: Float, index: Int) {
    guard actual.count == expected.count else { return (.infinity, -1) }
    var worst: (error: Float, index: Int) = (0, 0)
    for index in actual.indices {
        let error = abs(actual[index] - expected[index])
        if error > worst.error || error.isNaN { worst = (error.isNaN ? .infinity : error, index) }
    }
    return worst
}

/// Demands every element to be close.
func expectClose(
    _ actual: [Float], _ expected: [Float], within tolerance: Float, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let (error, index) = worstDifference(actual, expected)
    guard error > tolerance || !error.isFinite || expected.isEmpty else { return }
    let values =
        expected.indices.contains(index) && actual.indices.contains(index)
        ? "\(actual[index]), expected \(expected[index])" : "\(actual.count) values, expected \(expected.count)"
    Issue.record(
        "\(what)[\(index)] is \(values); off by \(error), at most \(tolerance)", sourceLocation: sourceLocation)
}

/// Demands equal bits; −0 is not 0.
func expectSameBits(
    _ actual: [Float], _ expected: [Float], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    let same = actual.count == expected.count && zip(actual, expected).allSatisfy { $0.bitPattern == $1.bitPattern }
    guard !same || expected.isEmpty || !expected.allSatisfy(\.isFinite) else { return }
    let (error, index) = worstDifference(actual, expected)
    Issue.record(
        "\(what): bits differ, most at \(index) by \(error); \(actual.count) and \(expected.count) values",
        sourceLocation: sourceLocation)
}
