import InferenceCore

/// Decides how many tokens of prompts a step computes beside the sequences that decode: as many as take no longer than the
/// decoding itself, so that no stream waits longer than two of its own steps while a long prompt comes in.
///
/// Only the time depends on it; results don't.
struct DecodePace {
    /// Most prompt tokens of a step, and all that is computed when nothing decodes.
    static let most = 512
    /// Fewest: a prompt must get on.
    static let fewest = 8

    /// Seconds of a step that only decodes, smoothed.
    private(set) var decodeSeconds: Double?
    /// Seconds that a prompt's token adds to a step, smoothed.
    private(set) var promptTokenSeconds: Double?

    /// Learns from a step.
    mutating func update(_ outcome: StepOutcome, seconds: Double) {
        if outcome.prompted == 0 {
            guard outcome.decoded > 0 else { return }
            decodeSeconds = Self.smooth(decodeSeconds, seconds)
        } else {
            let own = outcome.decoded > 0 ? seconds - (decodeSeconds ?? 0) : seconds
            promptTokenSeconds = Self.smooth(promptTokenSeconds, max(own, 1e-9) / Double(outcome.prompted))
        }
    }

    /// Prompt tokens of the next step.
    ///
    /// - Parameter decoding: Sequences that decode.
    func budget(decoding: Int) -> Int {
        guard decoding > 0 else { return Self.most }
        guard let decodeSeconds, let promptTokenSeconds else { return 32 }
        return Int(min(max(decodeSeconds / promptTokenSeconds, Double(Self.fewest)), Double(Self.most)))
    }

    private static func smooth(_ old: Double?, _ new: Double) -> Double { old.map { 0.8 * $0 + 0.2 * new } ?? new }
}
