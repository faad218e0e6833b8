import OrderedJSON

/// Turns one line of a JSON Lines file into a row.
struct RowReader: Sendable {
    /// What is wrong with a line.
    struct Fault: Error {
        let message: String
        /// In bytes from the line's start.
        var offset = 0
    }

    private let file: Recipe.JSONLines
    private let format: RowFormat
    private let template: PromptTemplate?
    /// The type of reward that needs the answer, if one does.
    private let needsAnswer: String?
    /// Columns that a reward needs, with its type.
    private let needsColumns: [(name: String, type: String)]

    /// A reader of a file.
    ///
    /// - Parameter isEvaluated: The rows are needed by `evaluation.rewards`, if there are any, and not by those of training.
    init(_ file: Recipe.JSONLines, _ recipe: Recipe, isEvaluated: Bool = false) throws(RecipeError) {
        self.file = file
        format = RowFormat(recipe)
        do { template = try file.template.map { text throws(PromptTemplate.Fault) in try PromptTemplate(text) } } catch
        {
            throw RecipeError(.data, "template: \(error.message)")
        }
        let rewards = isEvaluated && !recipe.evaluation.rewards.isEmpty ? recipe.evaluation.rewards : recipe.rewards
        let needs = rewards.flatMap { reward in reward.section.columns.map { ($0, reward.type) } }
        needsAnswer = needs.first { $0.0 == "answer" }?.1
        needsColumns = needs.filter { $0.0 != "answer" }
    }

    /// The row of a line.
    func row(_ bytes: ArraySlice<UInt8>, index: Int) throws(Fault) -> DataRow {
        let value: JSONValue
        do { value = try JSONValue(parsing: bytes, maximumDepth: 64) } catch {
            throw Fault(message: "not JSON: \(error.message)", offset: error.offset)
        }
        guard case .object(let columns) = value else {
            throw Fault(message: "expected a JSON object, got \(Self.describe(value))")
        }
        for (name, type) in needsColumns where columns[name] == nil {
            throw missing(name, columns, "the \(type) reward needs it")
        }
        return DataRow(
            index: index, content: try content(columns), answer: try answer(columns), columns: columns)
    }

    private func content(_ columns: JSONObject) throws(Fault) -> DataRow.Content {
        if format.kind == .sft, columns["ids"] != nil, file.messages == nil, file.prompt == nil {
            return try tokens(columns)
        }
        if let name = file.messages
            ?? (file.prompt == nil && template == nil && columns["messages"] != nil ? "messages" : nil)
        {
            let messages = try self.messages(columns, name)
            let roles = messages.map { $0["role"]?.stringValue }
            if format.kind == .grpo, roles.last == "assistant" {
                throw Fault(message: "column '\(name)' ends with an assistant message; a prompt ends before it")
            }
            if format.kind == .sft, !roles.contains("assistant") {
                throw Fault(message: "column '\(name)' has no assistant message to learn from")
            }
            return format.content(messages: messages)
        }
        if let template {
            let prompt = try template.filled { name throws(Fault) in try text(columns, name, "the template needs it") }
            return format.content(prompt: prompt, completion: try completion(columns))
        }
        let name = file.prompt ?? "prompt"
        if case .array = columns[name] {
            let messages = try messages(columns, name)
            guard format.kind == .sft else { return format.content(messages: messages) }
            let completionName = file.completion ?? "completion"
            if case .array = columns[completionName] {
                return format.content(messages: messages + (try self.messages(columns, completionName)))
            }
            let text = try text(columns, completionName, "sft learns it")
            return format.content(messages: messages, completion: ["role": "assistant", "content": .string(text)])
        }
        let prompt = try text(columns, name, "it is the prompt")
        return format.content(prompt: prompt, completion: try completion(columns))
    }

    private func completion(_ columns: JSONObject) throws(Fault) -> String? {
        guard format.kind == .sft else { return nil }
        return try text(columns, file.completion ?? "completion", "sft learns it")
    }

