import Distribution
import Foundation
import InferenceCore
import ModelFiles
import QwenModel
import Randomness
import Tracking
import Training

/// Completions from servers elsewhere, which are sent each step's adapter.
///
/// The adapter of a step is written as a PEFT folder under a name with its digest, loaded by every server before that server
/// is asked, and unloaded when the next one is. Prompts are sent as tokens, one request a completion with a seed of its own,
/// and tokens come back: nothing is ever tokenised twice. What was received is written into the run folder and never asked
/// for again.
///
/// With several ranks the first one asks for all.
public final class ExternalEngine: RolloutEngine {
    /// How servers are asked.
    public struct Options: Sendable {
        /// The run's name; adapters are named after it.
        public var name: String
        /// The folder that adapters are written to; `nil`: one in the run folder.
        public var directory: String?
        /// The same folder as servers find it; `nil`: by the same name.
        public var serverDirectory: String?
        /// Texts that end a completion.
        public var stops: [String] = []
        /// Tokens that the model knows.
        public var vocabularySize: Int
        /// Requests at the same time for each server.
        public var concurrency = 16
        /// Seconds for one answer.
        public var timeout = 300.0
        /// How often a server may refuse or answer wrongly in a row.
        public var retries = 3
        /// Seconds without any server after which generation fails.
        public var patience = 1800.0
        /// Seconds that a server is left alone after its first failure; twice as long each time, at most 30.
        public var pause = 0.5

        /// Options.
        public init(name: String, vocabularySize: Int) { (self.name, self.vocabularySize) = (name, vocabularySize) }
    }

    /// Never: servers have numerics of their own.
    public var tellsOwnLogProbs: Bool { false }
    /// Not known of servers.
    public var times: EngineTimes { EngineTimes() }

    private let options: Options
    private let crew: ServerCrew
    private let check: CompletionCheck
    private let journal: RolloutJournal
    private let directory: String
    private let prefix: String
    private var policy: Policy?
    private var written: String?

    /// The policy that completions are asked of.
    private struct Policy {
        let adapter: TrainableAdapter
        let digest: String
        /// The step that is being taken, from 1.
        let step: Int
    }

    /// An engine.
    ///
    /// - Parameter servers: Who is asked.
    /// - Parameter folder: The run's.
    /// - Parameter source: The run whose received completions are used, if it is another.
    /// - Parameter log: Is told what happens to servers.
    public init(
        _ options: Options, servers: [AdapterServer], folder: RunFolder, reading source: RunFolder? = nil,
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.options = options
        check = CompletionCheck(vocabularySize: options.vocabularySize)
        journal = RolloutJournal(folder, reading: source)
        let path = URL(fileURLWithPath: folder.path).standardizedFileURL.path
        directory = options.directory ?? "\(path)/rollout-adapters"
        // Runs of one name must not unload one another's adapters.
        let run = Array(path.utf8).withUnsafeBytes { ContentDigest.of($0) }.prefix(6)
        prefix = "\(options.name)-\(run)-step-"
        crew = ServerCrew(
            servers, prefix: prefix, concurrency: options.concurrency, timeout: options.timeout, check: check,
            rules: WorkBoard.Rules(retries: options.retries, patience: options.patience, pause: options.pause), log: log
        )
    }

    /// Takes the adapter; servers are told when something is asked of them.
    ///
    /// - Throws: `TrainingError` (`unsupported`) where no adapter is trained.
    public func adopt(_ policy: TrainedParameters, adapter: Adapter?, step: Int) throws {
        guard case .adapter(let trained) = policy, let adapter else {
            throw TrainingError(
                .unsupported,
                "servers elsewhere are sent adapters, and this run trains the whole model; train an adapter")
        }
        self.policy = Policy(adapter: trained, digest: adapter.contentDigest(), step: step + 1)
    }

