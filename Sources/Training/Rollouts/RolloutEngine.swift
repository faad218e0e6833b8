import Distribution
import InferenceCore
import QwenModel

/// Where the completions of a training step come from: this process's own core, or servers elsewhere.
public protocol RolloutEngine: AnyObject {
    /// Whether the log-probabilities that come with completions are the trainer's own, bit for bit. Where they are not, the
    /// trainer computes its own, and makes up for the difference.
    var tellsOwnLogProbs: Bool { get }
    /// Where time has gone so far, as far as it is known.
    var times: EngineTimes { get }
    /// Takes the policy that completions are asked of from now on; every rank calls it.
    ///
    /// - Parameter policy: What is trained, as it stands now.
    /// - Parameter adapter: The same, ready to compute with.
    /// - Parameter step: Steps taken.
    func adopt(_ policy: TrainedParameters, adapter: Adapter?, step: Int) throws
    /// Generates completions; all ranks together generate all.
    ///
    /// - Parameter onCompletion: Sees each completion that this rank has generated, as it ends.
    /// - Throws: `InferenceError`, `TrainingError` (`rollout`: none come; `interrupted`), and the errors of files.
    nonisolated(nonsending) func generate(
        _ requests: [GenerationRequest], ranks: RankGroup, signal: StopSignal, onCompletion: (Completion) -> Void
    ) async throws
    /// Frees what it holds elsewhere; it may be used again.
    nonisolated(nonsending) func close() async
}

extension Engine: RolloutEngine {
    /// They are: generation and training share one forward pass.
    public var tellsOwnLogProbs: Bool { true }

    /// Nothing: each request brings its adapter.
    public func adopt(_ policy: TrainedParameters, adapter: Adapter?, step: Int) {}

    /// Generates those of the requests that this rank takes.
    public nonisolated(nonsending) func generate(
        _ requests: [GenerationRequest], ranks: RankGroup, signal: StopSignal, onCompletion: (Completion) -> Void
    ) async throws {
        for request in requests { try check(request) }
        let share = ranks.share(costs: requests.map { Double($0.samples.count) })
        // With others, half a share at a time: what is not begun can still be taken by who has finished early.
        let samples = requests.reduce(0) { $0 + $1.samples.count }
        let room = ranks.count == 1 ? samples : (samples + 2 * ranks.count - 1) / (2 * ranks.count)
        var taken: [Int] = []
        try generate(room: room) {
            guard let index = try share.next() else { return nil }
            taken.append(index)
            return requests[index]
        } onCompletion: { completion in
            var completion = completion
            completion.request = taken[completion.request]
            onCompletion(completion)
        }
    }

    /// Nothing.
    public nonisolated(nonsending) func close() async {}
}
