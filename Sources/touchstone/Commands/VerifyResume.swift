import ArgumentParser
import OrderedJSON
import Tracking
import Training

/// `touchstone verify-resume`.
struct VerifyResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proves on a run that resuming it changes nothing.",
        discussion: """
            Goes on from one of the run's checkpoints to the next, in a folder that is removed again, and compares the \
            parameters, the optimizer's memory, metrics (but for times), completions and adapter with the run's own, bit \
            for bit. Writes one JSON object; the status is 1 if anything differs. The run's folder is only read.

            Example:
              touchstone verify-resume Checkpoints/quickstart-20260131-142305
            """)

    @Argument(help: "The folder of a run.")
    var folder: String

    @Option(
        name: .long,
        help: ArgumentHelp("The checkpoint to go on from; the last but one unless given.", valueName: "step"))
    var from: Int?

    @OptionGroup var messages: MessageOptions

    func run() async throws {
        let messages = messages.messages
        let original = try RunFolder(existing: folder)
        let verification = try ResumeVerification(original, from: from)
        try messages.info("retraces steps \(verification.start.step + 1) to \(verification.end.step)")
        let prepared = try PreparedRun(ResumedRun.recipe(of: verification.end), messages: messages)
        Interruption.setDeferred(true)
        let report = try await PreparedRun.withTemporaryFolder { temporary in
            let progress = messages.level >= .info ? ProgressLine.standardError() : nil
            return try await verification(in: temporary) { folder, checkpoint in
                try prepared.run(in: folder, from: checkpoint, retracing: original, progress: progress)
            }
        }
        try StandardOutput.write(Self.describe(report).text() + "\n")
        for difference in report.differences { messages.error(difference) }
        guard report.differences.isEmpty else { throw CommandFailure(reported: .failed) }
    }

    private static func describe(_ report: ResumeVerification.Report) -> JSONValue {
        [
            "same": .bool(report.differences.isEmpty), "from": .integer(report.from), "to": .integer(report.to),
            "metrics": .integer(report.metrics), "completions": .integer(report.completions),
            "numbers": .integer(report.numbers), "differences": .array(report.differences.map { .string($0) }),
        ]
    }
}
