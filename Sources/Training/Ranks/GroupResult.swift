import Distribution
import InferenceCore
import Rewards

/// A scored group on its way to the other ranks: what they can't compute from the prompt themselves.
struct GroupResult: Portable {
    private let completions: [Completion]
    private let report: RewardReport
    /// The group itself, where it was generated here.
    private let own: ScoredGroup?

    init(_ group: ScoredGroup) { (completions, report, own) = (group.completions, group.report, group) }

    /// The group.
    func group(of prompt: EncodedPrompt, _ sampler: RolloutSampler) -> ScoredGroup {
        own
            ?? ScoredGroup(
                prompt: prompt, completions: completions,
                samples: completions.map { sampler.rewardSample(prompt, $0) }, report: report)
    }

    func write(to message: inout MessageWriter) {
        message.add(completions.count)
        for completion in completions {
            message.add([completion.request, completion.sample])
            message.add(completion.tokens)
            message.add(completion.logProbs)
            message.add(completion.finishReason.rawValue)
            let thought = completion.thought.map { [$0.tokens, $0.handOff, $0.answer] } ?? []
            message.add(thought.flatMap { [$0?.lowerBound ?? -1, $0?.upperBound ?? -1] })
        }
        message.add(report.parts.count)
        for part in report.parts {
            message.add(part.name)
            message.add(part.weight)
            for outcome in part.outcomes { Self.write(outcome, to: &message) }
            message.add(part.logs.count)
            for (name, value) in part.logs.sorted(by: { $0.key < $1.key }) {
                message.add(name)
                message.add(value)
            }
        }
    }

    init(from message: inout MessageReader) throws(DistributionError) {
        var completions: [Completion] = []
        for _ in 0..<max(0, try message.integer()) {
            let address = try message.integers()
            guard address.count == 2 else { throw Self.malformed("a completion's address") }
            let (tokens, logProbs) = (try message.integers(), try message.floats())
            guard let reason = FinishReason(rawValue: try message.text()) else {
                throw Self.malformed("why a completion ended")
            }
            let thought = try Self.thought(try message.integers(), tokens: tokens.count)
            completions.append(
                Completion(
                    request: address[0], sample: address[1], tokens: tokens, logProbs: logProbs, finishReason: reason,
                    thought: thought))
        }
        var parts: [RewardReport.Part] = []
        for _ in 0..<max(0, try message.integer()) {
            let (name, weight) = (try message.text(), try message.number())
            var outcomes: [RewardOutcome] = []
            for _ in completions { outcomes.append(try Self.outcome(from: &message)) }
            var logs: [String: Double] = [:]
            for _ in 0..<max(0, try message.integer()) { logs[try message.text()] = try message.number() }
            parts.append(RewardReport.Part(name: name, weight: weight, outcomes: outcomes, logs: logs))
        }
        (self.completions, own) = (completions, nil)
        report = RewardReport(parts: parts, batchSize: completions.count)
    }

    /// Where a thought and an answer stand; bounds of −1 say that a part is not there.
    private static func thought(_ bounds: [Int], tokens: Int) throws(DistributionError) -> Thought? {
        guard !bounds.isEmpty else { return nil }
        guard bounds.count == 6 else { throw malformed("a thought's places") }
        var parts: [Range<Int>?] = []
        for index in stride(from: 0, to: 6, by: 2) {
            let (lower, upper) = (bounds[index], bounds[index + 1])
            guard lower == -1 || 0 <= lower && lower <= upper && upper <= tokens else {
                throw malformed("a thought's places")
            }
            parts.append(lower == -1 ? nil : lower..<upper)
        }
        return Thought(tokens: parts[0], handOff: parts[1], answer: parts[2])
    }

    private static func write(_ outcome: RewardOutcome, to message: inout MessageWriter) {
        switch outcome {
        case .score(let score):
            message.add("score")
            message.add(score)
        case .notApplicable: message.add("")
        case .failed(let failure):
            message.add(failure.boundary.rawValue)
            message.add(failure.detail)
        }
    }

    private static func outcome(from message: inout MessageReader) throws(DistributionError) -> RewardOutcome {
        let kind = try message.text()
        if kind == "score" { return .score(try message.number()) }
        if kind.isEmpty { return .notApplicable }
        guard let boundary = RewardFailure.Boundary(rawValue: kind) else { throw malformed("a reward's outcome") }
        return .failed(RewardFailure(boundary, try message.text()))
    }

    private static func malformed(_ what: String) -> DistributionError {
        DistributionError(.malformed, "a rank's message holds something else than \(what); please report it")
    }
}
