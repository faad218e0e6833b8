import ArgumentParser
import Foundation

/// `touchstone runs`: hands over to the program `touchstone-runs` that lies beside this one. It is a product of its own
/// because its database takes as long to build as the rest of a library.
struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists, shows and compares runs: list, show, compare, diff.",
        discussion: """
            Needs touchstone-runs beside touchstone: swift build -c release --product touchstone-runs

            Example:
              touchstone runs list --sort best
              touchstone runs diff RUN OTHER
            """)

    @Argument(parsing: .captureForPassthrough, help: "A command and what it takes; see touchstone runs list --help.")
    var arguments: [String] = []

    func run() throws {
        if arguments == ["--help"] || arguments == ["-h"] { throw CleanExit.helpRequest(self) }
        let path = Self.program
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw CommandFailure(
                "\(path): not there; touchstone runs needs it: build it with "
                    + "'swift build -c release --product touchstone-runs'")
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
        pointers.append(nil)
        execv(path, pointers)
        throw CommandFailure("\(path): can't be run: \(String(cString: strerror(errno)))")
    }

    private static var program: String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("touchstone-runs").path
    }
}
