import OrderedJSON
import RegularExpressions

extension SchemaCompiler {
    /// What strings a schema allows.
    mutating func strings(_ schema: JSONObject, _ path: [String]) throws(SchemaError) -> StringRule {
        let minimum = try integer("minLength", schema, path) ?? 0
        let maximum = try integer("maxLength", schema, path)
        var automaton = ScalarAutomaton.anything
        if let (source, place) = try pattern(schema, path) {
            do {
                automaton = try Pattern(source, options: .asciiOnly, maximumInstructions: 4_000).searchAutomaton()
            } catch {
                let code: SchemaError.Code =
                    switch error.code {
                    case .syntax: .malformed
                    case .unsupported: .unsupported
                    case .tooLarge: .tooLarge
                    }
                throw SchemaError(code, fault(code, place, "is an \(error)").message, cause: error)
            }
        } else if minimum == 0, maximum == nil {
            return .anything
        }
        try count(automaton, maximum ?? minimum, path)
        do { return try StringRule(automaton, minimum: minimum, maximum: maximum) } catch {
            throw fault(error.code, path, "asks for too much: " + error.message)
        }
    }

    private func pattern(_ schema: JSONObject, _ path: [String]) throws(SchemaError) -> (String, [String])? {
        if let format = schema["format"] {
            guard let name = format.stringValue, let source = Self.formats[name] else {
                throw fault(
                    .unsupported, path + ["format"],
                    "is \(format.shown), offered are \(Self.formats.keys.sorted().joined(separator: ", "))")
            }
            guard schema["pattern"] == nil else {
                throw fault(.unsupported, path, "has both 'format' and 'pattern'; leave one out")
            }
            return (source, path + ["format"])
        }
        guard let pattern = schema["pattern"] else { return nil }
        guard let source = pattern.stringValue else {
            throw fault(.malformed, path + ["pattern"], "is \(pattern.shown), expected a regular expression")
        }
        return (source, path + ["pattern"])
    }

    private static let date =
        "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
        + "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    private static let time =
        "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
    private static let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

    /// Expressions of formats; each allows no more than the format does.
    private static let formats: [String: String] = [
        "date": "^\(date)$", "time": "^\(time)$", "date-time": "^\(date)T\(time)$",
        "uuid": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "ipv4": "^\(byte)(?:\\.\(byte)){3}$",
        "email": "^[a-z0-9]+(?:[._+-][a-z0-9]+)*@[a-z0-9]+(?:-[a-z0-9]+)*(?:\\.[a-z0-9]+(?:-[a-z0-9]+)*)+$",
    ]

