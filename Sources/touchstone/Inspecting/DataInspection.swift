import OrderedJSON

/// Describes JSON Lines data: how many rows, and which columns of which types.
enum DataInspection {
    /// A file of JSON Lines.
    static func describe(_ path: String) throws -> JSONObject {
        var reader = try LineReader(path: path)
        var (rows, faults, bytes) = (0, 0, 0)
        var firstFault: String?
        var columns = JSONObject()
        while let line = try reader.next() {
            bytes += line.bytes.count + 1
            if line.bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }), !line.isTooLong { continue }
            guard !line.isTooLong, let object = (try? JSONValue(parsing: line.bytes))?.objectValue else {
                faults += 1
                firstFault = firstFault ?? "line \(line.number) is not a JSON object"
                continue
            }
            rows += 1
            for (key, value) in object { count(value, in: key, of: &columns) }
        }
        var description: JSONObject = [
            "kind": "data", "path": .string(path), "rows": .integer(rows), "bytes": .integer(bytes),
            "faults": .integer(faults),
        ]
        if let firstFault { description["first_fault"] = .string(firstFault) }
        description["columns"] = .object(columns)
        return description
    }

    /// Most columns that are told apart; a file of other data could have a new one in each row.
    private static let maximumColumns = 1000

    private static func count(_ value: JSONValue, in column: String, of columns: inout JSONObject) {
        guard columns[column] != nil || columns.count < maximumColumns else { return }
        var types = columns[column]?.objectValue ?? [:]
        let type = typeName(value)
        types[type] = .integer((types[type]?.intValue ?? 0) + 1)
        columns[column] = .object(types)
    }

    private static func typeName(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .double: "number"
        case .string: "text"
        case .array: "list"
        case .object: "object"
        }
    }
}
