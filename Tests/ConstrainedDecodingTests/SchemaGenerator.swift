import OrderedJSON

/// Makes schemas at random out of everything that is offered.
struct SchemaGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(state: seed) }

    mutating func document() -> JSONValue {
        var schema = schema(depth: 3).objectValue ?? [:]
        if schema.isEmpty { schema = ["type": "object"] }
        schema["$defs"] = ["leaf": leaf(), "node": self.schema(depth: 1), "tree": Self.tree]
        return .object(schema)
    }

    private static let tree: JSONValue = [
        "type": "object",
        "properties": [
            "value": ["type": "integer", "minimum": 0, "maximum": 9],
            "children": ["type": "array", "items": ["$ref": "#/$defs/tree"], "maxItems": 2],
        ], "required": ["value"],
    ]

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &random) < probability
    }
    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func schema(depth: Int) -> JSONValue {
        guard depth > 0 else { return leaf() }
        switch number(0...9) {
        case 0...3: return object(depth)
        case 4, 5: return array(depth)
        case 6:
            return ["anyOf": .array((0..<number(1...3)).map { _ in schema(depth: depth - 1) }), "title": "choice"]
        case 7:
            let places = ["#/$defs/leaf", "#/$defs/node", "#/$defs/tree"]
            return ["$ref": .string(places[number(0...2)])]
        default: return leaf()
        }
    }

    private static let names = ["a", "b", "name", "na", "größe", "x y", "quote\"d", "back\\slash", "\u{1F600}", ""]

    private mutating func object(_ depth: Int) -> JSONValue {
        var properties = JSONObject()
        for name in Self.names.shuffled(using: &random).prefix(number(0...4)) {
            properties[name] = schema(depth: depth - 1)
        }
        var schema: JSONObject = ["type": "object", "properties": .object(properties)]
        let required = properties.keys.filter { _ in chance(0.5) }
        schema["required"] = .array(required.map { .string($0) })
        switch number(0...3) {
        case 0: schema["additionalProperties"] = .bool(chance(0.3))
        case 1: schema["additionalProperties"] = leaf()
        case 2: schema["additionalProperties"] = false
        default: break
        }
        return .object(schema)
    }

    private mutating func array(_ depth: Int) -> JSONValue {
        var schema: JSONObject = ["type": "array", "items": self.schema(depth: depth - 1)]
        let least = number(0...2)
        if chance(0.5) { schema["minItems"] = .integer(least) }
        if chance(0.7) { schema["maxItems"] = .integer(least + number(0...2)) }
        if chance(0.2) { schema["prefixItems"] = [leaf(), leaf()] }
        return .object(schema)
    }

    private mutating func leaf() -> JSONValue {
        switch number(0...9) {
        case 0: return ["type": "boolean"]
        case 1: return ["type": "null"]
        case 2:
            let values: [JSONValue] = [1, 12, "one", "on", true, .null, [1, ["a": 2.5]], "\u{1F600}"]
            return ["enum": .array(values.shuffled(using: &random))]
        case 3:
            let values: [JSONValue] = ["x", 7, -0.5, false, ["k": []]]
            let value = values[number(0...4)]
            return ["const": value, "type": ["string", "number", "boolean", "object"]]
        case 4: return ["type": ["integer", "null"]]
        case 5: return bounded("integer")
        case 6: return bounded("number")
        default: return text()
        }
    }

    private mutating func bounded(_ type: String) -> JSONValue {
        var schema: JSONObject = ["type": .string(type)]
        let low = number(-1000...1000)
        let scales: [Double] = [1, 1, 0.1, 0.001, 1e6]
        let scale = scales[number(0...4)]
        func bound(_ value: Int) -> JSONValue { scale == 1 ? .integer(value) : .double(Double(value) * scale) }
        if chance(0.7) { schema[chance(0.5) ? "minimum" : "exclusiveMinimum"] = bound(low) }
        if chance(0.7) { schema[chance(0.5) ? "maximum" : "exclusiveMaximum"] = bound(low + number(2000...4000)) }
        return .object(schema)
    }

    private static let patterns = [
        "^[a-z]+$", "^(a|bc)*$", "^\\d{3}-\\d{4}$", "x", "^[^a-z]", "é|ü+$", "^.{2,5}$", "^\\w+@\\w+\\.(com|org)$",
        "^[а-я]{1,4}$",
        "a.*b", "^$", "[0-9]$",
    ]

    private mutating func text() -> JSONValue {
        var schema: JSONObject = ["type": "string"]
        switch number(0...3) {
        case 0: schema["pattern"] = .string(Self.patterns.randomElement(using: &random) ?? "")
        case 1:
            let least = number(0...4)
            schema["minLength"] = .integer(least)
            schema["maxLength"] = .integer(least + number(0...6))
        case 2:
            schema["pattern"] = .string(Self.patterns.randomElement(using: &random) ?? "")
            schema["maxLength"] = .integer(number(2...12))
            schema["minLength"] = .integer(number(0...2))
        default: break
        }
        return .object(schema)
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
