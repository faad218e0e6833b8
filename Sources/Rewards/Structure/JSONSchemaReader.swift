import OrderedJSON
import RegularExpressions

/// Turns the JSON of a schema into rules.
struct JSONSchemaReader {
    private(set) var definitions: [String: JSONSchema.Node] = [:]
    /// The names that are referred to, with the place where it was done.
    private(set) var references: [(name: String, place: String)] = []

    private static let notes: Set<String> = [
        "$schema", "$id", "$comment", "title", "description", "default", "examples",
    ]
    private static let typeNames: Set<String> = ["null", "boolean", "integer", "number", "string", "array", "object"]

    /// Reads a schema.
    mutating func node(_ schema: JSONValue, at place: String) throws(RewardsError) -> JSONSchema.Node {
        if let flag = schema.boolValue { return JSONSchema.Node(rules: [], acceptsNothing: !flag) }
        guard let object = schema.objectValue else {
            throw fault(place, "expected a schema, an object or true or false")
        }
        var node = JSONSchema.Node(rules: [])
        for (key, value) in object where !Self.notes.contains(key) {
            let place = "\(place)/\(key)"
            switch key {
            case "$defs", "definitions": try define(value, at: place)
            // These two belong to the keys beside them.
            case "additionalProperties" where object["properties"] != nil, "items" where object["prefixItems"] != nil:
                break
            default: node.rules.append(try rule(key, value, in: object, at: place))
            }
        }
        return node
    }

    private mutating func define(_ value: JSONValue, at place: String) throws(RewardsError) {
        guard let object = value.objectValue else { throw fault(place, "expected an object of schemas") }
        for (name, schema) in object { definitions["\(place)/\(name)"] = try node(schema, at: "\(place)/\(name)") }
    }

    private mutating func rule(
        _ key: String, _ value: JSONValue, in object: JSONObject, at place: String
    ) throws(RewardsError) -> JSONSchema.Rule {
        switch key {
        case "type": return .types(try types(value, at: place))
        case "enum": return .values(try list(value, at: place))
        case "const": return .values([value])
        case "anyOf": return .anyOf(try nodes(value, at: place))
        case "oneOf": return .oneOf(try nodes(value, at: place))
        case "allOf": return .allOf(try nodes(value, at: place))
        case "not": return .not(try node(value, at: place))
        case "$ref":
            guard let name = value.stringValue, name == "#" || name.hasPrefix("#/") else {
                throw fault(place, "expected a reference inside the schema, such as #/$defs/name")
            }
            references.append((name, place))
            return .reference(name)
        case "properties", "additionalProperties": return try properties(object, at: place)
        case "required": return .required(try names(value, at: place))
        case "prefixItems", "items": return try items(object, at: place)
        case "uniqueItems":
            guard let flag = value.boolValue else { throw fault(place, "expected true or false") }
            return flag ? .unique : .allOf([])
        case "pattern":
            guard let text = value.stringValue else { throw fault(place, "expected a regular expression") }
            do throws(PatternError) { return .pattern(try Pattern(text, maximumInstructions: 1000)) } catch {
                throw RewardsError(.invalidSchema, "schema: \(place): \(error.message)", cause: error)
            }
        default: return try limit(key, value, at: place)
        }
    }

    /// The keywords with a number.
    private func limit(_ key: String, _ value: JSONValue, at place: String) throws(RewardsError) -> JSONSchema.Rule {
        func number() throws(RewardsError) -> Double {
            guard let number = value.doubleValue, number.isFinite else { throw fault(place, "expected a number") }
            return number
        }
        func count() throws(RewardsError) -> Int {
            guard let count = value.intValue, count >= 0 else { throw fault(place, "expected a count") }
            return count
        }
        switch key {
        case "minProperties": return .count(.properties, try count()...Int.max)
        case "maxProperties": return .count(.properties, 0...(try count()))
        case "minItems": return .count(.elements, try count()...Int.max)
        case "maxItems": return .count(.elements, 0...(try count()))
        case "minLength": return .count(.scalars, try count()...Int.max)
        case "maxLength": return .count(.scalars, 0...(try count()))
        case "minimum": return .bound(try number(), isUpper: false, isExclusive: false)
        case "maximum": return .bound(try number(), isUpper: true, isExclusive: false)
        case "exclusiveMinimum": return .bound(try number(), isUpper: false, isExclusive: true)
        case "exclusiveMaximum": return .bound(try number(), isUpper: true, isExclusive: true)
        case "multipleOf":
            let divisor = try number()
            guard divisor > 0 else { throw fault(place, "expected a number > 0") }
            return .multiple(of: divisor)
        default:
            throw fault(place, "this keyword is not supported; remove it, or check the rest with a plugin")
        }
    }

    private mutating func properties(_ object: JSONObject, at place: String) throws(RewardsError) -> JSONSchema.Rule {
        var known: [String: JSONSchema.Node] = [:]
        if let value = object["properties"] {
            guard let schemas = value.objectValue else { throw fault(place, "expected an object of schemas") }
            for (name, schema) in schemas { known[name] = try node(schema, at: "\(place)/\(name)") }
        }
        var others: JSONSchema.Node?
        if let value = object["additionalProperties"] { others = try node(value, at: place + "/additionalProperties") }
        return .properties(known, others: others)
    }

    private mutating func items(_ object: JSONObject, at place: String) throws(RewardsError) -> JSONSchema.Rule {
        let prefix = try object["prefixItems"].map { value throws(RewardsError) in try nodes(value, at: place) }
        var rest: JSONSchema.Node?
        if let value = object["items"] { rest = try node(value, at: place + "/items") }
        return .items(prefix: prefix ?? [], rest: rest)
    }

    private func types(_ value: JSONValue, at place: String) throws(RewardsError) -> Set<String> {
        let names = value.stringValue.map { [$0] } ?? value.arrayValue?.compactMap(\.stringValue) ?? []
        guard !names.isEmpty, names.count == (value.arrayValue?.count ?? 1), names.allSatisfy(Self.typeNames.contains)
        else { throw fault(place, "expected one or several of \(Self.typeNames.sorted().joined(separator: ", "))") }
        return Set(names)
    }

    private func list(_ value: JSONValue, at place: String) throws(RewardsError) -> [JSONValue] {
        guard let elements = value.arrayValue, !elements.isEmpty else {
            throw fault(place, "expected a list with elements")
        }
        return elements
    }

    private func names(_ value: JSONValue, at place: String) throws(RewardsError) -> [String] {
        guard let elements = value.arrayValue else { throw fault(place, "expected a list of names") }
        let names = elements.compactMap(\.stringValue)
        guard names.count == elements.count else { throw fault(place, "expected a list of names") }
        return names
    }

    private mutating func nodes(_ value: JSONValue, at place: String) throws(RewardsError) -> [JSONSchema.Node] {
        var nodes: [JSONSchema.Node] = []
        for (index, element) in try list(value, at: place).enumerated() {
            nodes.append(try node(element, at: "\(place)/\(index)"))
        }
        return nodes
    }

    private func fault(_ place: String, _ message: String) -> RewardsError {
        RewardsError(.invalidSchema, "schema: \(place.prefix(200)): \(message)")
    }
}
