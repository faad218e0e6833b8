import ArgumentParser
import Foundation
import InferenceCore
import OrderedJSON
import TextGeneration

/// `touchstone chat`.
struct Chat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talks with a model in the terminal.",
        discussion: """
            Each line is a turn; the answer is written as it is generated. /reset begins a new conversation, /exit or the \
            end of input ends. Control-C breaks off an answer in a terminal. Input may also be piped. Sampling settings \
            that are not given are those of the model's generation_config.json.

            Example:
              touchstone chat Qwen3-0.6B --system "Answer briefly." --enable-thinking false
            """)

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("A PEFT folder to apply.", valueName: "folder"))
    var adapter: String?

    @Option(name: .long, help: ArgumentHelp("A system message.", valueName: "text"))
    var system: String?

    @Option(name: .long, help: ArgumentHelp("Longest answer, in tokens.", valueName: "n"))
    var maxNewTokens = 2048

    @OptionGroup(title: "Sampling") var sampling: SamplingOptions

    @Option(name: .long, help: ArgumentHelp("Seed of the random draws; random unless given.", valueName: "s"))
    var seed: UInt64?

    @Option(name: .long, help: ArgumentHelp("Whether the chat template opens a thought.", valueName: "true|false"))
    var enableThinking: Bool?

    @Option(name: .long, help: ArgumentHelp("Jinja text to use in place of the model's template.", valueName: "file"))
    var chatTemplate: String?

    @OptionGroup var compute: ComputeOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        guard (1...1_000_000).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens is \(maxNewTokens), expected 1 to 1000000")
        }
    }

    func run() throws {
        compute.apply()
        let messages = messages.messages
        var lines = try LineReader(path: "-")
        let loaded = try OpenedModel(model, adapter: adapter, compute: compute, messages: messages)
        let parameters = sampling.parameters(defaults: try loaded.samplingDefaults())
        var session = try ChatSession(
            loaded, templates: ChatTemplates(loaded.location, replacement: chatTemplate), system: system,
            enableThinking: enableThinking, parameters: parameters, maxNewTokens: maxNewTokens,
            seed: seed ?? .random(in: 0...UInt64.max))
        let isTerminal = isatty(STDIN_FILENO) == 1
        if isTerminal { messages.info("/reset begins anew, /exit ends") }
        var failed = false
        while true {
            if isTerminal { try TextOutput(descriptor: STDERR_FILENO, name: "standard error").write("> ") }
            guard let line = try lines.next() else { break }
            switch String(decoding: line.bytes, as: UTF8.self) {
            case "": continue
            case "/exit": return
            case "/reset": session.reset()
            case let text:
                do { try answer(text, &session, isTerminal: isTerminal) } catch let error as LineError {
                    failed = true
                    messages.error("line \(line.number): \(error.message)")
                }
            }
        }
        if failed && !isTerminal { throw CommandFailure(reported: .failed) }
    }

    /// Answers a turn. Control-C breaks the answer off in a terminal, and ends the command otherwise.
    private func answer(_ text: String, _ session: inout ChatSession, isTerminal: Bool) throws {
        Interruption.setDeferred(true)
        defer { Interruption.setDeferred(false) }
        try session.answer(text) { try StandardOutput.write($0) }
        try StandardOutput.write("\n")
        guard Interruption.isRequested else { return }
        guard isTerminal else { throw CommandFailure(reported: .interrupted) }
        Interruption.clear()
    }
}
