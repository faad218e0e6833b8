import OrderedJSON

/// 1 if a completion is JSON that a schema accepts, else 0.
public struct JSONSchemaReward: RewardFunction {
    /// Where the schema comes from.
    public enum Source: Sendable {
        /// The same for every row.
        case fixed(JSONSchema)
        /// A column that holds it, as an object or as its text; a row without it is not applicable.
        case column(String)
    }

    /// The name in the metrics.
    public let name: String
    private let source: Source
    private let part: CompletionPart
    private let allowsFence: Bool

    /// A schema reward.
    ///
    /// - Parameter allowsFence: Whether the JSON may stand between ```` ```json ```` and ```` ``` ````.
    public init(
        name: String = "json_schema", source: Source, part: CompletionPart = .answer, allowsFence: Bool = true
    ) {
        self.name = name
        self.source = source
        self.part = part
        self.allowsFence = allowsFence
    }

    /// 1, 0, or an outcome without a score for each sample.
    public func score(_ batch: [RewardSample]) async -> RewardBatch {
        RewardBatch(batch.map(outcome))
    }

    private func outcome(_ sample: RewardSample) -> RewardOutcome {
        let schema: JSONSchema
        switch source {
        case .fixed(let fixed): schema = fixed
        case .column(let column):
            guard let value = sample.columns[column], !value.isNull else { return .notApplicable }
            do throws(RewardsError) { schema = try Self.schema(value) } catch {
                return .failed(RewardFailure(.badRow, "column \"\(column)\": \(error.message)"))
            }
        }
        guard let text = part.text(of: sample), let value = try? JSONValue(parsing: unfenced(text)) else {
            return .score(0)
        }
        return .score(schema.accepts(value) ? 1 : 0)
    }

    private static func schema(_ value: JSONValue) throws(RewardsError) -> JSONSchema {
        guard let text = value.stringValue else { return try JSONSchema(value) }
        let parsed: JSONValue
        do throws(JSONError) { parsed = try JSONValue(parsing: text) } catch {
            throw RewardsError(.invalidSchema, "schema: \(error)", cause: error)
        }
        return try JSONSchema(parsed)
    }

    /// The text between fences, if they are its first and last line.
    private func unfenced(_ text: String) -> String {
        guard allowsFence, text.hasPrefix("```"), text.hasSuffix("```"),
            let start = text.firstIndex(where: \.isNewline)
        else { return text }
        let label = text[..<start].dropFirst(3).drop { $0 == " " }
        guard ["", "json", "JSON"].contains(label), text.utf8.count >= 6 else { return text }
        let end = text.index(text.endIndex, offsetBy: -3)
        return start < end ? String(text[start..<end]) : text
    }
}