    private func messages(_ columns: JSONObject, _ name: String) throws(Fault) -> [JSONValue] {
        guard let value = columns[name] else { throw missing(name, columns, "it is the conversation") }
        guard case .array(let messages) = value, !messages.isEmpty else {
            throw Fault(message: "column '\(name)': expected a list of messages, got \(Self.describe(value))")
        }
        for (index, message) in messages.enumerated() {
            guard message["role"]?.stringValue?.isEmpty == false else {
                throw Fault(
                    message: "column '\(name)': message \(index) has no role; expected {\"role\": …, \"content\": …}")
            }
            switch message["content"] {
            case .string: break
            case .none, .null:
                guard message["tool_calls"] != nil else {
                    throw Fault(message: "column '\(name)': message \(index) has no content")
                }
            case .some(let content):
                throw Fault(
                    message:
                        "column '\(name)': message \(index): expected content to be text, got \(Self.describe(content))"
                )
            }
        }
        return messages
    }

    private func tokens(_ columns: JSONObject) throws(Fault) -> DataRow.Content {
        guard case .array(let ids) = columns["ids"], !ids.isEmpty else {
            throw Fault(
                message: "column 'ids': expected a list of token ids, got \(Self.describe(columns["ids"] ?? .null))")
        }
        guard let given = columns["mask"] else { throw missing("mask", columns, "it says which ids are learned (1)") }
        guard case .array(let mask) = given, mask.count == ids.count else {
            throw Fault(
                message: "column 'mask': expected a list of \(ids.count), as long as ids, got \(Self.describe(given))")
        }
        var tokens: [Int] = []
        for (index, id) in ids.enumerated() {
            guard case .integer(let token) = id, (0..<Int(Int32.max)).contains(token) else {
                throw Fault(message: "column 'ids': element \(index): expected a token id, got \(Self.describe(id))")
            }
            tokens.append(token)
        }
        var learned: [Bool] = []
        for (index, flag) in mask.enumerated() {
            switch flag {
            case .bool(let value): learned.append(value)
            case .integer(let value) where value == 0 || value == 1: learned.append(value == 1)
            default:
                throw Fault(message: "column 'mask': element \(index): expected 0 or 1, got \(Self.describe(flag))")
            }
        }
        return .tokens(ids: tokens, mask: learned)
    }

    private func answer(_ columns: JSONObject) throws(Fault) -> String? {
        let name = file.answer ?? "answer"
        guard file.answer != nil || needsAnswer != nil || columns[name] != nil else { return nil }
        guard file.answer != nil || needsAnswer != nil || columns[name]?.isNull == false else { return nil }
        let text = try text(
            columns, name, needsAnswer.map { "the \($0) reward needs it" } ?? "it is the answer")
        guard let mark = file.answerAfter else { return text }
        guard let range = text.lastRange(of: mark) else {
            throw Fault(
                message: "column '\(name)' doesn't contain '\(mark.prefix(40))', which the answer should follow")
        }
        return String(text[range.upperBound...]).trimmed
    }

    /// A column as text; numbers and truth values are spelled as JSON does.
    private func text(_ columns: JSONObject, _ name: String, _ why: String) throws(Fault) -> String {
        switch columns[name] {
        case .none: throw missing(name, columns, why)
        case .string(let text): return text
        case .some(.integer), .some(.double), .some(.bool): return columns[name]?.text() ?? ""
        case .some(let value):
            throw Fault(message: "column '\(name)': expected text, got \(Self.describe(value))")
        }
    }

    private func missing(_ name: String, _ columns: JSONObject, _ why: String) -> Fault {
        let hint =
            Suggestion.nearest(to: name, among: columns.keys).map { "; did you mean '\($0.prefix(60))'?" }
            ?? "; the row has "
            + (columns.isEmpty ? "none" : columns.keys.prefix(8).map { String($0.prefix(40)) }.joined(separator: ", "))
        return Fault(message: "column '\(name)' is missing (\(why))\(hint)")
    }

    private static func describe(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .double(let number): "\(number)"
        case .string(let text): "the text '\(text.prefix(40))'"
        case .array(let elements): elements.isEmpty ? "an empty list" : "a list of \(elements.count)"
        case .object: "an object"
        }
    }
}

extension String {
    /// Where a text occurs last.
    fileprivate func lastRange(of mark: String) -> Range<String.Index>? { ranges(of: mark).last }

    /// Without white space at the ends.
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
