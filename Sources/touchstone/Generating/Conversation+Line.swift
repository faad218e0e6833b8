import OrderedJSON
import TextGeneration

extension Conversation {
    /// Reads `messages`, `tools`, `add_generation_prompt`, `continue_final_message`, `enable_thinking`, `documents` and
    /// `chat_template_kwargs` of a line.
    ///
    /// - Parameter addGenerationPrompt: What holds if the line does not say.
    init(_ line: InputLine, addGenerationPrompt: Bool) throws {
        guard let messages = line.field("messages"), messages.arrayValue != nil else {
            let got = line.field("messages").map { "is \(InputLine.shown($0))" } ?? "is missing"
            throw LineError("\"messages\" \(got), expected a list of {\"role\", \"content\"}")
        }
        self.init(messages: messages, addGenerationPrompt: addGenerationPrompt)
        tools = line.field("tools")
        continueFinalMessage = try line.flag("continue_final_message") ?? false
        self.addGenerationPrompt =
            try line.flag("add_generation_prompt") ?? (addGenerationPrompt && !continueFinalMessage)
        for (name, value) in line.field("chat_template_kwargs")?.objectValue ?? [:] { variables[name] = value }
        variables["documents"] = line.field("documents") ?? variables["documents"]
        if let thinking = try line.flag("enable_thinking") { variables["enable_thinking"] = .bool(thinking) }
    }
}
