extension Recipe {
    /// One row of the recipe's reference table.
    public struct KeyDocumentation: Hashable, Sendable {
        /// The key path, such as `rollout.temperature`.
        public let key: String
        /// What values it takes.
        public let type: String
        /// Its default as JSON, or `required`.
        public let standard: String
        /// What it means.
        public let meaning: String
    }

    /// Every key of a recipe, made from the same tables that recipes are read with.
    public static let documentation: [KeyDocumentation] = Recipe().documentation("")

    /// The reference table in Markdown: key, type, default, meaning.
    public static var documentationTable: String {
        func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
        let rows = documentation.map {
            "| `\($0.key)` | \(cell($0.type)) | \(cell($0.standard)) | \(cell($0.meaning)) |"
        }
        return (["| key | type | default | meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n") + "\n"
    }

    /// Where a key of this name exists, for a key that was put into the wrong section.
    static func path(ofKey name: String) -> String? {
        let keys = documentation.map(\.key).filter { $0.split(separator: ".").last.map(String.init) == name }
        // One place is likelier to be meant than one of many.
        return keys.first { !$0.contains(".N.") } ?? keys.first
    }
}
