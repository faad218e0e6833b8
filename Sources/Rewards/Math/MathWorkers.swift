import OrderedJSON
import WorkerProcesses

/// Worker processes that answer algebra questions: `touchstone math-worker`, or another command that speaks its lines.
///
///     question   {"gold":"\\sqrt{8}","prediction":"2\\sqrt{2}","gold_form":"bare","allow_set_relation":true,"milliseconds":100}
///     answer     {"reply":"equal"}          or different, timeout
///
/// A worker gives up by itself when its time is over; one that can't is killed a little later, with all its memory, and
/// the next question finds another. One pool serves a whole run.
public struct MathWorkers: AlgebraService {
    /// How long beyond its time a worker may live: starting one takes a part of it.
    private static let grace = Duration.milliseconds(150)

    private let pool: LineWorkerPool

    /// A pool of workers; they are started as they are needed.
    ///
    /// - Parameter size: Processes at most; a question takes about a millisecond, so few are enough.
    public init(_ command: WorkerCommand, size: Int = 2) {
        pool = LineWorkerPool(command, size: size, maximumReplyBytes: 4096)
    }

    /// Asks the next free worker.
    public func reply(to question: MathQuestion, within time: Duration) async -> AlgebraReply {
        guard var line = question.json.objectValue else { return .unavailable("the question is no object") }
        line["milliseconds"] = .integer(Int(time / .milliseconds(1)))
        do {
            let answer = try await pool.ask(JSONValue.object(line).text(), timeout: time + Self.grace)
            return Self.reply(answer)
        } catch let error as WorkerError {
            switch error.code {
            case .timeout, .died, .floodedOutput, .unreadable: return .timeout
            case .cannotStart, .invalidQuestion, .stopped: return .unavailable(error.message)
            }
        } catch {
            return .unavailable("the check was cancelled")
        }
    }

    /// Ends the workers.
    public func stop() async { await pool.stop() }

    private static func reply(_ line: String) -> AlgebraReply {
        switch (try? JSONValue(parsing: line))?["reply"]?.stringValue {
        case "equal": .equal
        case "different": .different
        default: .timeout
        }
    }
}
