import BigInt

// MARK: - Commands

extension Parser {
    /// A command with its arguments; the command itself is read.
    mutating func command(_ name: String) throws(MathSyntaxError) -> Expression {
        switch name {
        case "frac":
            if let derivative = try derivative() { return derivative }
            let top = try argument(wide: false)
            return .quotient(top, try argument(wide: false))
        case "sqrt": return try root()
        case "radical": return .call(.root, [try argument(wide: true), .integer(2)])
        case "cuberadical": return .call(.root, [try argument(wide: true), .integer(3)])
        case "pi": return .constant(.pi)
        case "infty": return .constant(.infinity)
        case "e": return .constant(.e)
        case "i": return .constant(.i)
        case "binom":
            let top = try argument(wide: false)
            return .call(.binomial, [top, try argument(wide: false)])
        case "lfloor": return .call(.floor, [try until("rfloor")])
        case "lceil": return .call(.ceil, [try until("rceil")])
        case "langle":
            let content = try until("rangle")
            if case .list(let members, .comma) = content { return .tuple(members) }
            return .tuple([content])
        case "sum": return try repeated(.sum)
        case "prod": return try repeated(.product)
        case "int": return try integral()
        case "lim": return try limit()
        case "mathbbR": return .reals
        case "emptyset": return .set([])
        case "{": return try set()
        case "overline", "vec", "hat", "tilde", "widetilde", "angle", "triangle":
            return .apply(name, [try argument(wide: false)])
        default: break
        }
        if name.hasPrefix("mathbb") { return .symbol("\\" + name) }
        guard let operation = CommandNames.functions[name] else {
            throw MathSyntaxError("the command \\\(name.prefix(32))")
        }
        return try function(operation, named: name)
    }

    private mutating func until(_ close: String) throws(MathSyntaxError) -> Expression {
        let bars = openBars
        openBars = 0
        let content = try nested { (parser) throws(MathSyntaxError) in try parser.list() }
        openBars = bars
        guard take(.command(close)) else { throw MathSyntaxError("no \\\(close)") }
        return content
    }

    private mutating func root() throws(MathSyntaxError) -> Expression {
        guard isSign("[") else { return .call(.root, [try argument(wide: false), .integer(2)]) }
        position += 1
        let degree = try nested { (parser) throws(MathSyntaxError) in try parser.sum() }
        try expectSign("]")
        return .call(.root, [try argument(wide: false), degree])
    }

    /// A function's exponent, base and arguments: `\sin^2 x`, `\log_3 5`, `\gcd(4, 6)`, `\sin 2x`.
    mutating func function(_ operation: Expression.Operation, named name: String) throws(MathSyntaxError) -> Expression
    {
        var operation = operation
        var base: Expression? = name == "log" || name == "log10" ? .integer(10) : nil
        var power: Expression?
        for _ in 0..<2 {
            if isSign("^"), power == nil {
                position += 1
                power = try argument(wide: true)
            } else if isSign("_"), operation == .log, name != "ln" {
                position += 1
                base = try argument(wide: false)
            }
        }
        if power == .integer(-1), let inverse = CommandNames.functions["arc" + operation.rawValue] {
            (operation, power) = (inverse, nil)
        }
        var arguments = try functionArguments()
        let takesMany = [.gcd, .lcm, .max, .min].contains(operation)
        guard takesMany || arguments.count == 1 else { throw MathSyntaxError("a function of one value with several") }
        if operation == .log { arguments.append(base ?? .constant(.e)) }
        let value: Expression =
            operation == .exp ? .power(.constant(.e), arguments[0]) : .call(operation, arguments)
        return power.map { .power(value, $0) } ?? value
    }

    private mutating func functionArguments() throws(MathSyntaxError) -> [Expression] {
        let content: Expression
        switch current {
        case .sign("("):
            guard !isSign("[", at: 1) else { throw MathSyntaxError("brackets that are no mathematics") }
            content = try bracketed()
        case .sign("{"):
            content = try nested { (parser) throws(MathSyntaxError) in try parser.group() }
        case .command("{"):
            position += 1
            content = try set()
        default:
            return [try nested { (parser) throws(MathSyntaxError) in try parser.bareArgument() }]
        }
        switch content {
        case .list(let members, _), .tuple(let members), .set(let members): return members
        default: return [content]
        }
    }

