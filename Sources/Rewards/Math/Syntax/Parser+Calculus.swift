extension Parser {
    /// Integrals and limits of one text: each costs more to read than its length tells.
    private static let maximumCalculus = 16

    /// `\frac{d}{dx}` applied to the product after it; `nil` if the fraction ahead is none.
    mutating func derivative() throws(MathSyntaxError) -> Expression? {
        guard isSign("{"), peek(1) == .symbol("d"), isSign("}", at: 2), isSign("{", at: 3), peek(4) == .symbol("d"),
            case .symbol(let name)? = peek(5), isSign("}", at: 6)
        else { return nil }
        position += 7
        let body = try nested { (parser) throws(MathSyntaxError) in try parser.product() }
        guard let result = Calculus.derivative(of: body, by: name) else {
            throw MathSyntaxError("a derivative that is not simple")
        }
        return result
    }

    private mutating func countCalculus() throws(MathSyntaxError) {
        calculus += 1
        guard calculus <= Self.maximumCalculus else { throw MathSyntaxError("too many integrals and limits") }
    }

    /// A definite integral: `\int_a^b … dx`.
    mutating func integral() throws(MathSyntaxError) -> Expression {
        try countCalculus()
        var bounds: (from: Expression?, to: Expression?)
        for _ in 0..<2 {
            if takeSign("_") {
                bounds.from = try argument(wide: true)
            } else if takeSign("^") {
                bounds.to = try argument(wide: true, takesSubscript: false)
            }
        }
        guard let from = bounds.from, let to = bounds.to else { throw MathSyntaxError("an integral without bounds") }
        let found: (Expression, String)?
        if let place = differential {
            // The function before it would take the dx of `\sin x\,dx` for its own.
            guard case .symbol(let name) = tokens[place + 1].token else { throw MathSyntaxError("no differential") }
            let body =
                position == place
                ? .one : try before(place) { (parser) throws(MathSyntaxError) in try parser.sum() }
            position = place + 2
            found = (body, name)
        } else {
            found = try nested { (parser) throws(MathSyntaxError) in try parser.product() }.integrand
        }
        if current == .symbol("d"), case .symbol? = peek(1) { throw MathSyntaxError("a second differential") }
        guard let (integrand, name) = found, !integrand.symbols.contains("d"),
            let value = Integral(name: name, from: from, to: to).value(of: integrand)
        else { throw MathSyntaxError("an integral that is not simple") }
        return value
    }

    /// The place of the next `dx` that stands in no brackets.
    private var differential: Int? {
        var depth = 0
        for place in position..<tokens.count {
            switch tokens[place].token {
            case .sign("{"), .sign("("), .sign("["): depth += 1
            case .sign("}"), .sign(")"), .sign("]"): depth -= 1
            case .symbol("d") where depth == 0 && place + 1 < tokens.count:
                if case .symbol = tokens[place + 1].token { return place }
            default: break
            }
            if depth < 0 { return nil }
        }
        return nil
    }

    /// A limit: `\lim_{x \to a^+} …`, of the product that follows.
    mutating func limit() throws(MathSyntaxError) -> Expression {
        try countCalculus()
        guard takeSign("_"), takeSign("{"), case .symbol(let name)? = current, isCommand("to", at: 1) else {
            throw MathSyntaxError("a limit without a variable and its point")
        }
        position += 2
        let (side, end) = sideOfPoint()
        let point = try before(end) { (parser) throws(MathSyntaxError) in try parser.sum() }
        if side != .both { position = closingBrace(from: end) }
        try expectSign("}")
        let body = try nested { (parser) throws(MathSyntaxError) in try parser.product() }
        // What is added may or may not belong to the limit.
        guard !isSign("+"), !isSign("-"), let value = Limit(name: name, point: point, side: side).value(of: body) else {
            throw MathSyntaxError("a limit that is not simple")
        }
        return value
    }

    /// Reads something that ends right before a place.
    private mutating func before(
        _ end: Int, _ read: (inout Parser) throws(MathSyntaxError) -> Expression
    ) throws(MathSyntaxError) -> Expression {
        guard position < end else { throw MathSyntaxError("nothing where something must be") }
        let rest = Array(tokens[end...])
        tokens.removeSubrange(end...)
        defer { tokens += rest }
        let result = try nested(read)
        guard position == end else { throw MathSyntaxError("something before the end") }
        return result
    }

    /// The side that `0^+` or `0^{-}` tells, and where the point itself ends.
    private func sideOfPoint() -> (Limit.Side, end: Int) {
        let end = closingBrace(from: position)
        for marks in [2, 4] where end - marks > position {
            let tail = tokens[(end - marks)..<end].map(\.token)
            let sign = tail[marks / 2]
            guard tail[0] == .sign("^"), sign == .sign("+") || sign == .sign("-"),
                marks == 2 || tail[1] == .sign("{") && tail[3] == .sign("}")
            else { continue }
            return (sign == .sign("+") ? .above : .below, end - marks)
        }
        return (.both, end)
    }

    /// The place of the brace that closes what a place is in, or the end.
    private func closingBrace(from place: Int) -> Int {
        var (depth, end) = (0, place)
        while end < tokens.count, depth > 0 || tokens[end].token != .sign("}") {
            if tokens[end].token == .sign("{") { depth += 1 }
            if tokens[end].token == .sign("}") { depth -= 1 }
            end += 1
        }
        return end
    }
}

extension Expression {
    /// An integrand such as `\frac{dx}{x}` without its `dx`, and the variable; `nil` if there is no such differential.
    fileprivate var integrand: (Expression, String)? {
        guard case .product(var factors) = self, let place = factors.firstIndex(of: .symbol("d")),
            place + 1 < factors.count,
            case .symbol(let name) = factors[place + 1], name != "d"
        else { return nil }
        factors.removeSubrange(place...(place + 1))
        return (factors.isEmpty ? .one : .product(of: factors), name)
    }
}
