import OrderedJSON

/// One JSON object of the input, with readers for its fields whose errors say what was expected.
struct InputLine {
    /// The line in the file, from 1.
    let number: Int
    /// Its place among the lines that are not blank, from 0.
    let index: Int
    /// The object.
    let object: JSONObject

    /// What the result is called: the line's `id`, or its index.
    var id: JSONValue { object["id"] ?? .integer(index) }

    /// Whether a field is there and not null.
    func has(_ key: String) -> Bool { field(key) != nil }

    /// A field that is there and not null.
    func field(_ key: String) -> JSONValue? {
        guard let value = object[key], !value.isNull else { return nil }
        return value
    }

    /// A text.
    func text(_ key: String) throws -> String {
        guard let value = field(key) else { throw LineError("\"\(key)\" is missing, expected a text") }
        guard let text = value.stringValue else {
            throw LineError("\"\(key)\" is \(Self.shown(value)), expected a text")
        }
        return text
    }

    /// `true` or `false`, if it is there.
    func flag(_ key: String) throws -> Bool? {
        guard let value = field(key) else { return nil }
        guard let flag = value.boolValue else {
            throw LineError("\"\(key)\" is \(Self.shown(value)), expected true or false")
        }
        return flag
    }

    /// Token ids below a limit.
    ///
    /// - Parameter vocabulary: How many tokens there are.
    func ids(_ key: String, vocabulary: Int) throws -> [Int] {
        guard let value = field(key) else { throw LineError("\"\(key)\" is missing, expected a list of token ids") }
        guard let elements = value.arrayValue else {
            throw LineError("\"\(key)\" is \(Self.shown(value)), expected a list of token ids")
        }
        return try elements.enumerated().map { index, element in
            guard case .integer(let id) = element, (0..<vocabulary).contains(id) else {
                throw LineError(
                    "\"\(key)\"[\(index)] is \(Self.shown(element)), expected a token id from 0 to \(vocabulary - 1)")
            }
            return id
        }
    }

    /// A value as a message shows it.
    static func shown(_ value: JSONValue) -> String {
        switch value {
        case .array(let elements): return "a list of \(elements.count)"
        case .object: return "an object"
        default:
            let text = value.text()
            return text.count > 60 ? text.prefix(60) + "…" : text
        }
    }
}
