import Testing

/// How far two computations of one quantity may lie apart. An element passes within `absolute + relative · |expected|`,
/// or within `ofLargest` times the largest expected magnitude.
public struct Tolerance: Sendable {
    /// Allowed whatever the size of the values.
    public var absolute = 0.0
    /// Allowed as a share of the expected element.
    public var relative = 0.0
    /// Allowed as a share of the largest expected element.
    public var ofLargest = 0.0

    /// A tolerance of its own; the named ones cover what is usual.
    public init(absolute: Double = 0, relative: Double = 0, ofLargest: Double = 0) {
        (self.absolute, self.relative, self.ofLargest) = (absolute, relative, ofLargest)
    }

    /// Single precision against Double: sums of some hundred terms.
    public static let forward = Tolerance(ofLargest: 1e-5)
    /// Gradients in single precision against central differences in Double.
    public static let gradient = Tolerance(absolute: 1e-7, ofLargest: 1e-4)
    /// The reference files of another single-precision implementation.
    public static let reference = Tolerance(ofLargest: 1e-5)
    /// A few roundings of single precision.
    public static let rounding = Tolerance(absolute: 1e-37, relative: 4e-7)
    /// Values that went through bfloat16 once.
    public static let bfloat16 = Tolerance(relative: 1.0 / 256)
}

/// Compares element by element and reports the worst one. Infinities must agree exactly, and NaN only with NaN.
///
/// A relative tolerance above 0.1 is refused: it would pass wrong expectations.
public func expectClose(
    _ actual: [Float], _ expected: [Double], _ tolerance: Tolerance, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    func fail(_ text: String) { Issue.record("\(what): \(text)", sourceLocation: sourceLocation) }
    guard tolerance.relative <= 0.1, tolerance.ofLargest <= 0.1 else {
        return fail("the relative tolerance \(max(tolerance.relative, tolerance.ofLargest)) is above 0.1")
    }
    guard actual.count == expected.count else {
        return fail("\(actual.count) elements, expected \(expected.count)")
    }
    let largest = expected.lazy.map(abs).filter(\.isFinite).max() ?? 0
    var worst = (index: -1, excess: 0.0, error: 0.0, allowed: 0.0)
    var failures = 0
    for (index, (a, e)) in zip(actual, expected).enumerated() {
        let value = Double(a)
        if value == e || (value.isNaN && e.isNaN) { continue }
        let allowed = max(tolerance.absolute + tolerance.relative * abs(e), tolerance.ofLargest * largest)
        let error = abs(value - e)
        if error <= allowed, e.isFinite { continue }
        failures += 1
        let excess = error.isFinite ? error / max(allowed, .leastNonzeroMagnitude) : .infinity
        if worst.index < 0 || excess > worst.excess { worst = (index, excess, error, allowed) }
    }
    guard failures > 0 else { return }
    fail(
        "\(failures) of \(actual.count) elements differ; worst at \(worst.index): got \(actual[worst.index]), "
            + "expected \(expected[worst.index]), error \(worst.error), allowed \(worst.allowed), largest \(largest)")
}

/// Compares with single-precision expectations.
public func expectClose(
    _ actual: [Float], _ expected: [Float], _ tolerance: Tolerance, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    expectClose(actual, expected.map(Double.init), tolerance, what, sourceLocation: sourceLocation)
}

/// Demands equal bits, and reports the first element that differs.
public func expectSameBits(
    _ actual: [Float], _ expected: [Float], _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
    guard actual.count == expected.count else {
        Issue.record("\(what): \(actual.count) elements, expected \(expected.count)", sourceLocation: sourceLocation)
        return
    }
    guard let index = actual.indices.first(where: { actual[$0].bitPattern != expected[$0].bitPattern }) else { return }
    let count = actual.indices.filter { actual[$0].bitPattern != expected[$0].bitPattern }.count
    let text =
        "\(what): the bits of \(count) of \(actual.count) elements differ; first at \(index): got \(actual[index]), "
        + "expected \(expected[index])"
    Issue.record(Comment(rawValue: text), sourceLocation: sourceLocation)
}
