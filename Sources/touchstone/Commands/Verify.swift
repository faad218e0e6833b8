import ArgumentParser
import OrderedJSON
import Rewards

/// `touchstone verify`.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks answers.", subcommands: [VerifyMath.self, VerifyCode.self])
}

/// `touchstone verify math`.
struct VerifyMath: AsyncParsableCommand, RankedCommand {
    static let configuration = CommandConfiguration(
        commandName: "math",
        abstract: "Checks final answers against gold answers.",
        discussion: """
            Reads {"id","gold","prediction"} and writes {"id","verdict","score","extracted","reason"}, with the verdict \
            correct, wrong, unparsable, gold_unparsable or timeout. A line may carry "config" with "gold_form": bare \
            (default: a data set's answer), text, choice or string; "float_rounding": decimal places with which a decimal \
            may stand for an irrational number (6, the default, asks for six significant digits); "allow_set_relation"; \
            "boxed_priority": from 50 on, an announced final answer goes before a box; "rules": the only ways in which a \
            completion's answer may be found, such as ["boxed"]. The math reward of a recipe has the same keys. \
            Answers are always compared exactly and strictly. docs/math-checker.md has the rules.

            Example:
              echo '{"id":1,"gold":"1/2","prediction":"So it is \\\\boxed{0.5}."}' | touchstone verify math
            """)

    @OptionGroup var input: InputOptions
    @OptionGroup var ranks: RankOptions
    @OptionGroup var messages: MessageOptions

    @Option(help: "Milliseconds that one check may take.") var timeLimit = 100

    func validate() throws {
        guard (1...60_000).contains(timeLimit) else {
            throw ValidationError("--time-limit is \(timeLimit), expected 1 to 60000 milliseconds")
        }
    }

    func run() async throws {
        try await ranks.run(messages.messages) { group, messages in
            let verifier = MathVerifier.withWorkers(timeLimit: .milliseconds(timeLimit))
            let lines = try SharedLines(path: input.input, group: group, messages: messages, enough: 16)
            try await lines.run {
                while let taken = try lines.take(wanted: 64) {
                    for line in taken {
                        do { lines.put(try await Self.result(line, verifier), index: line.index) } catch let error
                            as LineError
                        { lines.fail(line, error) }
                        try lines.flush()
                    }
                }
            }
            try lines.finish()
        }
    }

    private static func result(_ line: InputLine, _ verifier: MathVerifier) async throws -> JSONObject {
        let (gold, prediction) = (try line.text("gold"), try line.text("prediction"))
        let configuration = try configuration(line.field("config"))
        let verdict = await verifier.verify(gold: gold, prediction: prediction, configuration: configuration)
        return [
            "id": line.id, "verdict": .string(verdict.verdict.rawValue), "score": .integer(verdict.score),
            "extracted": verdict.extracted.map { .string($0) } ?? .null, "reason": .string(reason(verdict)),
        ]
    }

    /// The rule that found the answer, and why the verdict is what it is.
    private static func reason(_ verdict: MathVerdict) -> String {
        verdict.rule.map { "\($0.rawValue): \(verdict.reason)" } ?? verdict.reason
    }

    /// Reads the `config` of a line.
    static func configuration(_ value: JSONValue?) throws -> MathConfiguration {
        guard let value else { return MathConfiguration() }
        guard let object = value.objectValue else {
            throw LineError("\"config\" is \(InputLine.shown(value)), expected an object")
        }
        var configuration = MathConfiguration()
        if let form = object["gold_form"], !form.isNull {
            guard let known = form.stringValue.flatMap(MathConfiguration.GoldForm.init(rawValue:)) else {
                let forms = MathConfiguration.GoldForm.allCases.map(\.rawValue).joined(separator: ", ")
                throw LineError("\"config\": \"gold_form\" is \(InputLine.shown(form)), expected one of \(forms)")
            }
            configuration.goldForm = known
        }
        if let places = object["float_rounding"]?.intValue, places != MathConfiguration.significantDigits {
            guard (0...100).contains(places) else {
                throw LineError("\"config\": \"float_rounding\" is \(places), expected 0 to 100")
            }
            configuration.roundingPlaces = places
        }
        configuration.allowSetRelation = object["allow_set_relation"]?.boolValue ?? true
        configuration.prefersPhrase =
            (object["boxed_priority"]?.intValue ?? 0) >= MathConfiguration.priorityOfPhrases
        if let rules = object["rules"], !rules.isNull {
            let known = rules.arrayValue?.compactMap { $0.stringValue.flatMap(ExtractionRule.init(rawValue:)) } ?? []
            guard !known.isEmpty, known.count == rules.arrayValue?.count else {
                let names = ExtractionRule.allCases.map(\.rawValue).joined(separator: ", ")
                throw LineError(
                    "\"config\": \"rules\" is \(InputLine.shown(rules)), expected a list of some of \(names)")
            }
            configuration.rules = Set(known)
        }
        return configuration
    }
}
