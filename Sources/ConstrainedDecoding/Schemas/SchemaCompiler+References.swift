import OrderedJSON
import RegularExpressions

extension SchemaCompiler {
    /// Reads a keyword that stands for other schemas.
    typealias Reader = (inout SchemaCompiler, String, JSONValue, [String]) throws(SchemaError) -> [Int]

    /// What `$ref` leads to: a place of the same document.
    var reference: Reader {
        { (compiler, _, value, path) throws(SchemaError) in
            guard let text = value.stringValue, text == "#" || text.hasPrefix("#/") else {
                throw compiler.fault(
                    .unsupported, path,
                    "has the $ref \(value.shown); only places of the schema itself, as '#/$defs/name'")
            }
            var target: JSONValue = compiler.document
            var place: [String] = []
            for part in text.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) where text != "#" {
                let key = Self.unescaped(part)
                let next = target[key] ?? Int(key).flatMap { target[$0] }
                guard let next else {
                    throw compiler.fault(.malformed, path, "has the $ref \(value.shown), which leads to nothing")
                }
                target = next
                place.append(key)
            }
            return [try compiler.rule(of: target, at: place)]
        }
    }

    /// The alternatives of `anyOf`, or the one of `allOf`.
    var choices: Reader {
        { (compiler, key, value, path) throws(SchemaError) in
            guard let list = value.arrayValue, !list.isEmpty else {
                throw compiler.fault(.malformed, path + [key], "is \(value.shown), expected a list of schemas")
            }
            guard key == "anyOf" || list.count == 1 else {
                throw compiler.fault(.unsupported, path, "has 'allOf' of several; join them into one schema")
            }
            var rules: [Int] = []
            for (index, schema) in list.enumerated() {
                rules.append(try compiler.rule(of: schema, at: path + [key, String(index)]))
            }
            return rules
        }
    }

    /// A part of a JSON pointer in a URI's fragment (RFC 6901).
    private static func unescaped(_ part: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(part.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "~"), let next = rest.first,
                next == UInt8(ascii: "0") || next == UInt8(ascii: "1")
            {
                bytes.append(next == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
                rest = rest.dropFirst()
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SchemaCompiler {
    /// The values of `enum` and `const`, as far as they are of the types.
    mutating func values(_ schema: JSONObject, _ types: [String], _ path: [String]) throws(SchemaError) -> [Int] {
        if let other = schema.keys.first(where: { isConstraint($0, of: types) }) {
            throw fault(.unsupported, path, "has '\(other)' beside given values; leave it out")
        }
        var values = schema["const"].map { [$0] } ?? []
        if let listed = schema["enum"] {
            guard let list = listed.arrayValue, list.count <= Self.maximumValues else {
                throw fault(
                    .malformed, path + ["enum"], "is \(listed.shown), expected a list of at most \(Self.maximumValues)")
            }
            values = schema["const"] == nil ? list : values.filter(list.contains)
        }
        if schema["type"] != nil { values = values.filter { value in types.contains { value.isOf(type: $0) } } }
        let texts = values.compactMap(\.stringValue)
        var rules: [Int] = []
        if !texts.isEmpty { rules.append(try add(.string(try rule(of: texts, others: false, path)))) }
        for value in values where value.stringValue == nil { rules.append(try constant(value, path)) }
        return rules
    }

    private func isConstraint(_ key: String, of types: [String]) -> Bool {
        ["minLength", "maxLength", "pattern", "format"].contains(key) && types.contains("string")
            || ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"].contains(key)
                && (types.contains("number") || types.contains("integer"))
            || ["items", "prefixItems", "minItems", "maxItems"].contains(key) && types.contains("array")
            || ["properties", "required", "additionalProperties"].contains(key) && types.contains("object")
    }

    /// One value.
    private mutating func constant(_ value: JSONValue, _ path: [String]) throws(SchemaError) -> Int {
        switch value {
        case .string(let text): return try add(.string(try rule(of: [text], others: false, path)))
        case .array(let elements):
            var rule = ArrayRule(minimum: elements.count, maximum: elements.count)
            for element in elements { rule.prefix.append(try constant(element, path)) }
            return try add(.array(rule))
        case .object(let object):
            var rule = ObjectRule()
            for (key, value) in object {
                rule.properties.append(
                    .init(key: Self.written(key), rule: try constant(value, path), isRequired: true))
            }
            return try add(.object(rule))
        case .null, .bool, .integer, .double: return try add(.literal(Array(value.text().utf8)))
        }
    }

    /// A key as it is written, from behind the opening quotation mark on.
    static func written(_ key: String) -> [UInt8] { Array(JSONValue.string(key).text().utf8.dropFirst()) }

    /// The rule of given texts, or of all others.
    mutating func rule(of texts: [String], others: Bool, _ path: [String]) throws(SchemaError) -> StringRule {
        let automaton: ScalarAutomaton
        do { automaton = try ScalarAutomaton(texts: texts, others: others) } catch {
            throw fault(.tooLarge, path, "has texts that are too many or too long")
        }
        try count(automaton, 1, path)
        return try StringRule(automaton, minimum: 0, maximum: nil)
    }

    /// Keeps account of the memory.
    mutating func count(_ automaton: ScalarAutomaton, _ lengths: Int, _ path: [String]) throws(SchemaError) {
        entries += automaton.entryCount + min(lengths, StringRule.maximumPlaces) * automaton.stateCount
        guard entries <= Self.maximumEntries else {
            throw fault(.tooLarge, path, "has patterns, lengths and texts that are too much together")
        }
    }
}

extension JSONValue {
    /// Whether the value is of a type of JSON Schema.
    fileprivate func isOf(type: String) -> Bool {
        switch self {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .integer: type == "integer" || type == "number"
        case .double(let value): type == "number" || type == "integer" && value == value.rounded()
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        }
    }
}
