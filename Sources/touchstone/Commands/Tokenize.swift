import ArgumentParser
import OrderedJSON
import TextGeneration

/// `touchstone tokenize`.
struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turns text into token ids, or back.",
        discussion: """
            Reads {"text":"…"} and writes {"ids":[…]}; with --decode the other way round. Special tokens in the text, \
            such as <|im_end|>, become their ids. An "id" of the line is handed on. Only the tokenizer's files are \
            needed, no weights.

            Example:
              echo '{"text":"Hello<|im_end|>"}' | touchstone tokenize Qwen3-0.6B
            """)

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Flag(name: .long, help: "From token ids to text.")
    var decode = false

    @Flag(name: .long, help: "With --decode, leave out special tokens.")
    var skipSpecialTokens = false

    @OptionGroup var input: InputOptions
    @OptionGroup var messages: MessageOptions

    func run() throws {
        let tokenizer = try ModelLocation(model).tokenizer()
        var lines = try JSONLinesInput(path: input.input, messages: messages.messages)
        try lines.forEach { line in
            var result = JSONObject()
            result["id"] = line.object["id"]
            if decode {
                let ids = try line.ids("ids", vocabulary: tokenizer.vocabularySize)
                result["text"] = .string(tokenizer.decode(ids, skipSpecialTokens: skipSpecialTokens))
            } else {
                result["ids"] = .array(tokenizer.encodeWhole(try line.text("text")).map { .integer($0) })
            }
            try StandardOutput.write(line: result)
        }
    }
}
