import ArgumentParser
import ModelFiles
import OrderedJSON

/// `touchstone inspect`.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a file or folder is.",
        discussion: """
            Understands model folders, .gguf files, adapter folders, tokenizer folders, .safetensors files, run folders \
            and their checkpoints, JSON Lines data and recipes. Weights are not loaded; only those of adapters are \
            read, for their norms, and checkpoints, to check them.

            Example:
              touchstone inspect Qwen3-0.6B
              touchstone inspect my-adapter --json
              touchstone inspect my-adapter --against another-adapter
            """)

    @Argument(help: "A file or folder.")
    var path: String

    @Option(name: .long, help: ArgumentHelp("An adapter that this one is compared with.", valueName: "folder"))
    var against: String?

    @Flag(name: .long, help: "One JSON object instead of text.")
    var json = false

    @OptionGroup var messages: MessageOptions

    func run() throws {
        let description = JSONValue.object(
            try against.map { try AdapterInspection.compare(path, against: $0) } ?? Inspection.describe(path))
        try StandardOutput.write(json ? description.text() + "\n" : Inspection.text(description))
    }
}
