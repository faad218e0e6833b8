import OrderedJSON

/// Lines of a metrics file.
///
/// JSON has no NaN and no infinities, and readers (pandas, jq, browsers) refuse files that hold them. They are written as
/// `null`, and the keys where that happened are listed in the same line under `non_finite`, with what stood there:
/// `{"step":7,"loss":null,"non_finite":{"loss":"NaN"}}`. So every line is valid JSON, a plot has a gap, and nothing is hidden.
public enum MetricsRecord {
    /// The key under which non-finite numbers are listed.
    public static let nonFiniteKey = "non_finite"

    /// A record of a step: `step` first, then the metrics in their order.
    public static func step(_ step: Int, _ metrics: JSONObject) -> JSONObject {
        var record: JSONObject = ["step": .integer(step)]
        for (key, value) in metrics where key != "step" { record[key] = value }
        return record
    }

    /// A record in which every non-finite number is `null`, with the list of where they were (dotted paths) at its end.
    public static func sanitized(_ record: JSONObject) -> JSONObject {
        var found: [(String, JSONValue)] = []
        guard case .object(var clean) = clean(.object(record), path: "", &found) else { return record }
        if !found.isEmpty { clean[nonFiniteKey] = .object(JSONObject(found)) }
        return clean
    }

    /// The line of a record, without the newline.
    public static func line(_ record: JSONObject) -> String { JSONValue.object(sanitized(record)).text() }

    private static func clean(_ value: JSONValue, path: String, _ found: inout [(String, JSONValue)]) -> JSONValue {
        switch value {
        case .double(let number) where !number.isFinite:
            found.append((path, .string(JSONValue.pythonSpelling(of: number))))
            return .null
        case .array(let elements):
            return .array(elements.enumerated().map { clean($1, path: join(path, String($0)), &found) })
        case .object(let object):
            var result = JSONObject()
            for (key, value) in object { result[key] = clean(value, path: join(path, key), &found) }
            return .object(result)
        default: return value
        }
    }

    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
