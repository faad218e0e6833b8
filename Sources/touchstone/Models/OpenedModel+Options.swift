import Foundation
import TextGeneration

extension OpenedModel {
    /// Loads a model as the options say.
    init(_ path: String, adapter: String?, compute: ComputeOptions, messages: Messages) throws {
        let start = ContinuousClock.now
        try self.init(
            path, adapter: adapter, precision: compute.precision.elementType,
            weights: compute.weights)
        let seconds = String(format: "%.1f", (ContinuousClock.now - start) / .seconds(1))
        messages.debug("loaded \(path) (\(compute.precision.rawValue)) in \(seconds) s")
    }

    /// The ids of a text of one line of the input.
    ///
    /// - Throws: `LineError` for a text that can't be used.
    func lineIDs(_ text: String) throws -> [Int] {
        do { return try encode(text) } catch let error as TextGenerationError { throw LineError(error.message) }
    }
}
