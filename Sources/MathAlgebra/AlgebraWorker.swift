import OrderedJSON
import Rewards

/// The other end of `MathWorkers`: reads questions line by line and answers each with a line.
public enum AlgebraWorker {
    /// Longest question, in bytes.
    public static let maximumLine = 1 << 19

    /// The answer to one line.
    public static func answer(to line: String) -> String {
        guard line.utf8.count <= maximumLine, let json = try? JSONValue(parsing: line),
            let question = MathQuestion(json: json)
        else { return #"{"reply":"unreadable"}"# }
        let time = Duration.milliseconds(min(60_000, max(1, json["milliseconds"]?.intValue ?? 100)))
        switch LocalAlgebra().answer(question, within: time) {
        case .equal: return #"{"reply":"equal"}"#
        case .different: return #"{"reply":"different"}"#
        case .timeout, .unavailable: return #"{"reply":"timeout"}"#
        }
    }
}