    /// What numbers a schema allows.
    func numbers(_ schema: JSONObject, isWhole: Bool, _ path: [String]) throws(SchemaError) -> NumberRule {
        var (low, high): (Int128?, Int128?)
        for key in ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] {
            guard let value = schema[key] else { continue }
            guard let (units, isExact) = value.units else {
                throw fault(.malformed, path + [key], "is \(value.shown), expected a number")
            }
            switch key {
            case "minimum": low = max(low ?? units, isExact ? units : units + 1)
            case "exclusiveMinimum": low = max(low ?? units, units + 1)
            case "maximum": high = min(high ?? units, units)
            default: high = min(high ?? units, isExact ? units - 1 : units)
            }
        }
        guard low != nil || high != nil else { return NumberRule(isWhole: isWhole) }
        return NumberRule(isWhole: isWhole, low: low, high: high)
    }

    /// What arrays a schema allows.
    mutating func elements(_ schema: JSONObject, _ path: [String]) throws(SchemaError) -> ArrayRule {
        var rule = ArrayRule(
            minimum: try integer("minItems", schema, path) ?? 0, maximum: try integer("maxItems", schema, path))
        if let prefix = schema["prefixItems"] {
            guard let list = prefix.arrayValue, list.count <= 1_000 else {
                throw fault(.malformed, path + ["prefixItems"], "is \(prefix.shown), expected a list of schemas")
            }
            for (index, schema) in list.enumerated() {
                rule.prefix.append(try self.rule(of: schema, at: path + ["prefixItems", String(index)]))
            }
        }
        if let items = schema["items"] {
            rule.rest = items == false ? nil : try self.rule(of: items, at: path + ["items"])
        } else {
            rule.rest = try anything()
        }
        return rule
    }

    /// What objects a schema allows.
    mutating func properties(_ schema: JSONObject, _ path: [String]) throws(SchemaError) -> ObjectRule {
        let given = schema["properties"] ?? [:]
        guard let properties = given.objectValue, properties.count <= 1_000 else {
            throw fault(.malformed, path + ["properties"], "is \(given.shown), expected an object of schemas")
        }
        let list = schema["required"]?.arrayValue?.map(\.stringValue) ?? []
        guard schema["required"] == nil || schema["required"]?.arrayValue != nil, !list.contains(nil) else {
            throw fault(.malformed, path + ["required"], "is not a list of names")
        }
        let required = Set(list.compactMap { $0 })
        var rule = ObjectRule()
        for (key, value) in properties {
            rule.properties.append(
                .init(
                    key: Self.written(key), rule: try self.rule(of: value, at: path + ["properties", key]),
                    isRequired: required.contains(key)))
        }
        switch schema["additionalProperties"] {
        case nil: rule.additional = schema["properties"] == nil ? try anything() : nil
        case .some(false): rule.additional = nil
        case .some(let value): rule.additional = try self.rule(of: value, at: path + ["additionalProperties"])
        }
        for name in list.compactMap({ $0 }) where properties[name] == nil {
            guard let additional = rule.additional else {
                throw fault(.malformed, path, "requires '\(name.prefix(60))', which is not among its properties")
            }
            if !rule.properties.contains(where: { $0.key == Self.written(name) }) {
                rule.properties.append(.init(key: Self.written(name), rule: additional, isRequired: true))
            }
        }
        if rule.additional != nil, !rule.properties.isEmpty {
            rule.additionalNames = try self.rule(
                of: Array(Set(properties.keys + list.compactMap { $0 })), others: true, path)
        }
        return rule
    }

    private func integer(_ key: String, _ schema: JSONObject, _ path: [String]) throws(SchemaError) -> Int? {
        guard let value = schema[key] else { return nil }
        guard let number = value.intValue, number >= 0 else {
            throw fault(.malformed, path + [key], "is \(value.shown), expected a whole number from 0 on")
        }
        return number
    }
}

extension JSONValue {
    /// A number in units of 10⁻¹⁵, rounded down, and whether it is exact; far numbers are as far as numbers go.
    fileprivate var units: (units: Int128, isExact: Bool)? {
        switch self {
        case .integer(let value):
            return (min(max(Int128(value) * NumberRule.unit, -NumberRule.limit), NumberRule.limit), true)
        case .double(let value):
            // The shortest decimal that is read as the number is what its author wrote.
            let text = value.description.lowercased()
            let halves = text.split(separator: "e")
            guard let mantissa = halves.first, let exponent = halves.count == 2 ? Int(halves[1]) : 0 else { return nil }
            let isNegative = mantissa.hasPrefix("-")
            let parts = mantissa.drop { $0 == "-" }.split(separator: ".")
            let fraction = parts.count == 2 ? String(parts[1]) : ""
            guard let digits = Int128(String(parts.first ?? "") + fraction) else { return nil }
            let shift = exponent - fraction.count + 15
            return Self.shifted(isNegative ? -digits : digits, by: shift)
        default: return nil
        }
    }

    private static func shifted(_ digits: Int128, by shift: Int) -> (Int128, Bool) {
        var (number, isExact) = (digits, true)
        for _ in 0..<min(max(shift, 0), 60) {
            number *= 10
            if abs(number) >= NumberRule.limit { return (number < 0 ? -NumberRule.limit : NumberRule.limit, true) }
        }
        for _ in 0..<min(max(-shift, 0), 60) {
            isExact = isExact && number % 10 == 0
            number = number >= 0 || number % 10 == 0 ? number / 10 : number / 10 - 1
        }
        return (number, isExact)
    }
}
