import OrderedJSON
import RegularExpressions
import WorkerProcesses

/// A language model that judges completions one by one: it is asked for a number, which is looked for in its reply.
///
/// The completion is part of the question, so it can try to talk the judge into a good mark. Keep an eye on what gets the
/// best ones.
public struct JudgeReward: RewardFunction {
    /// What the judge is asked, and how its reply is read.
    public struct Question: Sendable {
        /// The name of the model.
        public var model: String
        /// The system message, if there is one.
        public var system: String?
        /// Makes the user's message for a sample.
        public var prompt: @Sendable (RewardSample) throws(RewardFailure) -> String
        /// Finds the number: the first group of the last match.
        public var pattern: String
        /// The number that scores 0.
        public var worst: Double
        /// The number that scores 1.
        public var best: Double
        /// What the logits are divided by.
        public var temperature: Double
        /// Tokens that the reply may have.
        public var maxTokens: Int

        /// A question.
        public init(
            model: String, system: String? = nil, pattern: String, worst: Double = 0, best: Double = 10,
            temperature: Double = 0, maxTokens: Int = 512,
            prompt: @escaping @Sendable (RewardSample) throws(RewardFailure) -> String
        ) {
            self.model = model
            self.system = system
            self.prompt = prompt
            self.pattern = pattern
            self.worst = worst
            self.best = best
            self.temperature = temperature
            self.maxTokens = maxTokens
        }
    }

    /// The name in the metrics.
    public let name: String
    private let server: RewardServer
    private let question: Question
    private let pattern: Pattern

    /// A judge behind an OpenAI-compatible server.
    ///
    /// - Parameter server: Its `…/chat/completions`.
    /// - Throws: `RewardsError` if the pattern can't be compiled or has no group, or the marks are the same.
    public init(name: String = "judge", server: RewardServer, question: Question) throws(RewardsError) {
        do throws(PatternError) { pattern = try Pattern(question.pattern, maximumInstructions: 1000) } catch {
            throw RewardsError(.invalidOption, "\(name): pattern '\(question.pattern)': \(error.message)", cause: error)
        }
        guard pattern.groupCount > 0 else {
            throw RewardsError(
                .invalidOption, "\(name): pattern '\(question.pattern)' has no group; put ( ) around the number")
        }
        guard question.worst != question.best else {
            throw RewardsError(.invalidOption, "\(name): range is \(question.worst) twice, expected two numbers")
        }
        self.name = name
        self.server = server
        self.question = question
    }

    /// The judge's scores, from 0 to 1 as a rule.
    public func score(_ batch: [RewardSample]) async throws -> RewardBatch {
        RewardBatch(try await inOrder(batch, width: batch.count) { try await outcome($0) })
    }

    private func outcome(_ sample: RewardSample) async throws -> RewardOutcome {
        do { return .score(try await judge(sample)) } catch let failure as RewardFailure { return .failed(failure) }
    }

    private func judge(_ sample: RewardSample) async throws -> Double {
        var messages: [JSONValue] = []
        if let system = question.system { messages.append(["role": "system", "content": .string(system)]) }
        messages.append(["role": "user", "content": .string(try question.prompt(sample))])
        let request: JSONValue = [
            "model": .string(question.model), "messages": .array(messages),
            "temperature": .double(question.temperature), "max_tokens": .integer(question.maxTokens),
        ]
        let reply = try await server.post(request.text())
        guard let content = (try? JSONValue(parsing: reply))?["choices"]?[0]?["message"]?["content"]?.stringValue else {
            throw RewardFailure(
                .unparsable, "the judge's answer has no choices[0].message.content: \(ScoreExchange.shown(reply))")
        }
        return try mark(in: content)
    }

    /// The mark that a reply gives, on the scale from 0 to 1.
    func mark(in reply: String) throws(RewardFailure) -> Double {
        guard let number = lastNumber(in: reply) else {
            throw RewardFailure(.unparsable, "the judge's reply has no mark: \(ScoreExchange.shown(reply.trimmed))")
        }
        let score = (number - question.worst) / (question.best - question.worst)
        guard score >= 0, score <= 1 else {
            throw RewardFailure(
                .unparsable, "the judge's mark is \(number), expected \(question.worst) to \(question.best)")
        }
        return score
    }

    /// The mark stands near the end; what is far before it is not looked at.
    private static let searchedCharacters = 20_000

    private func lastNumber(in reply: String) -> Double? {
        var rest = String(reply.suffix(Self.searchedCharacters))
        var found: String?
        while let match = pattern.firstMatch(in: rest) {
            if let group = match.groups.first ?? nil { found = String(rest[group]) }
            // Behind an empty match the search goes on one character later.
            var end = match.range.upperBound
            if match.range.isEmpty {
                guard end < rest.endIndex else { break }
                end = rest.index(after: end)
            }
            rest = String(rest[end...])
        }
        return found.flatMap { Double($0) }
    }
}
