import OrderedJSON

/// The texts that a data row holds in a column: one, or a list.
struct TextColumn {
    /// The texts of a row; `nil` if it lacks the column or has `null` there.
    ///
    /// Numbers and truth values are spelled as in JSON.
    /// - Throws: `RewardFailure` (`badRow`) for anything else.
    static func texts(_ columns: JSONObject, _ name: String) throws(RewardFailure) -> [String]? {
        switch columns[name] {
        case .none, .null: return nil
        case .array(let elements):
            let texts = elements.compactMap(text)
            guard texts.count == elements.count, !texts.isEmpty else {
                throw RewardFailure(.badRow, "column \"\(name)\" is not a text or a list of texts")
            }
            return texts
        case .some(let value):
            guard let text = text(value) else {
                throw RewardFailure(.badRow, "column \"\(name)\" is not a text or a list of texts")
            }
            return [text]
        }
    }

    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer, .double, .bool: value.text()
        case .null, .array, .object: nil
        }
    }
}
