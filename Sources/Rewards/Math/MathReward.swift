import OrderedJSON
import WorkerProcesses

/// 1 if the completion's final answer is the gold answer of its data row, 0 if it is another or none.
///
/// The gold answer may be a string or a number. A row without one, or whose gold answer can't be read, is not applicable:
/// no completion could be right there, so it must not push the model anywhere.
public struct MathReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The column of the gold answer.
    public let column: String
    /// How answers are read and compared.
    public let configuration: MathConfiguration
    /// What checks them.
    public let verifier: MathVerifier

    /// A math reward.
    public init(
        name: String = "math", column: String = "answer", configuration: MathConfiguration = MathConfiguration(),
        verifier: MathVerifier = MathVerifier()
    ) {
        self.name = name
        self.column = column
        self.configuration = configuration
        self.verifier = verifier
    }

    /// 1, 0, or an outcome without a score for each sample.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        let verdicts = try await inOrder(batch, width: batch.count) { await verdict($0) }
        let judged = verdicts.compactMap { $0 }
        guard !judged.isEmpty else { return RewardBatch(verdicts.map(Self.outcome)) }
        let unparsable = judged.count { $0.verdict == .unparsable }
        return RewardBatch(
            verdicts.map(Self.outcome), logs: ["unparsable": Double(unparsable) / Double(judged.count)])
    }

    /// The verdict on one sample, or `nil` if its row has no gold answer.
    public func verdict(_ sample: RewardSample) async -> MathVerdict? {
        let gold: String
        switch sample.columns[column] {
        case .string(let text): gold = text
        case .integer(let value): gold = String(value)
        case .double(let value): gold = JSONValue.pythonSpelling(of: value)
        default: return nil
        }
        return await verifier.verify(
            gold: gold, prediction: ThinkTags.completion(of: sample), configuration: configuration)
    }

    private static func outcome(_ verdict: MathVerdict?) -> RewardOutcome {
        guard let verdict else { return .notApplicable }
        switch verdict.verdict {
        case .correct: return .score(1)
        case .wrong, .unparsable: return .score(0)
        case .goldUnparsable: return .notApplicable
        case .timeout: return .failed(RewardFailure(.timeout, verdict.reason))
        }
    }
}
