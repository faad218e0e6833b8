import OrderedJSON
import RegularExpressions

/// A JSON Schema (draft 2020-12), of which a subset is understood; what is outside it is an error, never ignored.
///
/// - Any type: `type` (also a list), `enum`, `const`, `anyOf`, `oneOf`, `allOf`, `not`, `$ref` to `#`, `#/$defs/NAME` or
///   `#/definitions/NAME`; the schemas `true` and `false`.
/// - Objects: `properties`, `required`, `additionalProperties`, `minProperties`, `maxProperties`.
/// - Arrays: `items`, `prefixItems`, `minItems`, `maxItems`, `uniqueItems`.
/// - Texts: `minLength`, `maxLength` (in Unicode scalars), `pattern` (searched, in Python's syntax, in linear time).
/// - Numbers: `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum`, `multipleOf` (up to rounding: 0.3 is a
///   multiple of 0.1).
/// - Allowed and without effect: `$schema`, `$id`, `$comment`, `title`, `description`, `default`, `examples`.
///
/// As the standard says, a keyword for one type lets values of other types pass, and 1.0 is an integer equal to 1.
public struct JSONSchema: Sendable {
    /// One keyword with its value.
    enum Rule: Sendable {
        case types(Set<String>)
        case values([JSONValue])
        case anyOf([JSONSchema.Node]), oneOf([JSONSchema.Node]), allOf([JSONSchema.Node])
        indirect case not(JSONSchema.Node)
        case reference(String)
        /// `properties` with `additionalProperties`.
        indirect case properties([String: JSONSchema.Node], others: JSONSchema.Node?)
        case required([String])
        /// `prefixItems` with `items`.
        indirect case items(prefix: [JSONSchema.Node], rest: JSONSchema.Node?)
        case unique
        case pattern(Pattern)
        case count(Counted, ClosedRange<Int>)
        case bound(Double, isUpper: Bool, isExclusive: Bool)
        case multiple(of: Double)
    }

    /// What `min…` and `max…` count.
    enum Counted: Sendable { case properties, elements, scalars }

    /// A schema inside a schema: every rule has to hold.
    struct Node: Sendable {
        var rules: [Rule]
        /// The schema `false`.
        var acceptsNothing = false
    }

    let root: Node
    let definitions: [String: Node]

    /// Reads a schema.
    ///
    /// - Throws: `RewardsError` (`invalidSchema`) with the place of the first thing that is not understood.
    public init(_ schema: JSONValue) throws(RewardsError) {
        var reader = JSONSchemaReader()
        root = try reader.node(schema, at: "#")
        definitions = reader.definitions
        for (reference, place) in reader.references where reference != "#" && definitions[reference] == nil {
            throw RewardsError(.invalidSchema, "schema: \(place): '\(reference)' is not there; define it under $defs")
        }
    }

    /// Whether a value is as the schema says.
    ///
    /// Schemas that refer to themselves over and over stop at a budget of steps; a value that needs more is not accepted.
    public func accepts(_ value: JSONValue) -> Bool {
        var check = JSONSchemaCheck(schema: self)
        return check.accepts(value, root, depth: 0) && !check.isExhausted
    }
}

/// One look at a value, with a budget.
private struct JSONSchemaCheck {
    let schema: JSONSchema
    /// Whether the budget did not suffice, so that nothing can be said.
    private(set) var isExhausted = false
    private var steps = 0

    /// Most rules that are looked at, and how deep.
    private static let maximumSteps = 1_000_000
    private static let maximumDepth = 300

    init(schema: JSONSchema) { self.schema = schema }

    mutating func accepts(_ value: JSONValue, _ node: JSONSchema.Node, depth: Int) -> Bool {
        if depth > Self.maximumDepth { isExhausted = true }
        guard !node.acceptsNothing else { return false }
        for rule in node.rules {
            steps += 1
            if steps > Self.maximumSteps { isExhausted = true }
            guard !isExhausted, holds(rule, value, depth + 1) else { return false }
        }
        return true
    }

