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
    /// - Parameter lengths: How long each request's completions are expected to be: the longest are begun first.
    /// - Parameter onCompletion: Sees each completion that this rank has generated, as it ends.
    /// - Throws: `InferenceError`, `TrainingError` (`rollout`: none come; `interrupted`), and the errors of files.
    nonisolated(nonsending) func generate(
        _ requests: [GenerationRequest], lengths: [Double], ranks: RankGroup, signal: StopSignal,
        onCompletion: (Completion) -> Void
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
        _ requests: [GenerationRequest], lengths: [Double], ranks: RankGroup, signal: StopSignal,
        onCompletion: (Completion) -> Void
    ) async throws {
        for request in requests { try check(request) }
        let costs = zip(requests, lengths).map { Double($0.samples.count) * $1 }
        let share = ranks.share(costs: costs, order: .longestFirst)
        let samples = requests.reduce(0) { $0 + $1.samples.count }
        let room = Portion.begun(of: samples, ranks: ranks.count, enough: Self.efficientBatch)
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

    /// Sequences at a time that keep a processor's threads busy: with fewer, products wait for the weights.
    private static var efficientBatch: Int { 32 }

    /// Nothing.
    public nonisolated(nonsending) func close() async {}
}
