import ArgumentParser
import Foundation
import Tracking

/// The program behind `touchstone runs`: of its own, so that building Touchstone needs no database.
@main
enum Main {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        exit(run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs the command that arguments ask for; every error is one line on standard error.
    ///
    /// - Returns: 0 done, 1 the work failed or runs differ, 2 the command is wrong.
    private static func run(_ arguments: [String]) -> Int32 {
        do {
            var command = try Runs.parseAsRoot(arguments)
            try command.run()
            return 0
        } catch is OutputError {
            return 1
        } catch let error as TrackingError {
            tell(error.message)
            return error.code == .invalidOption ? 2 : 1
        } catch {
            switch Runs.exitCode(for: error) {
            case .success:
                try? Output.write(Runs.fullMessage(for: error) + "\n")
                return 0
            case .validationFailure:
                let message = Runs.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
                tell("\(message) (see 'touchstone runs --help')")
                return 2
            default:
                if error is ExitCode { return 1 }
                tell("\(error)")
                return 1
            }
        }
    }

    private static func tell(_ message: String) {
        try? FileHandle.standardError.write(contentsOf: Data("touchstone: \(message)\n".utf8))
    }
}

/// The command itself.
struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "touchstone runs",
        abstract: "Lists, shows and compares runs.",
        discussion: """
            Runs are found below --root. What is read of them is kept in ROOT/.runs.sqlite, so that the next time only \
            what has changed is read; the folders are the truth, and the file can be deleted at any time.

            Example:
              touchstone runs list --sort best --filter state=finished
            """,
        subcommands: [ListRuns.self, ShowRun.self, CompareRuns.self, DiffRuns.self])
}
