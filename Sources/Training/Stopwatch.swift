/// Measures seconds from its making.
struct Stopwatch {
    private var start = ContinuousClock.now

    /// Seconds so far.
    var seconds: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// Seconds so far; begins anew.
    mutating func lap() -> Double {
        defer { start = ContinuousClock.now }
        return seconds
    }
}
