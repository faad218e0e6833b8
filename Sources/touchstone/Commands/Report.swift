import ArgumentParser
import ModelFiles
import Reporting
import Tracking

/// `touchstone report`.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes the report of a run: one HTML file that opens offline.",
        discussion: """
            Curves, completions side by side over steps, where the time went, an audit of the reward, the settings and the \
            machine. A run writes its own report.html whenever it evaluates or saves; this makes one of any run's folder, \
            also of one that was killed, or of an older version. Its path goes to standard output.

            Example:
              touchstone report Checkpoints/quickstart-20260131-142305
              touchstone report Checkpoints/quickstart-20260131-142305 --output - > run.html
            """)

    @Argument(help: "The folder of a run.")
    var folder: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp("The HTML file; RUN/report.html unless given; - is standard output.", valueName: "file"))
    var output: String?

    @OptionGroup var messages: MessageOptions

    func run() throws {
        let run = try RunFolder(existing: folder)
        let page = try ReportWriter.html(of: run)
        let path = output ?? run.report
        guard path != "-" else { return try StandardOutput.write(page) }
        try AtomicFile.write(page, to: path)
        try StandardOutput.write(path + "\n")
    }
}
