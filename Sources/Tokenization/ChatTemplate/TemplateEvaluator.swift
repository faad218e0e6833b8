/// Evaluated arguments of a call, filter or test.
struct TemplateArguments {
    var positional: [TemplateValue] = []
    var named: [(name: String, value: TemplateValue)] = []

    /// The arguments in the order of the given parameter names; nil where one was not given.
    func bind(_ owner: String, _ parameters: String..., required: Int = 0) throws(ChatTemplateError) -> [TemplateValue?]
    {
        guard positional.count <= parameters.count else {
            throw ChatTemplateError(
                .type, "\(owner) takes at most \(parameters.count) arguments, got \(positional.count)")
        }
        var values: [TemplateValue?] = positional
        values += Array(repeating: nil, count: parameters.count - positional.count)
        for (name, value) in named {
            guard let place = parameters.firstIndex(of: name) else {
                throw ChatTemplateError(.type, "\(owner) got an unexpected keyword argument '\(name)'")
            }
            guard values[place] == nil else {
                throw ChatTemplateError(.type, "\(owner) got multiple values for argument '\(name)'")
            }
            values[place] = value
        }
        for place in 0..<required where values[place] == nil {
            throw ChatTemplateError(.type, "\(owner) needs the argument '\(parameters[place])'")
        }
        return values
    }
}

extension TemplateInterpreter {
    /// Evaluates an expression.
    func evaluate(_ expression: TemplateExpression, in scope: Scope) throws(ChatTemplateError) -> TemplateValue {
        try charge()
        switch expression.kind {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .integer(let value): return .integer(value)
        case .double(let value): return .double(value)
        case .string(let value): return .string(value)
        case .name(let name): return lookUp(name, in: scope)
        default: break
        }
        let value = try nested { () throws(ChatTemplateError) in
            line = expression.line
            return try evaluateCompound(expression, in: scope)
        }
        line = expression.line
        return value
    }

    private func evaluateCompound(
        _ expression: TemplateExpression, in scope: Scope
    ) throws(ChatTemplateError) -> TemplateValue {
        switch expression.kind {
        case .attribute(let owner, let name): return try attribute(name, of: try evaluate(owner, in: scope))
        case .item(let owner, let key):
            return try item(try evaluate(key, in: scope), of: try evaluate(owner, in: scope))
        case .call(let callee, let arguments):
            return try call(try evaluate(callee, in: scope), try evaluate(arguments, in: scope))
        case .filter(let value, let name, let arguments):
            return try applyFilter(name, to: try evaluate(value, in: scope), try evaluate(arguments, in: scope))
        case .test(let value, let name, let arguments):
            return .bool(try applyTest(name, to: try evaluate(value, in: scope), try evaluate(arguments, in: scope)))
        case .not(let value): return .bool(!(try evaluate(value, in: scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? try evaluate(right, in: scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? value : try evaluate(right, in: scope)
        case .conditional(let value, let condition, let otherwise):
            if try evaluate(condition, in: scope).isTrue { return try evaluate(value, in: scope) }
            guard let otherwise else {
                return .undefined("the inline if-expression evaluated to false and no else section was defined")
            }
            return try evaluate(otherwise, in: scope)
        case .binary(let left, let operation, let right):
            return try calculate(try evaluate(left, in: scope), operation, try evaluate(right, in: scope))
        case .comparison(let first, let operations): return try evaluateComparison(first, operations, in: scope)
        default: return try evaluateLiteral(expression, in: scope)
        }
    }

    /// Containers, slices and the rarer operators.
    private func evaluateLiteral(
        _ expression: TemplateExpression, in scope: Scope
    ) throws(ChatTemplateError) -> TemplateValue {
        switch expression.kind {
        case .list(let elements): return .list(try TemplateElements(try evaluateAll(elements, in: scope)))
        case .tuple(let elements): return .tuple(try TemplateElements(try evaluateAll(elements, in: scope)))
        case .dictionary(let pairs):
            var values: [(TemplateValue, TemplateValue)] = []
            for pair in pairs {
                values.append((try evaluate(pair.key, in: scope), try evaluate(pair.value, in: scope)))
            }
            return .dictionary(try TemplateDictionary(values))
        case .slice(let owner, let start, let stop, let step):
            var bounds: [TemplateValue] = []
            for bound in [start, stop, step] {
                if let bound { bounds.append(try evaluate(bound, in: scope)) } else { bounds.append(.none) }
            }
            return try slice(try evaluate(owner, in: scope), bounds)
        case .negative(let value): return try negate(try evaluate(value, in: scope))
        case .positive(let value):
            let number = try evaluate(value, in: scope)
            if case .double = number { return number }
            guard let integer = number.asInteger else {
                throw ChatTemplateError(.type, "bad operand type for unary +: '\(number.typeName)'")
            }
            return .integer(integer)
        case .concatenation(let parts):
            var result = ""
            for part in parts {
                let text = try text(of: try evaluate(part, in: scope))
                try charge(bytes: text.utf8.count, total: result.utf8.count + text.utf8.count)
                result += text
            }
            return .string(result)
        default: throw ChatTemplateError(.unsupported, "an expression of this form is not supported")
        }
    }

    private func evaluateAll(
        _ expressions: [TemplateExpression], in scope: Scope
    ) throws(ChatTemplateError) -> [TemplateValue] {
        var values: [TemplateValue] = []
        for expression in expressions { values.append(try evaluate(expression, in: scope)) }
        return values
    }

    private func evaluateComparison(
        _ first: TemplateExpression, _ operations: [(operation: String, operand: TemplateExpression)], in scope: Scope
    ) throws(ChatTemplateError) -> TemplateValue {
        var left = try evaluate(first, in: scope)
        for (operation, operand) in operations {
            let right = try evaluate(operand, in: scope)
            guard try compare(left, operation, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    /// Evaluates the arguments of a call, `*list` and `**mapping` included.
    func evaluate(_ call: CallSyntax, in scope: Scope) throws(ChatTemplateError) -> TemplateArguments {
        var arguments = TemplateArguments()
        for argument in call.positional { arguments.positional.append(try evaluate(argument, in: scope)) }
        for (name, value) in call.named { arguments.named.append((name, try evaluate(value, in: scope))) }
        if let spread = call.spread {
            arguments.positional += try elements(of: try evaluate(spread, in: scope)).values
        }
        if let spread = call.spreadNamed {
            guard case .dictionary(let dictionary) = try evaluate(spread, in: scope) else {
                throw ChatTemplateError(.type, "the argument after ** must be a mapping")
            }
            try charge(dictionary.count)
            for (key, value) in dictionary.pairs {
                guard case .string(let name) = key else { throw ChatTemplateError(.type, "keywords must be strings") }
                arguments.named.append((name, value))
            }
        }
        return arguments
    }

    /// Calls a macro, function or method.
    func call(_ callee: TemplateValue, _ arguments: TemplateArguments) throws(ChatTemplateError) -> TemplateValue {
        switch callee {
        case .macro(let number): return try callMacro(number, arguments)
        case .function(let name): return try callFunction(name, arguments)
        case .method(let method): return try callMethod(method, arguments)
        case .undefined(let message): throw ChatTemplateError(.undefined, message)
        default: throw ChatTemplateError(.type, "'\(callee.typeName)' object is not callable")
        }
    }
}
