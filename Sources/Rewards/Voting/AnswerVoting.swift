import OrderedJSON

/// A reward whose completions can vote: each has a final answer, and it can be told whether two answers are the same.
public protocol AnswerVoting: AnswerChecking {
    /// The final answer of a completion; `nil` if it has none, and so no vote.
    func finalAnswer(of sample: RewardSample) -> String?

    /// Whether two final answers of completions of one row are the same answer.
    func isSame(_ a: String, _ b: String, for sample: RewardSample) async -> Bool
}

/// The votes of one problem's completions.
public struct AnswerVotes: Sendable, Equatable {
    /// A class of equal answers.
    public struct Choice: Sendable, Equatable {
        /// The answer as its first voter wrote it.
        public let answer: String
        /// Which completions gave it.
        public fileprivate(set) var voters: [Int]
        /// Whether the checker takes it for right.
        public let isRight: Bool
    }

    /// The classes, in the order of their first voters.
    public private(set) var choices: [Choice] = []

    /// Classes that an answer is compared with by more than its letters, and the longest such answer in bytes: a model that
    /// writes something else each time must not cost a check for every pair.
    private static let (maximumChoices, maximumBytes) = (64, 1000)

    /// Counts the votes of completions of one problem.
    ///
    /// A completion whose answer was judged right votes for the right answer. The others are compared with the classes so
    /// far, in order. Completions without a score or an answer don't vote.
    /// - Parameter isRight: The checker's word on each; `nil` without a score.
    public init(_ samples: [RewardSample], isRight: [Bool?], by function: any AnswerVoting) async {
        for (index, sample) in samples.enumerated() {
            guard let right = isRight[index], let answer = function.finalAnswer(of: sample) else { continue }
            var place: Int?
            for (number, choice) in choices.enumerated() where choice.isRight == right {
                if right || choice.answer == answer {
                    place = number
                } else if number < Self.maximumChoices,
                    max(choice.answer.utf8.count, answer.utf8.count) <= Self.maximumBytes,
                    await function.isSame(choice.answer, answer, for: sample)
                {
                    place = number
                }
                if place != nil { break }
            }
            if let place {
                choices[place].voters.append(index)
            } else {
                choices.append(Choice(answer: answer, voters: [index], isRight: right))
            }
        }
    }

    /// The answer with most votes; the earliest of equals.
    public var majority: Choice? {
        let most = choices.map(\.voters.count).max() ?? 0
        return choices.first { $0.voters.count == most }
    }

    /// maj@k: 1 if the right answer has most votes, 1/t if it shares them with t − 1 others, else 0.
    ///
    /// A tie broken by chance is right so often; the expectation needs no draw.
    public var majorityScore: Double {
        let most = choices.map(\.voters.count).max() ?? 0
        let leaders = choices.filter { $0.voters.count == most }
        return leaders.contains { $0.isRight } ? 1 / Double(leaders.count) : 0
    }
}

extension MathReward: AnswerVoting {
    /// What `verify math` extracts.
    public func finalAnswer(of sample: RewardSample) -> String? {
        guard case .found(let answer) = AnswerExtraction.extract(from: ThinkTags.completion(of: sample)) else {
            return nil
        }
        return answer.text
    }

    /// Whether the one would be right if the other were the gold answer.
    public func isSame(_ a: String, _ b: String, for sample: RewardSample) async -> Bool {
        await verifier.verify(gold: a, prediction: "\\boxed{\(b)}", configuration: configuration).verdict == .correct
    }
}

extension ExactMatchReward: AnswerVoting {
    /// The part of the completion that is compared.
    public func finalAnswer(of sample: RewardSample) -> String? { part.text(of: sample).map(plain) }

    /// Whether the texts are equal.
    public func isSame(_ a: String, _ b: String, for sample: RewardSample) async -> Bool { a == b }
}

extension TaskReward: AnswerVoting {
    /// The answer as it is compared.
    public func finalAnswer(of sample: RewardSample) -> String? {
        let form = form(of: sample)
        guard form != "number" else { return math.finalAnswer(of: sample) }
        return FinalText.answer(of: sample).map { FinalText.plain($0, form).joined(separator: ", ") }
    }

    /// Whether they are equal as the task compares.
    public func isSame(_ a: String, _ b: String, for sample: RewardSample) async -> Bool {
        form(of: sample) == "number" ? await math.isSame(a, b, for: sample) : a == b
    }
}