    private mutating func holds(_ rule: JSONSchema.Rule, _ value: JSONValue, _ depth: Int) -> Bool {
        switch rule {
        case .types(let names): return names.contains { Self.isType($0, value) }
        case .values(let values):
            let value = value.numbersMadeEqual
            return values.contains { $0.numbersMadeEqual == value }
        case .anyOf(let nodes): return count(nodes, value, depth) > 0
        case .oneOf(let nodes): return count(nodes, value, depth) == 1
        case .allOf(let nodes): return count(nodes, value, depth) == nodes.count
        case .not(let node): return !accepts(value, node, depth: depth)
        case .reference(let name):
            let node = name == "#" ? schema.root : schema.definitions[name]
            return node.map { accepts(value, $0, depth: depth) } ?? false
        case .properties(let known, let others): return hold(known, others, value, depth)
        case .required(let names):
            return value.objectValue.map { object in names.allSatisfy { object[$0] != nil } } ?? true
        case .items(let prefix, let rest): return hold(prefix, rest, value, depth)
        case .unique: return value.arrayValue.map { Set($0.map(\.numbersMadeEqual)).count == $0.count } ?? true
        case .pattern(let pattern): return value.stringValue.map { pattern.firstMatch(in: $0) != nil } ?? true
        case .count(let counted, let range): return Self.count(counted, value).map(range.contains) ?? true
        case .bound(let bound, let isUpper, let isExclusive):
            guard let number = value.doubleValue else { return true }
            if number == bound { return !isExclusive }
            return isUpper ? number < bound : number > bound
        case .multiple(let divisor): return value.doubleValue.map { Self.isMultiple($0, of: divisor) } ?? true
        }
    }

    private mutating func count(_ nodes: [JSONSchema.Node], _ value: JSONValue, _ depth: Int) -> Int {
        var count = 0
        for node in nodes where accepts(value, node, depth: depth) { count += 1 }
        return count
    }

    private mutating func hold(
        _ known: [String: JSONSchema.Node], _ others: JSONSchema.Node?, _ value: JSONValue, _ depth: Int
    ) -> Bool {
        for (key, element) in value.objectValue ?? [:] {
            guard let node = known[key] ?? others else { continue }
            if !accepts(element, node, depth: depth) { return false }
        }
        return true
    }

    private mutating func hold(
        _ prefix: [JSONSchema.Node], _ rest: JSONSchema.Node?, _ value: JSONValue, _ depth: Int
    ) -> Bool {
        for (index, element) in (value.arrayValue ?? []).enumerated() {
            guard let node = index < prefix.count ? prefix[index] : rest else { return true }
            if !accepts(element, node, depth: depth) { return false }
        }
        return true
    }

    private static func isType(_ name: String, _ value: JSONValue) -> Bool {
        switch (name, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object): true
        case ("number", .integer), ("number", .double), ("integer", .integer): true
        case ("integer", .double(let number)): number.isFinite && number == number.rounded()
        default: false
        }
    }

    private static func count(_ counted: JSONSchema.Counted, _ value: JSONValue) -> Int? {
        switch counted {
        case .properties: value.objectValue?.count
        case .elements: value.arrayValue?.count
        case .scalars: value.stringValue?.unicodeScalars.count
        }
    }

    private static func isMultiple(_ value: Double, of divisor: Double) -> Bool {
        let quotient = value / divisor
        return quotient.isFinite && abs(quotient - quotient.rounded()) <= 1e-9 * max(1, abs(quotient))
    }
}

extension JSONValue {
    /// The value with numbers that are equal made the same, and keys in one order.
    fileprivate var numbersMadeEqual: JSONValue {
        switch self {
        case .double(let number): Int(exactly: number).map { .integer($0) } ?? self
        case .array(let elements): .array(elements.map(\.numbersMadeEqual))
        case .object(let object):
            .object(JSONObject(object.sorted { $0.key < $1.key }.map { ($0.key, $0.value.numbersMadeEqual) }))
        default: self
        }
    }
}
