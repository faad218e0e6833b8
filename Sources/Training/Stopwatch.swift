/// Measures seconds from its making.
struct Stopwatch {
    private let start = ContinuousClock.now

    /// Seconds so far.
    var seconds: Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