    /// What a function without brackets takes: the factors up to a sign, a bracket, or the next function.
    private mutating func bareArgument() throws(MathSyntaxError) -> Expression {
        var isNegative = false
        while takeSign("-") { isNegative.toggle() }
        var factors = [try postfix()]
        while true {
            switch current {
            case .symbol, .command("pi"), .command("frac"), .command("sqrt"), .command("e"), .command("i"), .word("pi"),
                .sign("{"):
                factors.append(try postfix())
            default:
                let value = Expression.product(of: factors)
                return isNegative ? value.negated : value
            }
        }
    }

    /// `{a, b}` or `{x | …}`; the brace is read.
    private mutating func set() throws(MathSyntaxError) -> Expression {
        if take(.command("}")) { return .set([]) }
        let (bars, builder) = (openBars, isInBuilder)
        (openBars, isInBuilder) = (0, true)
        let first = try nested { (parser) throws(MathSyntaxError) in try parser.list() }
        isInBuilder = false
        defer { (openBars, isInBuilder) = (bars, builder) }
        if takeSign("|") || takeSign(":") {
            let condition = try nested { (parser) throws(MathSyntaxError) in try parser.list() }
            guard take(.command("}")) else { throw MathSyntaxError("an open set") }
            if case .symbol(let name) = first { return .builder(name, condition) }
            guard case .relation(let sides, [.element]) = first, case .symbol(let name) = sides[0], sides[1] == .reals
            else {
                throw MathSyntaxError("a set that is none of real numbers")
            }
            return .builder(name, condition)
        }
        guard take(.command("}")) else { throw MathSyntaxError("an open set") }
        if case .list(let members, _) = first { return .set(members) }
        return .set([first])
    }

    /// `\sum_{k=1}^{n} …` with its bounds in either order.
    private mutating func repeated(_ kind: Expression.Repetition) throws(MathSyntaxError) -> Expression {
        var lower: (index: String, from: Expression)?
        var upper: Expression?
        for _ in 0..<2 {
            if takeSign("_") {
                try expectSign("{")
                guard case .symbol(let name)? = current, isSign("=", at: 1) else {
                    throw MathSyntaxError("a sum without an index")
                }
                position += 2
                lower = (name, try nested { (parser) throws(MathSyntaxError) in try parser.sum() })
                try expectSign("}")
            } else if takeSign("^") {
                upper = try argument(wide: true, takesSubscript: false)
            }
        }
        guard let lower, let upper else { throw MathSyntaxError("a sum without bounds") }
        let isNew = indices.insert(lower.index).inserted
        let body = try nested { (parser) throws(MathSyntaxError) in try parser.product() }
        if isNew { indices.remove(lower.index) }
        return .repeated(kind, body: body, index: lower.index, from: lower.from, to: upper)
    }

    /// Matrices, and rows of equations.
    mutating func environment(_ name: String) throws(MathSyntaxError) -> Expression {
        let (bars, builder) = (openBars, isInBuilder)
        (openBars, isInBuilder) = (0, false)
        let rows = try nested { (parser) throws(MathSyntaxError) in try parser.rows(until: name) }
        (openBars, isInBuilder) = (bars, builder)
        switch name {
        case "pmatrix", "bmatrix", "Bmatrix", "matrix", "smallmatrix", "array":
            guard let width = rows.first?.count, rows.allSatisfy({ $0.count == width }) else {
                throw MathSyntaxError("a matrix with rows of different lengths")
            }
            return .matrix(rows)
        case "vmatrix": return .apply("det", [.matrix(rows)])
        case "cases", "aligned", "align", "gathered", "split":
            guard rows.allSatisfy({ $0.count == 1 }) else { throw MathSyntaxError("rows of several cells") }
            let members = rows.map { $0[0] }
            return members.count == 1 ? members[0] : .list(members, .and)
        default: throw MathSyntaxError("the environment \(name.prefix(32))")
        }
    }

    private mutating func rows(until name: String) throws(MathSyntaxError) -> [[Expression]] {
        var rows: [[Expression]] = [[]]
        while true {
            rows[rows.count - 1].append(try list())
            nodes += 1
            guard nodes <= Self.maximumNodes else { throw MathSyntaxError("too large") }
            if takeSign("&") { continue }
            if take(.command("\\")), current != .end(name) {
                rows.append([])
                continue
            }
            guard take(.end(name)) else { throw MathSyntaxError("an open environment") }
            return rows
        }
    }
}

// MARK: - Calculus

extension Parser {
}
