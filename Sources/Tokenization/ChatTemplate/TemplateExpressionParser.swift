extension TemplateParser {
    private func make(
        _ kind: TemplateExpression.Kind, _ children: [TemplateExpression], line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        let depth = 1 + (children.map(\.depth).max() ?? 0)
        guard depth <= Self.maximumDepth else {
            throw ChatTemplateError(.limit, "an expression has more than \(Self.maximumDepth) levels", line: line)
        }
        return TemplateExpression(kind, line: line, depth: depth)
    }

    private var isTupleEnd: Bool {
        switch current {
        case .outputEnd, .blockEnd, .symbol(")"), .end: true
        default: false
        }
    }

    /// Expressions separated by commas; a single one without comma is itself.
    mutating func parseTuple(
        allowsConditional: Bool = true, isParenthesized: Bool = false
    ) throws(ChatTemplateError) -> TemplateExpression {
        let line = self.line
        var elements: [TemplateExpression] = []
        while !isTupleEnd {
            elements.append(try parseExpression(allowsConditional: allowsConditional))
            if current != .symbol(","), elements.count == 1 { return elements[0] }
            guard skip(.symbol(",")) else { break }
        }
        guard !elements.isEmpty || isParenthesized else { throw unexpected("expected an expression") }
        return try make(.tuple(elements), elements, line: line)
    }

    mutating func parseExpression(allowsConditional: Bool = true) throws(ChatTemplateError) -> TemplateExpression {
        try nested { (parser) throws(ChatTemplateError) in
            allowsConditional ? try parser.parseConditional() : try parser.parseOr()
        }
    }

    private mutating func parseConditional() throws(ChatTemplateError) -> TemplateExpression {
        var value = try parseOr()
        while current == .name("if") {
            let line = self.line
            advance()
            let condition = try parseOr()
            let otherwise = skip(.name("else")) ? try parseExpression() : nil
            value = try make(
                .conditional(value, condition: condition, otherwise: otherwise),
                [value, condition] + (otherwise.map { [$0] } ?? []), line: line)
        }
        return value
    }

    private mutating func parseOr() throws(ChatTemplateError) -> TemplateExpression {
        var left = try parseAnd()
        while current == .name("or") {
            let line = self.line
            advance()
            let right = try parseAnd()
            left = try make(.or(left, right), [left, right], line: line)
        }
        return left
    }

    private mutating func parseAnd() throws(ChatTemplateError) -> TemplateExpression {
        var left = try parseNot()
        while current == .name("and") {
            let line = self.line
            advance()
            let right = try parseNot()
            left = try make(.and(left, right), [left, right], line: line)
        }
        return left
    }

    private mutating func parseNot() throws(ChatTemplateError) -> TemplateExpression {
        guard current == .name("not") else { return try parseComparison() }
        let line = self.line
        advance()
        let value = try nested { (parser) throws(ChatTemplateError) in try parser.parseNot() }
        return try make(.not(value), [value], line: line)
    }

    private mutating func parseComparison() throws(ChatTemplateError) -> TemplateExpression {
        let line = self.line
        let first = try parseSum()
        var operations: [(operation: String, operand: TemplateExpression)] = []
        while true {
            if case .symbol(let symbol) = current, ["==", "!=", "<", "<=", ">", ">="].contains(symbol) {
                advance()
                operations.append((symbol, try parseSum()))
            } else if skip(.name("in")) {
                operations.append(("in", try parseSum()))
            } else if current == .name("not"), next == .name("in") {
                advance()
                advance()
                operations.append(("not in", try parseSum()))
            } else {
                break
            }
        }
        if operations.isEmpty { return first }
        return try make(.comparison(first, operations), [first] + operations.map(\.operand), line: line)
    }

    private mutating func parseChain(
        of symbols: [String], _ operand: (inout TemplateParser) throws(ChatTemplateError) -> TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current, symbols.contains(symbol) {
            let line = self.line
            advance()
            let right = try operand(&self)
            left = try make(.binary(left, symbol, right), [left, right], line: line)
        }
        return left
    }

    private mutating func parseSum() throws(ChatTemplateError) -> TemplateExpression {
        try parseChain(of: ["+", "-"]) { (parser) throws(ChatTemplateError) in try parser.parseConcatenation() }
    }

    private mutating func parseConcatenation() throws(ChatTemplateError) -> TemplateExpression {
        let line = self.line
        var parts = [try parseProduct()]
        while skip(.symbol("~")) { parts.append(try parseProduct()) }
        return parts.count == 1 ? parts[0] : try make(.concatenation(parts), parts, line: line)
    }

    private mutating func parseProduct() throws(ChatTemplateError) -> TemplateExpression {
        try parseChain(of: ["*", "/", "//", "%"]) { (parser) throws(ChatTemplateError) in
            try parser.parseChain(of: ["**"]) { (parser) throws(ChatTemplateError) in try parser.parseUnary() }
        }
    }

    private mutating func parseUnary(withFilters: Bool = true) throws(ChatTemplateError) -> TemplateExpression {
        let line = self.line
        var value: TemplateExpression
        if current == .symbol("-") || current == .symbol("+") {
            let isNegative = current == .symbol("-")
            advance()
            value = try nested { (parser) throws(ChatTemplateError) in try parser.parseUnary(withFilters: false) }
            value = try make(isNegative ? .negative(value) : .positive(value), [value], line: line)
        } else {
            value = try parsePrimary()
        }
        value = try parsePostfix(value)
        return withFilters ? try parseFiltersAndTests(value) : value
    }

    private mutating func parsePrimary() throws(ChatTemplateError) -> TemplateExpression {
        let line = self.line
        switch current {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return try make(.bool(true), [], line: line)
            case "false", "False": return try make(.bool(false), [], line: line)
            case "none", "None": return try make(.none, [], line: line)
            default:
                if ["varargs", "kwargs", "caller"].contains(name) { specialNames.insert(name) }
                return try make(.name(name), [], line: line)
            }
        case .string(var text):
            advance()
            while case .string(let more) = current {
                text += more
                advance()
            }
            return try make(.string(text), [], line: line)
        case .integer(let value):
            advance()
            return try make(.integer(value), [], line: line)
        case .double(let value):
            advance()
            return try make(.double(value), [], line: line)
        case .symbol("("):
            advance()
            let value = try nested { (parser) throws(ChatTemplateError) in try parser.parseTuple(isParenthesized: true)
            }
            try expect(.symbol(")"))
            return value
        case .symbol("["):
            advance()
            let elements = try parseElements(until: "]") { (parser) throws(ChatTemplateError) in
                try parser.parseExpression()
            }
            return try make(.list(elements), elements, line: line)
        case .symbol("{"):
            advance()
            let pairs = try parseElements(until: "}") { (parser) throws(ChatTemplateError) in
                let key = try parser.parseExpression()
                try parser.expect(.symbol(":"))
                return (key: key, value: try parser.parseExpression())
            }
            return try make(.dictionary(pairs), pairs.flatMap { [$0.key, $0.value] }, line: line)
        default: throw unexpected("expected an expression")
        }
    }

    /// Elements separated by commas, a trailing comma included, and the closing symbol.
    private mutating func parseElements<T>(
        until close: String, _ element: (inout TemplateParser) throws(ChatTemplateError) -> T
    ) throws(ChatTemplateError) -> [T] {
        var elements: [T] = []
        while current != .symbol(close) {
            if !elements.isEmpty {
                try expect(.symbol(","))
                if current == .symbol(close) { break }
            }
            elements.append(try element(&self))
        }
        advance()
        return elements
    }

    private mutating func parsePostfix(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateExpression
    {
        var value = expression
        while true {
            let line = self.line
            if skip(.symbol(".")) {
                if case .integer(let index) = current {
                    advance()
                    value = try make(.item(value, try make(.integer(index), [], line: line)), [value], line: line)
                } else {
                    value = try make(.attribute(value, try expectName()), [value], line: line)
                }
            } else if skip(.symbol("[")) {
                value = try parseSubscript(of: value, line: line)
            } else if current == .symbol("(") {
                let arguments = try parseArguments()
                value = try make(.call(value, arguments), [value] + arguments.all, line: line)
            } else {
                return value
            }
        }
    }

    private mutating func parseSubscript(
        of value: TemplateExpression, line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        var parts: [TemplateExpression?] = [nil]
        while true {
            if skip(.symbol(":")) {
                parts.append(nil)
                if parts.count > 3 { throw ChatTemplateError(.syntax, "a slice has at most two colons", line: line) }
            } else if skip(.symbol("]")) {
                break
            } else {
                guard parts[parts.count - 1] == nil else { throw unexpected("expected ':' or ']'") }
                parts[parts.count - 1] = try parseExpression()
            }
        }
        let children = [value] + parts.compactMap { $0 }
        if parts.count == 1 {
            guard let index = parts[0] else { throw unexpected("expected an index before ']'") }
            return try make(.item(value, index), children, line: line)
        }
        let step = parts.count > 2 ? parts[2] : nil
        return try make(.slice(value, start: parts[0], stop: parts[1], step: step), children, line: line)
    }

    private mutating func parseArguments() throws(ChatTemplateError) -> CallSyntax {
        try expect(.symbol("("))
        var call = CallSyntax()
        while current != .symbol(")") {
            if !call.positional.isEmpty || !call.named.isEmpty || call.spread != nil || call.spreadNamed != nil {
                try expect(.symbol(","))
                if current == .symbol(")") { break }
            }
            let line = self.line
            if skip(.symbol("*")), call.spread == nil, call.spreadNamed == nil {
                call.spread = try parseExpression()
            } else if skip(.symbol("**")), call.spreadNamed == nil {
                call.spreadNamed = try parseExpression()
            } else if case .name(let name) = current, next == .symbol("="), call.spreadNamed == nil {
                advance()
                advance()
                call.named.append((name, try parseExpression()))
            } else if call.named.isEmpty, call.spread == nil, call.spreadNamed == nil {
                call.positional.append(try parseExpression())
            } else {
                throw ChatTemplateError(
                    .syntax, "arguments are out of order: positional, named, *list, **mapping", line: line)
            }
        }
        advance()
        return call
    }

    /// A filter's or test's dotted name.
    private mutating func parseDottedName() throws(ChatTemplateError) -> String {
        var name = try expectName()
        while skip(.symbol(".")) { name += "." + (try expectName()) }
        return name
    }

    mutating func parseFilterCall() throws(ChatTemplateError) -> (String, CallSyntax) {
        let name = try parseDottedName()
        if conditions == 0, !TemplateFilters.names.contains(name) {
            throw ChatTemplateError(.unsupported, "the filter '\(name.prefix(60))' is not supported", line: line)
        }
        return (name, current == .symbol("(") ? try parseArguments() : CallSyntax())
    }

    private mutating func parseFiltersAndTests(
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        var value = expression
        while true {
            let line = self.line
            if skip(.symbol("|")) {
                let (name, arguments) = try parseFilterCall()
                value = try make(.filter(value, name, arguments), [value] + arguments.all, line: line)
            } else if skip(.name("is")) {
                value = try parseTest(of: value, line: line)
            } else if current == .symbol("(") {
                let arguments = try parseArguments()
                value = try make(.call(value, arguments), [value] + arguments.all, line: line)
            } else {
                return value
            }
        }
    }

    private mutating func parseTest(
        of value: TemplateExpression, line: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        let isNegated = skip(.name("not"))
        let name = try parseDottedName()
        if conditions == 0, !TemplateTests.names.contains(name) {
            throw ChatTemplateError(.unsupported, "the test '\(name.prefix(60))' is not supported", line: line)
        }
        var arguments = CallSyntax()
        switch current {
        case .symbol("("): arguments = try parseArguments()
        case .name("else"), .name("or"), .name("and"), .name("if"), .name("in"), .name("not"): break
        case .name("is"): throw ChatTemplateError(.syntax, "tests with 'is' can't be chained", line: line)
        case .name, .string, .integer, .double, .symbol("["), .symbol("{"):
            let operand = try nested { (parser) throws(ChatTemplateError) in
                try parser.parsePostfix(try parser.parsePrimary())
            }
            arguments.positional = [operand]
        default: break
        }
        let test = try make(.test(value, name, arguments), [value] + arguments.all, line: line)
        return isNegated ? try make(.not(test), [test], line: line) : test
    }
}
