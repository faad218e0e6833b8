import ArgumentParser
import OrderedJSON
import RunStore
import Tracking

/// `touchstone runs diff`.
struct DiffRuns: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Finds where two runs part: the first step, metric, completion and tensor.",
        discussion: """
            Two runs of one recipe are the same, bit for bit, but for times. Where they are not, this says since when: the \
            settings that differ, the first step with another metric or completion, and the first adapter and checkpoint \
            with another number. The exit status is 0 if nothing differs, else 1.

            Example:
              touchstone runs diff quickstart-20260131-142305 quickstart-20260201-090000
            """)

    @Argument(help: "A run.")
    var first: String

    @Argument(help: "Another.")
    var second: String

    @Flag(name: .long, help: "One JSON object instead of text.")
    var json = false

    @OptionGroup var store: StoreOptions

    func run() throws {
        let difference = try RunDifference(store.folder(first), store.folder(second))
        if json {
            let object: JSONValue = [
                "same": .bool(difference.partings.isEmpty), "same_steps": .integer(difference.sameSteps),
                "partings": .array(difference.partings.map(\.json)),
            ]
            try Output.write(object.text() + "\n")
        } else {
            try Output.write(Self.text(difference))
        }
        if !difference.partings.isEmpty { throw ExitCode(1) }
    }

    private static func text(_ difference: RunDifference) -> String {
        guard !difference.partings.isEmpty else {
            return "the same in all \(difference.sameSteps) recorded steps, bit for bit but for times\n"
        }
        var lines = difference.partings.map { parting in
            let place = parting.step.map { "step \($0), " } ?? ""
            return Output.cell("\(place)\(parting.kind): \(parting.text)") + "\n"
        }
        lines.append("the first \(difference.sameSteps) recorded steps are the same\n")
        return lines.joined()
    }
}
