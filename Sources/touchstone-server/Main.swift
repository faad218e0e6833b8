import ArgumentParser
import Foundation
import Serving
import TextGeneration

/// The server's beginning and end: every error is one line on standard error and an exit status.
@main
enum Main {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            let command = try ServerOptions.parse()
            try await ServerRun(command).run()
        } catch {
            exit(report(error))
        }
    }

    private static func report(_ error: any Error) -> Int32 {
        let code = ServerOptions.exitCode(for: error)
        if code == .success {
            print(ServerOptions.fullMessage(for: error))
            return 0
        }
        let isUsage = code == .validationFailure
        let text = isUsage ? ServerOptions.message(for: error) : String(describing: error)
        Log.write(text.split(whereSeparator: \.isNewline).joined(separator: " "))
        return isUsage ? 2 : 1
    }
}

/// Messages on standard error, a line each.
enum Log {
    /// Writes a line. What a client has sent is shown without control characters.
    static func write(_ text: String) {
        let line = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "\u{FFFD}" : Character($0) }
        // Nobody can be told that standard error is closed.
        try? FileHandle.standardError.write(contentsOf: Data(("touchstone-server: " + String(line) + "\n").utf8))
    }
}
