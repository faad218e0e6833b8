/// The tests after `is`.
enum TemplateTests {
    /// The names that are implemented.
    static let names: Set<String> = [
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping",
        "iterable", "sequence", "callable", "lower", "upper", "odd", "even", "divisibleby", "in", "sameas", "filter",
        "test", "==", "eq", "equalto", "!=", "ne", "<", "lt", "lessthan", "<=", "le", ">", "gt", "greaterthan", ">=",
        "ge",
    ]

    /// Names of comparisons and the operators they stand for.
    static let comparisons: [String: String] = [
        "==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", "<": "<", "lt": "<", "lessthan": "<",
        "<=": "<=", "le": "<=", ">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=", "in": "in",
    ]
}

extension TemplateInterpreter {
    /// `value is name(arguments)`
    func applyTest(
        _ name: String, to value: TemplateValue, _ arguments: TemplateArguments
    ) throws(ChatTemplateError) -> Bool {
        if let operation = TemplateTests.comparisons[name] {
            let bound = try arguments.bind("test '\(name)'", "other", required: 1)
            return try compare(value, operation, bound[0] ?? .none)
        }
        switch name {
        case "sameas":
            return try isSame(value, try arguments.bind("test 'sameas'", "other", required: 1)[0] ?? .none)
        case "divisibleby":
            let divisor = try arguments.bind("test 'divisibleby'", "num", required: 1)[0] ?? .none
            return !(try calculate(value, "%", divisor).isTrue)
        default:
            _ = try arguments.bind("test '\(name)'")
            return try applySimpleTest(name, to: value)
        }
    }

    private func applySimpleTest(_ name: String, to value: TemplateValue) throws(ChatTemplateError) -> Bool {
        switch (name, value) {
        case ("defined", _): return !value.isUndefined
        case ("undefined", _): return value.isUndefined
        case ("none", .none), ("boolean", .bool), ("true", .bool(true)), ("false", .bool(false)), ("integer", .integer),
            ("float", .double), ("string", .string), ("mapping", .dictionary):
            return true
        case ("none", _), ("boolean", _), ("true", _), ("false", _), ("integer", _), ("float", _), ("string", _),
            ("mapping", _):
            return false
        case ("number", _): return value.asDouble != nil
        case ("iterable", _): return isIterable(value)
        case ("sequence", .string), ("sequence", .dictionary), ("sequence", .undefined): return true
        case ("sequence", _): return value.sequence != nil
        case ("callable", .macro), ("callable", .function), ("callable", .method), ("callable", .undefined): return true
        case ("callable", _): return false
        case ("lower", _), ("upper", _):
            let text = try self.text(of: value)
            try charge(bytes: text.utf8.count)
            let cased = text.unicodeScalars.filter(\.properties.isCased)
            return !cased.isEmpty
                && cased.allSatisfy { name == "lower" ? $0.properties.isLowercase : $0.properties.isUppercase }
        case ("odd", _): return try compare(try calculate(value, "%", .integer(2)), "==", .integer(1))
        case ("even", _): return !(try calculate(value, "%", .integer(2)).isTrue)
        case ("filter", .string(let filter)): return TemplateFilters.names.contains(filter)
        case ("test", .string(let test)): return TemplateTests.names.contains(test)
        case ("filter", _), ("test", _): return false
        default: throw ChatTemplateError(.unsupported, "the test '\(name.prefix(60))' is not supported")
        }
    }

    private func isIterable(_ value: TemplateValue) -> Bool {
        switch value {
        case .string, .list, .tuple, .range, .generator, .view, .dictionary, .undefined, .loop: true
        default: false
        }
    }

    private func isSame(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
        guard left.typeName == right.typeName else { return false }
        return try equal(left, right)
    }
}
