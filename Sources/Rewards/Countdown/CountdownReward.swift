import OrderedJSON

/// 1 if a completion solves its Countdown task, else 0: reach the target from the numbers, each used exactly once.
///
/// The answer is the last `<answer>…</answer>` outside the thought; one that is never closed is none. Its arithmetic is exact:
/// 1000000/1000001 is not 1, and 8/(3 − 8/3) is 24. A closing `= target` is allowed if it names the target.
///
/// Source: TinyZero's task (columns `target` and `nums`), without the faults of its `eval`.
public struct CountdownReward: RewardFunction {
    /// The name in the metrics.
    public let name: String
    /// The column of the target, a whole number.
    public let targetColumn: String
    /// The column of the numbers, an array of whole numbers.
    public let numbersColumn: String

    /// Most numbers of a task.
    static let maximumNumbers = 64

    /// A Countdown reward; TinyZero's own data set calls the numbers' column `nums`.
    public init(name: String = "countdown", targetColumn: String = "target", numbersColumn: String = "numbers") {
        self.name = name
        self.targetColumn = targetColumn
        self.numbersColumn = numbersColumn
    }

    /// 1 or 0 for each sample; a row without the two columns is not applicable, one with other things in them failed.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map(outcome))
    }

    private func outcome(_ sample: RewardSample) -> RewardOutcome {
        guard let targetValue = sample.columns[targetColumn], let list = sample.columns[numbersColumn] else {
            return .notApplicable
        }
        guard let target = targetValue.intValue else {
            return .failed(RewardFailure(.badRow, "column \"\(targetColumn)\" is not a whole number"))
        }
        let numbers = list.arrayValue?.compactMap(\.intValue) ?? []
        guard !numbers.isEmpty, numbers.count == list.arrayValue?.count, numbers.count <= Self.maximumNumbers else {
            return .failed(
                RewardFailure(
                    .badRow, "column \"\(numbersColumn)\" is not an array of 1 to \(Self.maximumNumbers) whole numbers")
            )
        }
        return .score(Self.solves(ThinkTags.completion(of: sample), target: target, numbers: numbers) ? 1 : 0)
    }

    /// Whether a completion's answer reaches the target with each number used exactly once.
    public static func solves(_ completion: String, target: Int, numbers: [Int]) -> Bool {
        guard let answer = answer(in: completion),
            let expression = try? CountdownExpression(answer, maximumNumbers: numbers.count),
            expression.claim == nil || expression.claim == target
        else { return false }
        return expression.uses(exactly: numbers) && expression.equals(target)
    }

    /// What stands in the last answer tags after the thought.
    private static func answer(in completion: String) -> String? {
        guard !ThinkTags.endsInThought(completion) else { return nil }
        let bytes = Array((ThinkTags.answer(in: completion) ?? completion[...]).utf8)
        let open = Array("<answer>".utf8)
        guard let start = ByteSearch.last(of: open, in: bytes) else { return nil }
        let first = start + open.count
        guard let end = ByteSearch.first(of: Array("</answer>".utf8), in: bytes, from: first) else {
            return nil
        }
        return MathText.string(bytes[first..<end])
    }
}
