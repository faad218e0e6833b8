import OrderedJSON

extension ChatTemplate {
    /// Chooses the template's text among a model's files.
    ///
    /// The text of `chat_template.jinja` goes before `chat_template` of `tokenizer_config.json`, which is a text or a list of
    /// `{"name", "template"}` (or an object from name to text). Of a list the asked name is taken; without one
    /// `tool_use` if there are tools, else `default`, else the only one.
    ///
    /// - Parameter tokenizerConfiguration: The content of `tokenizer_config.json`, if there is one.
    /// - Parameter templateFile: The text of `chat_template.jinja`, if there is one.
    /// - Parameter name: The name in a list of templates.
    /// - Parameter hasTools: Whether the conversation has tools.
    /// - Returns: The Jinja text.
    /// - Throws: `ChatTemplateError` with code `missing` and the names there are.
    public static func chooseSource(
        tokenizerConfiguration: JSONValue?, templateFile: String? = nil, name: String? = nil, hasTools: Bool = false
    ) throws(ChatTemplateError) -> String {
        if let templateFile, name == nil { return templateFile }
        var named: [(name: String, text: String)] = []
        switch tokenizerConfiguration?["chat_template"] {
        case .string(let text):
            guard let name, name != "default" else { return text }
            named = [("default", text)]
        case .array(let entries):
            for entry in entries {
                guard let name = entry["name"]?.stringValue, let text = entry["template"]?.stringValue else {
                    throw ChatTemplateError(
                        .type,
                        "tokenizer_config.json: each element of 'chat_template' needs the texts 'name' and 'template'")
                }
                named.append((name, text))
            }
        case .object(let object):
            named = object.compactMap { pair in pair.value.stringValue.map { (pair.key, $0) } }
        case nil, .null: break
        default:
            throw ChatTemplateError(
                .type, "tokenizer_config.json: 'chat_template' must be a text or a list of named texts")
        }
        if let templateFile { named.append(("default", templateFile)) }
        let wanted = name.map { [$0] } ?? (hasTools ? ["tool_use", "default"] : ["default"])
        for candidate in wanted {
            if let found = named.last(where: { $0.name == candidate }) { return found.text }
        }
        if name == nil, named.count == 1 { return named[0].text }
        guard !named.isEmpty else {
            throw ChatTemplateError(
                .missing,
                "the model has no chat template: expected chat_template.jinja or 'chat_template' in tokenizer_config.json"
            )
        }
        let names = named.map { "'\($0.name)'" }.joined(separator: ", ")
        throw ChatTemplateError(
            .missing, "there is no chat template '\(wanted[0])'; there are \(names): choose one by name")
    }
}
