import Synchronization

/// How long the completions of prompts have been so far, to begin with those that are likely to take longest.
///
/// It decides who computes what and when, never a result; so a run that goes on begins without it.
public final class LengthHistory: Sendable {
    /// A prompt: the row it was made of, and how it is asked.
    private struct Key: Hashable {
        let row: Int
        let tokens: Int
        let thinks: Bool

        init(_ prompt: EncodedPrompt) {
            (row, tokens, thinks) = (prompt.row.index, prompt.tokens.count, prompt.thinks)
        }
    }

    private struct State {
        var means: [Key: Double] = [:]
        var (sum, count) = (0.0, 0.0)
    }

    /// Prompts that are remembered; of generated ones no two are the same.
    private static let limit = 1 << 16
    private let state = Mutex(State())

    /// A history of nothing.
    public init() {}

    /// The mean length of a prompt's completions when they were last generated, else that of all completions; tokens.
    public func expected(_ prompt: EncodedPrompt) -> Double {
        state.withLock { state in
            state.means[Key(prompt)] ?? (state.count > 0 ? state.sum / state.count : 1)
        }
    }

    /// Learns how long completions have been.
    func observe(_ groups: [ScoredGroup]) {
        state.withLock { state in
            for group in groups where !group.completions.isEmpty {
                let tokens = Double(group.completions.reduce(0) { $0 + $1.tokens.count })
                let count = Double(group.completions.count)
                state.sum += tokens
                state.count += count
                if state.means.count >= Self.limit { state.means = [:] }
                state.means[Key(group.prompt)] = tokens / count
            }
        }
    }
}
