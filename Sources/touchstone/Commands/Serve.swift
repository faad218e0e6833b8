import ArgumentParser
import Foundation

/// `touchstone serve`: starts `touchstone-server`, which lies beside this program. The web server is a program of its own,
/// so that everything else builds without it.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serves a model and its adapters over HTTP, as OpenAI's API has it.",
        discussion: """
            All options go to touchstone-server, which 'make server' builds: see touchstone serve --help.

            Example:
              touchstone serve Qwen3-0.6B --adapter math=Checkpoints/run/adapter --adapters-dir served --port 8000
            """,
        helpNames: [])

    @Argument(parsing: .captureForPassthrough, help: "MODEL and the server's options.")
    var arguments: [String] = []

    func run() throws {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let server = own.deletingLastPathComponent().appendingPathComponent("touchstone-server").path
        guard FileManager.default.isExecutableFile(atPath: server) else {
            throw CommandFailure(
                "\(server): the server has not been built; build it with 'make server' "
                    + "(swift build -c release --product touchstone-server)")
        }
        // The server has its own ways with signals.
        for number in [SIGINT, SIGTERM, SIGPIPE] { signal(number, SIG_DFL) }
        var words = ([server] + arguments).map { strdup($0) } + [nil]
        execv(server, &words)
        throw CommandFailure("\(server): can't be started (\(String(cString: strerror(errno))))")
    }
}
