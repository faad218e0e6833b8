import OrderedJSON

/// One row of a data set, whatever it came from.
public struct DataRow: Hashable, Sendable {
    /// What the model gets to read, or to learn.
    public enum Content: Hashable, Sendable {
        /// A conversation for the chat template; for `sft` it holds the assistant's turns too.
        case messages([JSONValue])
        /// A prompt as it is.
        case text(String)
        /// A prompt as it is, and the text to learn after it (`sft`).
        case completion(prompt: String, completion: String)
        /// Token ids, and which of them are learned (`sft`).
        case tokens(ids: [Int], mask: [Bool])
    }

    /// Which row: the place in the file without blank lines, or the problem's index; from 0.
    public let index: Int
    /// What the model gets to read, or to learn.
    public let content: Content
    /// The answer, if the row has one.
    public let answer: String?
    /// Every column of the row, for rewards.
    public let columns: JSONObject
}

/// Makes rows of a recipe's kind, format and system message.
struct RowFormat: Sendable {
    let kind: Recipe.Kind
    let format: Recipe.Data.Format
    let system: String?

    init(_ recipe: Recipe) {
        kind = recipe.kind
        system = recipe.data.system
        format = recipe.data.format ?? .chat
    }

    /// The content for a text to complete, and for `sft` the text that follows.
    func content(prompt: String, completion: String?) -> DataRow.Content {
        switch format {
        case .text: completion.map { .completion(prompt: prompt, completion: $0) } ?? .text(prompt)
        case .chat:
            content(
                messages: [Self.message("user", prompt)], completion: completion.map { Self.message("assistant", $0) })
        }
    }

    /// The content for a conversation; the recipe's system message is put first if there is none.
    func content(messages: [JSONValue], completion: JSONValue? = nil) -> DataRow.Content {
        var messages = messages
        if let system, messages.first?["role"]?.stringValue != "system" {
            messages.insert(Self.message("system", system), at: 0)
        }
        return .messages(messages + (completion.map { [$0] } ?? []))
    }

    /// A row of a generated problem; `sft` learns the way to the answer.
    func row(_ problem: Problem, index: Int) -> DataRow {
        var columns = problem.columns
        columns["answer"] = .string(problem.answer)
        let completion = kind == .sft ? problem.solution ?? problem.answer : nil
        return DataRow(
            index: index, content: content(prompt: problem.prompt, completion: completion), answer: problem.answer,
            columns: columns)
    }

    private static func message(_ role: String, _ content: String) -> JSONValue {
        ["role": .string(role), "content": .string(content)]
    }
}