    /// Asks for what was not received before.
    public nonisolated(nonsending) func generate(
        _ requests: [GenerationRequest], lengths: [Double], ranks: RankGroup, signal: StopSignal,
        onCompletion: (Completion) -> Void
    ) async throws {
        guard ranks.isFirst else { return }
        guard let policy else { preconditionFailure("ExternalEngine: generate before adopt") }
        let received = journal.entries(step: policy.step, adapter: policy.digest)
        var missing: [CompletionJob] = []
        for job in jobs(requests) {
            let entry = received[Self.place(requests[job.request].samples[job.sample])]
            let completion = entry.flatMap {
                try? check.completion(tokens: $0.tokens, logProbs: $0.logProbs, $0.finishReason, of: job)
            }
            if let completion { onCompletion(completion) } else { missing.append(job) }
        }
        guard !missing.isEmpty else { return }
        missing.sort { lengths[$0.request] > lengths[$1.request] }
        let version = try publish(policy)
        for try await completion in answers(to: missing, version, signal) {
            let address = requests[completion.request].samples[completion.sample]
            try journal.append(completion, at: Self.place(address), step: policy.step, adapter: policy.digest)
            onCompletion(completion)
        }
    }

    private static func place(_ address: RandomAddress) -> RolloutJournal.Place {
        RolloutJournal.Place(prompt: Int(address.prompt), sample: Int(address.sample))
    }

    /// The completions as they come.
    private func answers(
        to jobs: [CompletionJob], _ version: ServerCrew.Version, _ signal: StopSignal
    ) -> AsyncThrowingStream<Completion, any Error> {
        let crew = crew
        return AsyncThrowingStream { continuation in
            let task = Task {
                do {
                    try await crew.run(jobs, version: version, signal: signal) { continuation.yield($0) }
                    continuation.finish()
                } catch let error as ExternalRolloutError {
                    continuation.finish(
                        throwing: TrainingError(
                            .rollout, "\(error.message); the run can go on with --resume when servers are there",
                            cause: error))
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func jobs(_ requests: [GenerationRequest]) -> [CompletionJob] {
        var jobs: [CompletionJob] = []
        for (request, asked) in requests.enumerated() {
            for (sample, address) in asked.samples.enumerated() {
                let bits = address.bits(at: 0)
                // 53 bits: every JSON reader takes such integers as they are.
                let seed = Int((UInt64(bits.x) << 32 | UInt64(bits.y)) >> 11)
                let isStopped = asked.isStopped
                jobs.append(
                    CompletionJob(
                        index: jobs.count, request: request, sample: sample, prompt: asked.prompt,
                        parameters: asked.parameters, maxNewTokens: asked.maxNewTokens, endTokens: asked.endTokens,
                        stops: options.stops, seed: seed, isStopped: { isStopped?(sample, $0) ?? false },
                        thought: asked.thought))
            }
        }
        return jobs
    }

    /// Writes the adapter where servers find it, and removes the one before.
    private func publish(_ policy: Policy) throws -> ServerCrew.Version {
        let name = "\(prefix)\(policy.step)-\(policy.digest.prefix(12))"
        let path = "\(directory)/\(name)"
        if written != path {
            do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
                throw TrainingError(
                    .unwritable,
                    "\(directory): can't be created (\(error.localizedDescription)); check the disk, or give "
                        + "another rollout.engine.directory", cause: error)
            }
            try policy.adapter.write(to: path)
            removeAdapters(except: name)
            written = path
        }
        return ServerCrew.Version(name: name, path: "\(options.serverDirectory ?? directory)/\(name)")
    }

    /// Removes the run's adapters, those of an earlier process too.
    private func removeAdapters(except name: String?) {
        for old in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        where old.hasPrefix(prefix) && old != name {
            try? FileManager.default.removeItem(atPath: "\(directory)/\(old)")
        }
    }

    /// Has servers forget the run's adapters, and removes their folders.
    public nonisolated(nonsending) func close() async {
        await crew.close()
        guard written != nil else { return }
        removeAdapters(except: nil)
        if options.directory == nil { rmdir(directory) }
        written = nil
    }
}
