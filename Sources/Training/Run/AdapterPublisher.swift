import QwenModel

/// Brings the adapter of a running training to where it is served.
public protocol AdapterPublisher: Sendable {
    /// Publishes the adapter as it is after a step.
    ///
    /// - Throws: Why it could not be done; the run goes on.
    func publish(_ adapter: TrainableAdapter, step: Int) async throws
}
