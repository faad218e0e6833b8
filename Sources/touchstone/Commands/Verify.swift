import ArgumentParser
import OrderedJSON
import Rewards

/// `touchstone verify`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks answers.", subcommands: [VerifyMath.self, VerifyCode.self])
}

/// `touchstone verify math`.
struct VerifyMath: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "math",
        abstract: "Checks final answers against gold answers.",
        discussion: """
            Reads {"id","gold","prediction"} and writes {"id","verdict","score","extracted","reason"}, with the verdict \
            correct, wrong, unparsable, gold_unparsable or timeout. A line may carry "config" with "gold_form": bare \
            (default: a data set's answer), text, choice or string; math-verify's other options are accepted and have no \
            effect, because answers are always compared exactly and strictly.

            Example:
              echo '{"id":1,"gold":"1/2","prediction":"So it is \\\\boxed{0.5}."}' | touchstone verify math
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var messages: MessageOptions

    func run() throws {
        var lines = try JSONLinesInput(path: input.input, messages: messages.messages)
        try lines.forEach { line in
            let verdict = MathVerifier.verify(
                gold: try line.text("gold"), prediction: try line.text("prediction"),
                configuration: try Self.configuration(line.field("config")))
            try StandardOutput.write(line: [
                "id": line.id, "verdict": .string(verdict.verdict.rawValue), "score": .integer(verdict.score),
                "extracted": verdict.extracted.map { .string($0) } ?? .null, "reason": .string(verdict.reason),
            ])
        }
    }

    /// Reads the `config` of a line.
    static func configuration(_ value: JSONValue?) throws -> MathConfiguration {
        guard let value else { return MathConfiguration() }
        guard let object = value.objectValue else {
            throw LineError("\"config\" is \(InputLine.shown(value)), expected an object")
        }
        guard let form = object["gold_form"], !form.isNull else { return MathConfiguration() }
        guard let known = form.stringValue.flatMap(MathConfiguration.GoldForm.init(rawValue:)) else {
            let forms = MathConfiguration.GoldForm.allCases.map(\.rawValue).joined(separator: ", ")
            throw LineError("\"config\": \"gold_form\" is \(InputLine.shown(form)), expected one of \(forms)")
        }
        return MathConfiguration(goldForm: known)
    }
}
