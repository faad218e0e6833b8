extension TemplateInterpreter {
    /// `-value`
    func negate(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateValue {
        if case .double(let number) = value { return .double(-number) }
        guard let integer = value.asInteger else { throw failure("unary -", value) }
        return .integer(try checked(0.subtractingReportingOverflow(integer), "-"))
    }

    /// Arithmetic as Python does it; integers that leave 64 bits are an error.
    func calculate(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue
    ) throws(ChatTemplateError) -> TemplateValue {
        for case .undefined(let message) in [left, right] { throw ChatTemplateError(.undefined, message) }
        if let left = left.asInteger, let right = right.asInteger { return try calculate(left, operation, right) }
        if let left = left.asDouble, let right = right.asDouble { return try calculate(left, operation, right) }
        switch (operation, left, right) {
        case ("+", .string(let first), .string(let second)):
            try charge(bytes: first.utf8.count + second.utf8.count)
            return .string(first + second)
        case ("+", .list(let first), .list(let second)):
            try charge(first.values.count + second.values.count)
            return .list(try TemplateElements(first.values + second.values))
        case ("+", .tuple(let first), .tuple(let second)):
            try charge(first.values.count + second.values.count)
            return .tuple(try TemplateElements(first.values + second.values))
        case ("+", .string, _):
            throw ChatTemplateError(.type, "can only concatenate str (not \"\(right.typeName)\") to str")
        case ("*", _, _):
            if let count = right.asInteger { return try repeated(left, count) }
            if let count = left.asInteger { return try repeated(right, count) }
        case ("%", .string(let format), _):
            var arguments = [right]
            if case .tuple(let elements) = right { arguments = elements.values }
            return .string(try formatPercent(format, arguments))
        default: break
        }
        throw failure(operation, left, right)
    }

    private func failure(_ operation: String, _ values: TemplateValue...) -> ChatTemplateError {
        for case .undefined(let message) in values { return ChatTemplateError(.undefined, message) }
        let types = values.map { "'\($0.typeName)'" }.joined(separator: " and ")
        return ChatTemplateError(.type, "unsupported operand type(s) for \(operation): \(types)")
    }

    private func repeated(_ value: TemplateValue, _ count: Int) throws(ChatTemplateError) -> TemplateValue {
        let count = max(count, 0)
        switch value {
        case .string(let text):
            let (bytes, isTooMuch) = text.utf8.count.multipliedReportingOverflow(by: count)
            try charge(bytes: isTooMuch ? Int.max : bytes)
            return .string(String(repeating: text, count: count))
        case .list(let elements), .tuple(let elements):
            let (size, isTooMuch) = elements.values.count.multipliedReportingOverflow(by: count)
            try charge(isTooMuch ? Int.max : size)
            guard size > 0 else { return try rewrapped(value, []) }
            var values: [TemplateValue] = []
            values.reserveCapacity(size)
            for _ in 0..<count { values += elements.values }
            return try rewrapped(value, values)
        default: throw failure("*", value, .integer(count))
        }
    }

    /// A list or tuple, as `original` is one, of other values.
    func rewrapped(_ original: TemplateValue, _ values: [TemplateValue]) throws(ChatTemplateError) -> TemplateValue {
        if case .tuple = original { return .tuple(try TemplateElements(values)) }
        return .list(try TemplateElements(values))
    }

    private func checked(_ result: (Int, Bool), _ operation: String) throws(ChatTemplateError) -> Int {
        guard !result.1 else { throw ChatTemplateError(.limit, "the result of '\(operation)' does not fit 64 bits") }
        return result.0
    }

    private func calculate(_ left: Int, _ operation: String, _ right: Int) throws(ChatTemplateError) -> TemplateValue {
        switch operation {
        case "+": return .integer(try checked(left.addingReportingOverflow(right), operation))
        case "-": return .integer(try checked(left.subtractingReportingOverflow(right), operation))
        case "*": return .integer(try checked(left.multipliedReportingOverflow(by: right), operation))
        case "**" where right < 0: return try calculate(Double(left), operation, Double(right))
        case "**": return .integer(try power(left, right))
        default: break
        }
        guard right != 0 else { throw ChatTemplateError(.type, "division by zero") }
        if operation == "/" { return .double(Double(left) / Double(right)) }
        let quotient = try checked(left.dividedReportingOverflow(by: right), operation)
        let remainder = left - quotient * right
        // Python rounds towards minus infinity.
        let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
        if operation == "//" { return .integer(isBelow ? quotient - 1 : quotient) }
        return .integer(isBelow ? remainder + right : remainder)
    }

    private func power(_ base: Int, _ exponent: Int) throws(ChatTemplateError) -> Int {
        if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
        if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
        guard exponent < 64 else { throw ChatTemplateError(.limit, "the result of '**' does not fit 64 bits") }
        var result = 1
        for _ in 0..<exponent { result = try checked(result.multipliedReportingOverflow(by: base), "**") }
        return result
    }

    private func calculate(
        _ left: Double, _ operation: String, _ right: Double
    ) throws(ChatTemplateError) -> TemplateValue {
        switch operation {
        case "+": return .double(left + right)
        case "-": return .double(left - right)
        case "*": return .double(left * right)
        case "**": return .double(try PythonNumber.power(left, right))
        default: break
        }
        guard right != 0 else { throw ChatTemplateError(.type, "float division by zero") }
        if operation == "/" { return .double(left / right) }
        var remainder = left.truncatingRemainder(dividingBy: right)
        if remainder != 0, (remainder < 0) != (right < 0) { remainder += right }
        if operation == "%" { return .double(remainder == 0 ? (right < 0 ? -0.0 : 0.0) : remainder) }
        return .double(((left - remainder) / right).rounded())
    }

    // MARK: - Comparison

    /// `==`, `<`, `in` and the others.
    func compare(
        _ left: TemplateValue, _ operation: String, _ right: TemplateValue
    ) throws(ChatTemplateError) -> Bool {
        switch operation {
        case "==": return try equal(left, right)
        case "!=": return !(try equal(left, right))
        case "in": return try contains(right, left)
        case "not in": return !(try contains(right, left))
        case "<": return try precedes(left, right, operation)
        case ">": return try precedes(right, left, operation)
        case "<=":
            if let left = left.asDouble, let right = right.asDouble, left.isNaN || right.isNaN { return false }
            return !(try precedes(right, left, operation))
        default:
            if let left = left.asDouble, let right = right.asDouble, left.isNaN || right.isNaN { return false }
            return !(try precedes(left, right, operation))
        }
    }

    /// `left == right`
    func equal(_ left: TemplateValue, _ right: TemplateValue) throws(ChatTemplateError) -> Bool {
        try charge()
        if let left = left.asInteger, let right = right.asInteger { return left == right }
        if let left = left.asDouble, let right = right.asDouble { return left == right }
        switch (left, right) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)):
            guard left.utf8.count == right.utf8.count else { return false }
            try charge(bytes: left.utf8.count)
            return PythonText.equal(left, right)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)),
            (.range(let left), .range(let right)):
            guard left.values.count == right.values.count else { return false }
            for (first, second) in zip(left.values, right.values) where !(try equal(first, second)) { return false }
            return true
        case (.dictionary(let left), .dictionary(let right)):
            guard left.count == right.count else { return false }
            for (key, value) in left.pairs {
                guard let other = right[key], try equal(value, other) else { return false }
            }
            return true
        case (.namespace(let left), .namespace(let right)), (.macro(let left), .macro(let right)): return left == right
        case (.function(let left), .function(let right)): return left == right
        default: return false
        }
    }

    /// `left < right`
    func precedes(
        _ left: TemplateValue, _ right: TemplateValue, _ operation: String = "<"
    ) throws(ChatTemplateError) -> Bool {
        try charge()
        if let left = left.asInteger, let right = right.asInteger { return left < right }
        if let left = left.asDouble, let right = right.asDouble { return left < right }
        switch (left, right) {
        case (.string(let left), .string(let right)):
            try charge(bytes: min(left.utf8.count, right.utf8.count))
            return PythonText.precedes(left, right)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (first, second) in zip(left.values, right.values) where !(try equal(first, second)) {
                return try precedes(first, second, operation)
            }
            return left.values.count < right.values.count
        default:
            for case .undefined(let message) in [left, right] { throw ChatTemplateError(.undefined, message) }
            throw ChatTemplateError(
                .type, "'\(operation)' not supported between instances of '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    /// `value in container`
    func contains(_ container: TemplateValue, _ value: TemplateValue) throws(ChatTemplateError) -> Bool {
        switch container {
        case .string(let text):
            if case .undefined(let message) = value { throw ChatTemplateError(.undefined, message) }
            guard case .string(let part) = value else {
                throw ChatTemplateError(
                    .type, "'in <string>' requires string as left operand, not \(value.typeName)")
            }
            return try find(part, in: text) != nil
        case .dictionary(let dictionary):
            if case .undefined = value { return false }
            _ = try TemplateDictionary.Key(value)
            return dictionary[value] != nil
        case .none, .bool, .integer, .double, .namespace, .macro, .function, .method:
            throw ChatTemplateError(.type, "argument of type '\(container.typeName)' is not iterable")
        default:
            for element in try elements(of: container).values where try equal(element, value) { return true }
            return false
        }
    }

    /// What a loop over the value walks through.
    func elements(of value: TemplateValue) throws(ChatTemplateError) -> TemplateElements {
        switch value {
        case .list(let elements), .tuple(let elements), .range(let elements), .generator(let elements),
            .view(_, let elements):
            try charge(elements.values.count)
            return elements
        case .string(let text):
            try charge(text.utf8.count)
            return TemplateElements(scalars: text.unicodeScalars.map { .string(String($0)) })
        case .dictionary(let dictionary):
            try charge(dictionary.count)
            return try TemplateElements(dictionary.keys)
        case .undefined: return TemplateElements(scalars: [])
        default: throw ChatTemplateError(.type, "'\(value.typeName)' object is not iterable")
        }
    }
}
