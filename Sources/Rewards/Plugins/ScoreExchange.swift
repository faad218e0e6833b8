import OrderedJSON
import Synchronization

/// The message that a plugin or a reward server gets for some samples, and how its reply is read.
///
/// Message: `{"id":7,"samples":[{"prompt","messages","completion","completion_ids","finish_reason","columns"}, …]}`.
/// Reply: `{"id":7,"scores":[0.5,null, …],"logs":{"name":0.1}}` with a score for each sample in order. `null` says that the
/// reward does not apply; `{"failed":"crash","reason":"…"}` in place of a score, or in place of `scores`, that judging
/// failed, with a cause from `RewardFailure.Boundary`. Such a reply is orderly; anything else that is not as described
/// makes the whole reply worthless.
struct ScoreExchange: Sendable {
    /// Names that the metrics of every reward have already.
    private static let reserved: Set<String> = ["mean", "std", "applicable", "failed"]
    /// Most values that a reply may log.
    private static let maximumLogs = 64

    /// The message's number.
    let id: Int
    /// How many samples it holds.
    let count: Int
    /// The message as one line.
    let message: String

    /// A message.
    init(id: Int, _ batch: [RewardSample]) {
        self.id = id
        count = batch.count
        let samples = batch.map { sample -> JSONValue in
            [
                "prompt": .string(sample.prompt), "messages": sample.messages, "completion": .string(sample.completion),
                "completion_ids": .array(sample.completionIDs.map { .integer($0) }),
                "finish_reason": .string(sample.finishReason), "columns": .object(sample.columns),
            ]
        }
        message = (["id": .integer(id), "samples": .array(samples)] as JSONValue).text()
    }

    /// Reads the reply.
    ///
    /// - Throws: `RewardFailure` when it is not as described.
    func read(_ reply: String) throws(RewardFailure) -> RewardBatch {
        let value: JSONValue
        do throws(JSONError) { value = try JSONValue(parsing: reply) } catch {
            // Python's json module writes NaN and Infinity, which JSON does not have.
            if reply.contains("NaN") || reply.contains("Infinity") {
                throw RewardFailure(.nonFinite, "the reply holds NaN or Infinity: \(Self.shown(reply))")
            }
            throw RewardFailure(.unparsable, "the reply is no JSON (\(error)): \(Self.shown(reply))")
        }
        guard let object = value.objectValue else {
            throw RewardFailure(.unparsable, "the reply is no JSON object: \(Self.shown(reply))")
        }
        guard object["id"]?.intValue == id else {
            let given = object["id"]?.text() ?? "missing"
            throw RewardFailure(.unparsable, "the reply's id is \(given.prefix(40)), expected \(id)")
        }
        if object["failed"] != nil {
            let failure = try Self.failure(value)
            return RewardBatch((0..<count).map { _ in .failed(failure) })
        }
        guard let scores = object["scores"]?.arrayValue else {
            throw RewardFailure(.unparsable, "the reply has no list \"scores\": \(Self.shown(reply))")
        }
        guard scores.count == count else {
            throw RewardFailure(.wrongCount, "the reply has \(scores.count) scores, expected \(count)")
        }
        var outcomes: [RewardOutcome] = []
        for score in scores { outcomes.append(try Self.outcome(score)) }
        return RewardBatch(outcomes, logs: try Self.logs(object["logs"]))
    }

    private static func outcome(_ score: JSONValue) throws(RewardFailure) -> RewardOutcome {
        switch score {
        case .null: return .notApplicable
        case .integer, .double:
            let outcome = RewardOutcome.score(score.doubleValue ?? .nan).checked
            if let failure = outcome.failure { throw failure }
            return outcome
        case .object: return .failed(try failure(score))
        default: throw RewardFailure(.unparsable, "a score is \(shown(score.text())), expected a number or null")
        }
    }

    private static func failure(_ value: JSONValue) throws(RewardFailure) -> RewardFailure {
        guard let boundary = value["failed"]?.stringValue.flatMap(RewardFailure.Boundary.init(rawValue:)) else {
            let causes = RewardFailure.Boundary.allCases.map(\.rawValue).joined(separator: ", ")
            throw RewardFailure(.unparsable, "\"failed\" is \(shown(value.text())), expected one of \(causes)")
        }
        let reason = value["reason"]?.stringValue ?? "no reason was given"
        return RewardFailure(boundary, shown(reason.split(whereSeparator: \.isNewline).joined(separator: " ")))
    }

    private static func logs(_ value: JSONValue?) throws(RewardFailure) -> [String: Double] {
        guard let value, !value.isNull else { return [:] }
        guard let object = value.objectValue, object.count <= maximumLogs else {
            throw RewardFailure(.unparsable, "\"logs\" is no object of at most \(maximumLogs) numbers")
        }
        var logs: [String: Double] = [:]
        for (key, number) in object {
            guard !key.isEmpty, key.utf8.count <= 100, !reserved.contains(String(key.prefix { $0 != "/" })) else {
                throw RewardFailure(.unparsable, "\"logs\" has the name \(shown(key)), which is empty, long or taken")
            }
            guard let number = number.doubleValue else {
                throw RewardFailure(
                    .unparsable, "\"logs\": \(shown(key)) is \(shown(number.text())), expected a number")
            }
            logs[key] = number
        }
        return logs
    }

    /// The beginning of a text, for a message.
    static func shown(_ text: String) -> String { text.count > 200 ? text.prefix(200) + "…" : text }
}

/// The numbers of messages, from 1.
final class MessageNumbers: Sendable {
    private let last = Atomic<Int>(0)

    func next() -> Int { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
