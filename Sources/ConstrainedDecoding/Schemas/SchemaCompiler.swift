import OrderedJSON
import RegularExpressions

extension JSONGrammar {
    /// Any JSON object.
    public static func anyObject() throws(SchemaError) -> JSONGrammar {
        var compiler = SchemaCompiler(document: true)
        let root = try compiler.anyObject()
        return try JSONGrammar(rules: compiler.rules, root: root)
    }

    /// The values that satisfy a JSON Schema, in the order of its properties.
    ///
    /// Offered: `type`, `enum`, `const`, `anyOf`, `allOf` of one, `$ref` to places of the schema, `properties`, `required`,
    /// `additionalProperties`, `items`, `prefixItems`, `minItems`, `maxItems`, `minLength`, `maxLength`, `pattern`,
    /// `format` (dates, times, UUID, addresses), `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`; titles,
    /// descriptions, defaults and examples are passed over. An object with `properties` has no others unless
    /// `additionalProperties` says so.
    ///
    /// - Throws: `SchemaError` that names the place and the keyword.
    public init(schema: JSONValue) throws(SchemaError) {
        var compiler = SchemaCompiler(document: schema)
        let root = try compiler.rule(of: schema, at: [])
        try self.init(rules: compiler.rules, root: root)
    }
}

/// Turns a JSON Schema into rules.
struct SchemaCompiler {
    /// Most rules of a schema.
    static let maximumRules = 5_000
    /// Most values of an `enum`.
    static let maximumValues = 5_000
    /// Most machine entries and string places of a schema together: bounds the memory.
    static let maximumEntries = 1_000_000

