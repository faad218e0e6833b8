import ArgumentParser
import InferenceCore

/// How tokens are chosen.
struct SamplingOptions: ParsableArguments {
    @Flag(name: .long, help: "Take the likeliest token at each step.")
    var greedy = false

    @Option(name: .long, help: ArgumentHelp("What logits are divided by; 0 is greedy.", valueName: "t"))
    var temperature: Double?

    @Option(name: .long, help: ArgumentHelp("Keep the likeliest tokens that reach this probability.", valueName: "p"))
    var topP: Double?

    @Option(name: .long, help: ArgumentHelp("Keep the k likeliest tokens; 0 keeps all.", valueName: "k"))
    var topK: Int?

    @Option(name: .long, help: ArgumentHelp("Keep tokens this share as likely as the likeliest.", valueName: "p"))
    var minP: Double?

    @Option(name: .long, help: ArgumentHelp("Weaken tokens that already occur; 1 is off.", valueName: "r"))
    var repetitionPenalty: Double?

    func validate() throws {
        if greedy, let temperature, temperature != 0 {
            throw ValidationError("--greedy and --temperature \(temperature) contradict each other: give one of them")
        }
        do { try parameters().validate() } catch { throw ValidationError(error.message) }
    }

    /// The settings, with `defaults` for what was not given.
    func parameters(defaults: SamplingParameters = SamplingParameters()) -> SamplingParameters {
        SamplingParameters(
            temperature: greedy ? 0 : temperature ?? defaults.temperature, topK: topK ?? defaults.topK,
            topP: topP ?? defaults.topP, minP: minP ?? defaults.minP,
            repetitionPenalty: repetitionPenalty ?? defaults.repetitionPenalty)
    }
}
