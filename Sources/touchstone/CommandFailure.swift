import InferenceCore
import ModelFiles
import QwenModel
import Recipes
import Tokenization
import Tracking
import Training

/// How the program ends.
enum ExitStatus: Int32 {
    /// Everything was done; also when the reader of standard output has gone.
    case done = 0
    /// The work failed, or a line of the input could not be used.
    case failed = 1
    /// The command line or a recipe is wrong.
    case wrongUsage = 2
    /// Interrupted by the user, after what was finished had been written.
    case interrupted = 130
}

/// The end of a command, with the lines to show. No line: they have been shown already.
struct CommandFailure: Error {
    /// One message a line, without the program's name.
    let lines: [String]
    /// How the program ends.
    let status: ExitStatus

    /// A failure with one message.
    init(_ message: String, status: ExitStatus = .failed) {
        lines = [message]
        self.status = status
    }

    /// A failure with some messages.
    init(lines: [String], status: ExitStatus) { (self.lines, self.status) = (lines, status) }

    /// A failure that has been reported already.
    init(reported status: ExitStatus) {
        lines = []
        self.status = status
    }

    /// A library's error as the user sees it.
    init(_ error: any Error) {
        if let failure = error as? CommandFailure {
            self = failure
            return
        }
        let message = String(describing: error)
        lines = message.split(whereSeparator: \.isNewline).map(String.init)
        status = Self.status(of: error)
    }

    private static func status(of error: any Error) -> ExitStatus {
        switch error {
        case let error as ModelFileError where error.code == .interrupted: .interrupted
        case let error as RecipeError where error.code == .invalid || error.code == .malformed: .wrongUsage
        case let error as InferenceError where error.code == .invalidParameter: .wrongUsage
        case let error as TrainingError where error.code == .changed: .wrongUsage
        default: .failed
        }
    }
}

/// Why one line of the input can't be used; the command goes on with the others.
struct LineError: Error {
    /// What is wrong, without the line's number.
    let message: String

    init(_ message: String) { self.message = message }
}
