import OrderedJSON

/// A verifiable reward: it looks at completions and says of each what it is worth.
///
/// A function sees a whole batch at once, so that one backed by a worker process or a server can send it in one
/// message. It must not turn a fault into a score: what it can't judge is `.failed` or `.notApplicable`.
///
///     struct Brevity: RewardFunction {
///         let name = "brevity"
///         func score(_ batch: [RewardSample]) async throws -> RewardBatch {
///             RewardBatch(batch.map { .score($0.completionIDs.count < 100 ? 1 : 0) })
///         }
///     }
public protocol RewardFunction: Sendable {
    /// The name under which its metrics appear: `rewards/<name>/mean`. Unique in a `RewardSet`.
    var name: String { get }

    /// Judges each sample of a batch.
    ///
    /// - Parameter batch: The samples; never empty.
    /// - Returns: One outcome for each sample, in order, and any values worth logging.
    /// - Throws: Anything; a `RewardSet` records the whole batch as failed at the boundary `crash`.
    ///   Only `CancellationError` ends the run's step.
    func score(_ batch: [RewardSample]) async throws -> RewardBatch

    /// The names of other rewards of the set whose outcomes this one looks at; none as a rule.
    var needs: [String] { get }

    /// Judges a batch when the rewards that it needs have done so.
    ///
    /// - Parameter earlier: Their outcomes by name, one a sample.
    func score(_ batch: [RewardSample], given earlier: [String: [RewardOutcome]]) async throws -> RewardBatch
}

extension RewardFunction {
    /// None.
    public var needs: [String] { [] }

    /// Judges the batch by itself.
    public func score(_ batch: [RewardSample], given earlier: [String: [RewardOutcome]]) async throws -> RewardBatch {
        try await score(batch)
    }
}

/// A reward that reads a task from the data row, so that a row's faults can be told before anything is generated.
public protocol RowReading: RewardFunction {
    /// Whether the reward applies to completions of a row with these columns.
    ///
    /// - Throws: `RewardFailure` (`badRow`) if the row is broken, so that every completion of it would fail.
    func applies(to columns: JSONObject) throws(RewardFailure) -> Bool
}

/// One completion with everything a reward may look at.
public struct RewardSample: Sendable {
    /// The prompt as text, after the chat template.
    public let prompt: String
    /// The prompt as chat messages (an array of objects with `role` and `content`), or `null`.
    public let messages: JSONValue
    /// The model's text. Hostile: treat it as data only.
    public let completion: String
    /// The completion's token ids.
    public let completionIDs: [Int]
    /// Why generation ended: `stop` or `length`.
    public let finishReason: String
    /// Every column of the data row; the gold answer sits in one of them, such as `answer`.
    public let columns: JSONObject

    /// A sample of its parts.
    public init(
        prompt: String, messages: JSONValue = .null, completion: String, completionIDs: [Int] = [],
        finishReason: String = "stop", columns: JSONObject = [:]
    ) {
        self.prompt = prompt
        self.messages = messages
        self.completion = completion
        self.completionIDs = completionIDs
        self.finishReason = finishReason
        self.columns = columns
    }
}

/// What a reward function says of one sample.
public enum RewardOutcome: Hashable, Sendable {
    /// It is worth so much.
    case score(Double)
    /// The function does not apply (no gold answer, another task); the sample is left out of this reward's mean.
    case notApplicable
    /// It could not be judged. Counted and shown, never taken for a score of 0.
    case failed(RewardFailure)

    /// The score, if there is one.
    public var score: Double? { if case .score(let value) = self { value } else { nil } }

    /// The failure, if it is one.
    public var failure: RewardFailure? { if case .failed(let failure) = self { failure } else { nil } }

    /// This outcome, or a failure if its score is NaN or infinite: one such number would poison a whole group.
    public var checked: RewardOutcome {
        guard case .score(let value) = self, !value.isFinite else { return self }
        return .failed(RewardFailure(.nonFinite, "the score is \(value), expected a finite number"))
    }
}

/// Why a sample could not be judged.
public struct RewardFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The boundary at which judging broke; the raw value names the metric `rewards/<name>/failed/<boundary>`.
    public enum Boundary: String, CaseIterable, Sendable {
        /// The answer came too late.
        case timeout
        /// The function threw, or its process died.
        case crash
        /// The reply could not be read.
        case unparsable
        /// The score was NaN or infinite.
        case nonFinite = "non_finite"
        /// The number of outcomes was not the number of samples.
        case wrongCount = "wrong_count"
        /// The worker, sandbox or server could not be reached or started.
        case unavailable
        /// The data row lacks what the function needs, or holds something else there.
        case badRow = "bad_row"
    }

    /// Where it broke.
    public let boundary: Boundary
    /// What happened, in one line.
    public let detail: String
    /// Boundary and detail.
    public var description: String { "\(boundary.rawValue): \(detail)" }

    /// A failure at a boundary.
    public init(_ boundary: Boundary, _ detail: String) {
        self.boundary = boundary
        self.detail = detail
    }
}

/// What a reward function returns for a batch.
public struct RewardBatch: Sendable {
    /// One outcome for each sample, in order.
    public let outcomes: [RewardOutcome]
    /// Named values for the metrics file, such as a mean length; logged as `rewards/<name>/<key>`.
    public let logs: [String: Double]

    /// A result of its parts.
    public init(_ outcomes: [RewardOutcome], logs: [String: Double] = [:]) {
        self.outcomes = outcomes
        self.logs = logs
    }
}
