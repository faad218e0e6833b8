import OrderedJSON

/// A value of a recipe before it has a type, with its place.
struct Located: Sendable {
    indirect enum Content: Sendable {
        /// Text of a scalar; a plain one may be a number, a truth value or null.
        case scalar(String, isPlain: Bool)
        case list([Located])
        case map([Entry])
    }

    struct Entry: Sendable {
        let key: String
        let place: RecipeError.Place
        var value: Located
    }

    var content: Content
    let place: RecipeError.Place

    /// The place of the deepest value that exists on a key path.
    func place(of path: [String]) -> RecipeError.Place {
        guard let first = path.first else { return place }
        let rest = Array(path.dropFirst())
        switch content {
        case .map(let entries):
            return entries.first { $0.key == first }?.value.place(of: rest) ?? place
        case .list(let elements):
            guard let index = Int(first), elements.indices.contains(index) else { return place }
            return elements[index].place(of: rest)
        case .scalar: return place
        }
    }

    /// The value at a key path, if the recipe gives one.
    func value(at path: [String]) -> Located? {
        guard let first = path.first else { return self }
        let rest = Array(path.dropFirst())
        switch content {
        case .map(let entries): return entries.first { $0.key == first }?.value.value(at: rest)
        case .list(let elements):
            guard let index = Int(first), elements.indices.contains(index) else { return nil }
            return elements[index].value(at: rest)
        case .scalar: return nil
        }
    }

    /// The scalar in YAML 1.2's core schema: null, true, false, integers, decimals; anything else is text.
    var scalar: JSONValue? {
        guard case .scalar(let text, let isPlain) = content else { return nil }
        guard isPlain else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default: return Self.number(text) ?? .string(text)
        }
    }

    var isNull: Bool { scalar == .null }

    /// What was given, for a message: the value itself when it is short.
    var summary: String {
        switch content {
        case .list(let elements): return "a list of \(elements.count)"
        case .map(let entries): return entries.isEmpty ? "an empty section" : "a section (\(entries[0].key): …)"
        case .scalar(let text, let isPlain):
            if isNull { return "nothing (null)" }
            let shown = text.count > 40 ? text.prefix(40) + "…" : text[...]
            return isPlain && scalar?.stringValue == nil ? String(shown) : JSONValue.string(String(shown)).text()
        }
    }

    private static func number(_ text: String) -> JSONValue? {
        var digits = Substring(text)
        if digits.first == "-" || digits.first == "+" { digits = digits.dropFirst() }
        guard let first = digits.utf8.first, text.utf8.count <= 400,
            (0x30...0x39).contains(first) || (first == UInt8(ascii: ".") && digits.utf8.count > 1),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) })
        else { return nil }
        if let value = Int(text) { return .integer(value) }
        // A number too large for a double is read as infinity, which no key accepts.
        return Double(text).map { .double($0) }
    }
}
