import ArgumentParser
import OrderedJSON
import TextGeneration
import Tokenization

/// `touchstone render`.
struct Render: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Applies a model's chat template to conversations.",
        discussion: """
            Reads {"messages":[…],"tools":[…],"add_generation_prompt":true,"enable_thinking":false} and writes \
            {"text":"…"}; all but "messages" may be left out. "continue_final_message" and "chat_template_kwargs" are \
            understood as in transformers. A template that raises gives {"error":"…"} for that line, and the command \
            goes on. An "id" of the line is handed on. Only the tokenizer's files are needed, no weights.

            Example:
              echo '{"messages":[{"role":"user","content":"Hi"}],"add_generation_prompt":true}' \\
                | touchstone render Qwen3-0.6B
            """)

    @Argument(help: ArgumentHelp("A Hugging Face folder or a .gguf file.", valueName: "model"))
    var model: String

    @Option(name: .long, help: ArgumentHelp("Jinja text to use in place of the model's template.", valueName: "file"))
    var chatTemplate: String?

    @OptionGroup var input: InputOptions
    @OptionGroup var messages: MessageOptions

    func run() throws {
        let templates = try ChatTemplates(ModelLocation(model), replacement: chatTemplate)
        var lines = try JSONLinesInput(path: input.input, messages: messages.messages)
        try lines.forEach { line in
            let conversation = try Conversation(line, addGenerationPrompt: false)
            var result = JSONObject()
            result["id"] = line.object["id"]
            do throws(ChatTemplateError) {
                result["text"] = .string(try templates.render(conversation))
            } catch {
                result["error"] = .string(error.description)
            }
            try StandardOutput.write(line: result)
        }
    }
}
