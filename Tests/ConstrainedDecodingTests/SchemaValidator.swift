import OrderedJSON
import RegularExpressions

/// Says what a schema's words say, value by value, and knows nothing of how answers are written.
struct SchemaValidator {
    let document: JSONValue

    func accepts(_ value: JSONValue) throws -> Bool { try accepts(value, document) }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) throws -> Bool {
        if let flag = schema.boolValue { return flag }
        guard let schema = schema.objectValue else { return false }
        if let reference = schema["$ref"]?.stringValue {
            var target = document
            for part in reference.dropFirst(2).split(separator: "/") {
                target = target[String(part)] ?? Int(part).flatMap { target[$0] } ?? false
            }
            guard try accepts(value, target) else { return false }
        }
        if let choices = schema["anyOf"]?.arrayValue, try !choices.contains(where: { try accepts(value, $0) }) {
            return false
        }
        if let all = schema["allOf"]?.arrayValue, try !all.allSatisfy({ try accepts(value, $0) }) { return false }
        if let constant = schema["const"], !equal(constant, value) { return false }
        if let values = schema["enum"]?.arrayValue, !values.contains(where: { equal($0, value) }) { return false }
        if let type = schema["type"] {
            let types = (type.arrayValue ?? [type]).compactMap(\.stringValue)
            guard types.contains(where: { isOf(value, $0) }) else { return false }
        }
        switch value {
        case .string(let text): return try accepts(text: text, schema)
        case .integer, .double: return accepts(number: value.doubleValue ?? .nan, schema)
        case .array(let elements): return try accepts(elements: elements, schema)
        case .object(let object): return try accepts(object: object, schema)
        default: return true
        }
    }

    private func equal(_ one: JSONValue, _ other: JSONValue) -> Bool {
        if let one = one.doubleValue, let other = other.doubleValue { return one == other }
        if let one = one.arrayValue, let other = other.arrayValue {
            return one.count == other.count && zip(one, other).allSatisfy { equal($0, $1) }
        }
        if let one = one.objectValue, let other = other.objectValue {
            return Set(one.keys) == Set(other.keys)
                && one.keys.allSatisfy { equal(one[$0] ?? .null, other[$0] ?? .null) }
        }
        return one == other
    }

    private func isOf(_ value: JSONValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object): true
        case ("number", .integer), ("number", .double), ("integer", .integer): true
        case ("integer", .double(let number)): number == number.rounded()
        default: false
        }
    }

    private func accepts(text: String, _ schema: JSONObject) throws -> Bool {
        let count = text.unicodeScalars.count
        if let least = schema["minLength"]?.intValue, count < least { return false }
        if let most = schema["maxLength"]?.intValue, count > most { return false }
        guard let source = schema["pattern"]?.stringValue else { return true }
        return try Pattern(source, options: .asciiOnly).firstMatch(in: text) != nil
    }

    private func accepts(number: Double, _ schema: JSONObject) -> Bool {
        if let low = schema["minimum"]?.doubleValue, number < low { return false }
        if let high = schema["maximum"]?.doubleValue, number > high { return false }
        if let low = schema["exclusiveMinimum"]?.doubleValue, number <= low { return false }
        if let high = schema["exclusiveMaximum"]?.doubleValue, number >= high { return false }
        return true
    }

    private func accepts(elements: [JSONValue], _ schema: JSONObject) throws -> Bool {
        if let least = schema["minItems"]?.intValue, elements.count < least { return false }
        if let most = schema["maxItems"]?.intValue, elements.count > most { return false }
        let prefix = schema["prefixItems"]?.arrayValue ?? []
        for (index, element) in elements.enumerated() {
            let schema = index < prefix.count ? prefix[index] : schema["items"] ?? true
            guard try accepts(element, schema) else { return false }
        }
        return true
    }

    private func accepts(object: JSONObject, _ schema: JSONObject) throws -> Bool {
        for name in schema["required"]?.arrayValue ?? [] where object[name.stringValue ?? ""] == nil { return false }
        let properties = schema["properties"]?.objectValue ?? [:]
        for (key, value) in object {
            guard try accepts(value, properties[key] ?? schema["additionalProperties"] ?? true) else { return false }
        }
        return true
    }
}
