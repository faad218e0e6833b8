/// Parses the statements of a template; the expressions are in the extension of `TemplateExpressionParser.swift`.
struct TemplateParser {
    /// How deep blocks and parentheses may be nested.
    static let maximumNesting = 64
    /// How deep an expression's tree may be; `a + b + c …` is one level deeper with each operator.
    static let maximumDepth = 200

    private let tokens: [LocatedToken]
    private var position = 0
    /// The line of the statement that was begun last.
    private var tagLine = 1
    var nesting = 0
    /// How many conditions surround this place. As in Jinja, an unknown filter or test inside a condition is an error only
    /// when it is reached.
    var conditions = 0
    var loops = 0
    /// Names that the macro being parsed reads.
    var specialNames: Set<String> = []

    /// Parses a whole template.
    static func parse(_ text: String) throws(ChatTemplateError) -> [TemplateStatement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: text))
        do throws(ChatTemplateError) {
            return try parser.parseBody(until: [], of: "template")
        } catch { throw error.located(at: parser.line) }
    }

    private init(tokens: [LocatedToken]) { self.tokens = tokens }

    // MARK: - Tokens

    var current: TemplateToken { position < tokens.count ? tokens[position].token : .end }
    var next: TemplateToken { position + 1 < tokens.count ? tokens[position + 1].token : .end }
    var line: Int { tokens.isEmpty ? 1 : tokens[min(position, tokens.count - 1)].line }

    mutating func advance() { position += 1 }

    mutating func skip(_ token: TemplateToken) -> Bool {
        guard current == token else { return false }
        advance()
        return true
    }

    mutating func expect(_ token: TemplateToken) throws(ChatTemplateError) {
        guard skip(token) else { throw unexpected("expected \(token.spelling)") }
    }

    mutating func expectName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current else { throw unexpected("expected a name") }
        advance()
        return name
    }

    func unexpected(_ expectation: String) -> ChatTemplateError {
        ChatTemplateError(.syntax, "\(expectation), got \(current.spelling)", line: line)
    }

    /// Runs a part of the parser one level deeper.
    mutating func nested<T>(_ body: (inout TemplateParser) throws(ChatTemplateError) -> T) throws(ChatTemplateError)
        -> T
    {
        guard nesting < Self.maximumNesting else {
            throw ChatTemplateError(.limit, "nested deeper than \(Self.maximumNesting) levels", line: line)
        }
        nesting += 1
        defer { nesting -= 1 }
        return try body(&self)
    }

    // MARK: - Statements

    /// Parses statements up to one of the given tags, whose name becomes the current token.
    private mutating func parseBody(until ends: [String], of tag: String) throws(ChatTemplateError)
        -> [TemplateStatement]
    {
        let start = tagLine
        var statements: [TemplateStatement] = []
        while true {
            let line = self.line
            switch current {
            case .data(let text):
                advance()
                statements.append(TemplateStatement(kind: .text(text), line: line))
            case .outputBegin:
                advance()
                let value = try parseTuple()
                try expect(.outputEnd)
                statements.append(TemplateStatement(kind: .output([value]), line: line))
            case .blockBegin:
                tagLine = line
                advance()
                guard case .name(let name) = current else { throw unexpected("expected the name of a statement") }
                if ends.contains(name) { return statements }
                advance()
                let kind = try nested { (parser) throws(ChatTemplateError) in
                    try parser.parseStatement(name, ends: ends)
                }
                statements.append(TemplateStatement(kind: kind, line: line))
            case .end:
                guard ends.isEmpty else {
                    throw ChatTemplateError(
                        .syntax, "the template ends inside '\(tag)': expected \(ends.joined(separator: " or "))",
                        line: start)
                }
                return statements
            default: throw unexpected("expected text or a tag")
            }
        }
    }

    /// Parses the body of a block and its end tag.
    private mutating func parseBlock(_ tag: String) throws(ChatTemplateError) -> [TemplateStatement] {
        _ = skip(.symbol(":"))
        try expect(.blockEnd)
        let body = try parseBody(until: ["end" + tag], of: tag)
        advance()
        try expect(.blockEnd)
        return body
    }

    private mutating func parseStatement(
        _ name: String, ends: [String]
    ) throws(ChatTemplateError) -> TemplateStatement.Kind {
        switch name {
        case "if": return try parseIf()
        case "for": return try parseFor()
        case "set": return try parseSet()
        case "macro": return try parseMacro()
        case "call": return try parseCallBlock()
        case "with": return try parseWith()
        case "generation": return .generation(try parseBlock("generation"))
        case "filter":
            let filters = try parseFilters(isInline: true)
            return .filterBlock(filters, body: try parseBlock("filter"))
        case "print":
            let value = try parseTuple()
            try expect(.blockEnd)
            return .output([value])
        case "break", "continue":
            guard loops > 0 else { throw ChatTemplateError(.syntax, "'\(name)' outside of a loop", line: line) }
            try expect(.blockEnd)
            return name == "break" ? .breakLoop : .continueLoop
        case "elif", "else", "endif", "endfor", "endset", "endmacro", "endcall", "endwith", "endfilter",
            "endgeneration",
            "endraw":
            let expectation = ends.isEmpty ? "no block is open" : "expected \(ends.joined(separator: " or "))"
            throw ChatTemplateError(.syntax, "unexpected '\(name)': \(expectation)", line: line)
        default:
            throw ChatTemplateError(.unsupported, "the statement '\(name.prefix(60))' is not supported", line: line)
        }
    }

    private mutating func parseIf() throws(ChatTemplateError) -> TemplateStatement.Kind {
        conditions += 1
        defer { conditions -= 1 }
        var branches: [(test: TemplateExpression, body: [TemplateStatement])] = []
        while true {
            let test = try parseTuple(allowsConditional: false)
            _ = skip(.symbol(":"))
            try expect(.blockEnd)
            branches.append((test, try parseBody(until: ["elif", "else", "endif"], of: "if")))
            if skip(.name("elif")) { continue }
            var otherwise: [TemplateStatement] = []
            if skip(.name("else")) {
                otherwise = try parseBlock("if")
            } else {
                advance()
                try expect(.blockEnd)
            }
            return .condition(branches, otherwise: otherwise)
        }
    }

    private mutating func parseFor() throws(ChatTemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(isLoop: true)
        try expect(.name("in"))
        let iterable = try parseTuple(allowsConditional: false)
        let filter = skip(.name("if")) ? try parseExpression() : nil
        if current == .name("recursive") {
            throw ChatTemplateError(.unsupported, "recursive loops are not supported", line: line)
        }
        _ = skip(.symbol(":"))
        try expect(.blockEnd)
        loops += 1
        let body = try parseBody(until: ["else", "endfor"], of: "for")
        loops -= 1
        var otherwise: [TemplateStatement] = []
        if skip(.name("else")) {
            otherwise = try parseBlock("for")
        } else {
            advance()
            try expect(.blockEnd)
        }
        return .loop(
            LoopSyntax(target: target, iterable: iterable, filter: filter, body: body, otherwise: otherwise))
    }

    private mutating func parseSet() throws(ChatTemplateError) -> TemplateStatement.Kind {
        let target = try parseTarget(isLoop: false)
        if skip(.symbol("=")) {
            let value = try parseTuple()
            try expect(.blockEnd)
            return .set(target, value)
        }
        let filters = current == .symbol("|") ? try parseFilters(isInline: false) : []
        return .setBlock(target, filters: filters, body: try parseBlock("set"))
    }

    /// A name, a namespace's attribute, or a tuple of such.
    private mutating func parseTarget(isLoop: Bool) throws(ChatTemplateError) -> TemplateTarget {
        var targets: [TemplateTarget] = []
        var isTuple = false
        while true {
            if !targets.isEmpty, current == .name("in") || current == .symbol("=") || current == .symbol(")") { break }
            if skip(.symbol("(")) {
                targets.append(
                    try nested { (parser) throws(ChatTemplateError) in try parser.parseTarget(isLoop: isLoop) })
                try expect(.symbol(")"))
            } else {
                let name = try expectName()
                if ["true", "false", "none", "True", "False", "None"].contains(name) {
                    throw ChatTemplateError(.syntax, "can't assign to '\(name)'", line: line)
                }
                if !isLoop, skip(.symbol(".")) {
                    targets.append(.attribute(of: name, try expectName()))
                } else {
                    targets.append(.name(name))
                }
            }
            guard skip(.symbol(",")) else { break }
            isTuple = true
        }
        return isTuple || targets.count != 1 ? .tuple(targets) : targets[0]
    }

    private mutating func parseMacro() throws(ChatTemplateError) -> TemplateStatement.Kind {
        let name = try expectName()
        return .macro(try parseMacroBody(name, tag: "macro", parameters: parseParameters()))
    }

    private mutating func parseMacroBody(
        _ name: String, tag: String, parameters: [(name: String, fallback: TemplateExpression?)]
    ) throws(ChatTemplateError) -> MacroSyntax {
        let outer = (specialNames, loops)
        defer { (specialNames, loops) = outer }
        (specialNames, loops) = ([], 0)
        let body = try parseBlock(tag)
        return MacroSyntax(name: name, parameters: parameters, body: body, specialNames: specialNames)
    }

    private mutating func parseParameters() throws(ChatTemplateError) -> [(name: String, fallback: TemplateExpression?)]
    {
        try expect(.symbol("("))
        var parameters: [(name: String, fallback: TemplateExpression?)] = []
        while current != .symbol(")") {
            if !parameters.isEmpty { try expect(.symbol(",")) }
            let name = try expectName()
            if skip(.symbol("=")) {
                parameters.append((name, try parseExpression()))
            } else if parameters.last?.fallback != nil {
                throw ChatTemplateError(.syntax, "parameter '\(name)' without default follows one with", line: line)
            } else {
                parameters.append((name, nil))
            }
        }
        advance()
        return parameters
    }

    private mutating func parseCallBlock() throws(ChatTemplateError) -> TemplateStatement.Kind {
        let parameters = current == .symbol("(") ? try parseParameters() : []
        let call = try parseExpression()
        guard case .call(let callee, let arguments) = call.kind else {
            throw ChatTemplateError(.syntax, "expected a call after 'call'", line: call.line)
        }
        let body = try parseMacroBody("caller", tag: "call", parameters: parameters)
        return .callBlock(body, callee: callee, arguments)
    }

    private mutating func parseWith() throws(ChatTemplateError) -> TemplateStatement.Kind {
        var assignments: [(target: TemplateTarget, value: TemplateExpression)] = []
        while current != .blockEnd {
            if !assignments.isEmpty { try expect(.symbol(",")) }
            let target = TemplateTarget.name(try expectName())
            try expect(.symbol("="))
            assignments.append((target, try parseExpression()))
        }
        return .with(assignments, body: try parseBlock("with"))
    }

    /// The filters of a block: `a | b` after `filter`, `| a | b` after a block `set`'s target.
    private mutating func parseFilters(isInline: Bool) throws(ChatTemplateError) -> [FilterSyntax] {
        var filters: [FilterSyntax] = []
        while isInline && filters.isEmpty || skip(.symbol("|")) {
            let line = self.line
            let (name, arguments) = try parseFilterCall()
            filters.append(FilterSyntax(name: name, arguments: arguments, line: line))
        }
        return filters
    }
}