    /// Keywords that say nothing about values.
    private static let annotations: Set<String> = [
        "title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$schema",
        "$id",
        "$comment", "$defs", "definitions", "$anchor", "contentMediaType", "contentEncoding",
    ]
    private static let stringKeywords: Set<String> = ["minLength", "maxLength", "pattern", "format"]
    private static let numberKeywords: Set<String> = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]
    private static let arrayKeywords: Set<String> = ["items", "prefixItems", "minItems", "maxItems"]
    private static let objectKeywords: Set<String> = ["properties", "required", "additionalProperties"]
    /// Keywords that are no constraint with one value.
    private static let neutral: [String: JSONValue] = ["uniqueItems": false, "nullable": false]
    private static let names = ["null", "boolean", "integer", "number", "string", "array", "object"]

    let document: JSONValue
    private(set) var rules: [ValueRule] = []
    /// The rules of places that have been begun, by their pointers.
    private var places: [[String]: Int] = [:]
    private var any: Int?
    var entries = 0

    init(document: JSONValue) { self.document = document }

    /// Adds a rule.
    mutating func add(_ rule: ValueRule) throws(SchemaError) -> Int {
        guard rules.count < Self.maximumRules else {
            throw SchemaError(.tooLarge, "the schema has more than \(Self.maximumRules) parts")
        }
        rules.append(rule)
        return rules.count - 1
    }

    /// The rule of a schema within the document.
    mutating func rule(of schema: JSONValue, at path: [String]) throws(SchemaError) -> Int {
        if let known = places[path] { return known }
        guard path.count <= 256 else { throw fault(.tooLarge, path, "is nested too deeply") }
        let place = try add(.anyOf([]))
        places[path] = place
        switch schema {
        case .bool(let isAny): rules[place] = .anyOf(isAny ? [try anything()] : [])
        case .object(let object): rules[place] = .anyOf(try alternatives(of: object, at: path))
        default: throw fault(.malformed, path, "is \(schema.kind), expected a schema: an object, true or false")
        }
        return place
    }

    private mutating func alternatives(of schema: JSONObject, at path: [String]) throws(SchemaError) -> [Int] {
        for key in schema.keys where !isKnown(key, schema[key] ?? .null) {
            throw fault(.unsupported, path, "has '\(key.prefix(40))', which answers can't be held to; leave it out")
        }
        for (key, read) in [("$ref", reference), ("anyOf", choices), ("allOf", choices)] {
            guard let value = schema[key] else { continue }
            if let other = schema.keys.first(where: { $0 != key && !Self.annotations.contains($0) }) {
                throw fault(.unsupported, path, "has '\(other)' beside '\(key)'; put it into what '\(key)' refers to")
            }
            return try read(&self, key, value, path)
        }
        let types = try types(schema, path)
        if schema["enum"] != nil || schema["const"] != nil { return try values(schema, types, path) }
        var found: [Int] = []
        for type in types { found += try typed(type, schema, path) }
        return found
    }

    private func isKnown(_ key: String, _ value: JSONValue) -> Bool {
        Self.annotations.contains(key) || Self.stringKeywords.contains(key) || Self.numberKeywords.contains(key)
            || Self.arrayKeywords.contains(key) || Self.objectKeywords.contains(key)
            || ["type", "enum", "const", "anyOf", "allOf", "$ref"].contains(key) || Self.neutral[key] == value
    }

    /// The types that values may have: those given, or those that the keywords are about.
    private func types(_ schema: JSONObject, _ path: [String]) throws(SchemaError) -> [String] {
        guard let given = schema["type"] else {
            var types: [String] = []
            for (type, keywords) in [
                ("string", Self.stringKeywords), ("number", Self.numberKeywords), ("array", Self.arrayKeywords),
                ("object", Self.objectKeywords),
            ] where schema.keys.contains(where: keywords.contains) { types.append(type) }
            return types.isEmpty ? Self.names.filter { $0 != "integer" } : types
        }
        let list = given.arrayValue ?? [given]
        var types: [String] = []
        for type in list {
            guard let type = type.stringValue, Self.names.contains(type) else {
                throw fault(.malformed, path + ["type"], "is \(type.shown), expected one of \(Self.names)")
            }
            if !types.contains(type) { types.append(type) }
        }
        guard !types.isEmpty else { throw fault(.malformed, path + ["type"], "is empty") }
        return types.contains("number") ? types.filter { $0 != "integer" } : types
    }

    private mutating func typed(_ type: String, _ schema: JSONObject, _ path: [String]) throws(SchemaError) -> [Int] {
        switch type {
        case "null": return [try add(.literal(Array("null".utf8)))]
        case "boolean": return [try add(.literal(Array("true".utf8))), try add(.literal(Array("false".utf8)))]
        case "integer", "number":
            return [try add(.number(try numbers(schema, isWhole: type == "integer", path)))]
        case "string": return [try add(.string(try strings(schema, path)))]
        case "array": return [try add(.array(try elements(schema, path)))]
        default: return [try add(.object(try properties(schema, path)))]
        }
    }

    /// Any value at all.
    mutating func anything() throws(SchemaError) -> Int {
        if let any { return any }
        let place = try add(.anyOf([]))
        any = place
        var rules = [try anyObject(), try add(.array(ArrayRule(rest: place)))]
        rules.append(try add(.string(.anything)))
        rules.append(try add(.number(NumberRule(isWhole: false))))
        for word in ["true", "false", "null"] { rules.append(try add(.literal(Array(word.utf8)))) }
        self.rules[place] = .anyOf(rules)
        return place
    }

    /// Any object.
    mutating func anyObject() throws(SchemaError) -> Int {
        try add(.object(ObjectRule(additional: try anything())))
    }

    func fault(_ code: SchemaError.Code, _ path: [String], _ message: String) -> SchemaError {
        let shown = path.map { String($0.prefix(60)) }.joined(separator: ".")
        return SchemaError(code, "the schema\(path.isEmpty ? "" : " at '\(shown)'") \(message)")
    }
}

extension JSONValue {
    /// The kind of value, as a message names it.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer, .double: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// The value if it is short, else its kind.
    var shown: String {
        switch self {
        case .array, .object: return kind
        default:
            let text = text()
            return text.utf8.count > 40 ? kind : text
        }
    }
}
