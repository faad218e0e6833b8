import BigInt

/// Reads tokens into an `Expression`: a Pratt parser whose levels, from loose to tight, are lists, relations, sets, ratios,
/// sums, products, signs, and powers. Depth and size are bounded; what is not understood is an error, never a guess.
struct Parser {
    /// Brackets inside each other.
    static let maximumDepth = 128
    /// Nodes of one tree.
    static let maximumNodes = 20_000
    /// Powers and factorials behind one factor, moduli in one product: what makes a tree deeper without brackets.
    static let maximumChain = 8

    var tokens: [Lexeme]
    var position = 0
    var depth = 0
    var nodes = 0
    /// Integrals and limits so far.
    var calculus = 0
    /// Absolute values that are open: there a bar closes.
    var openBars = 0
    /// Inside a set-builder, a bar or colon parts the variable from its condition.
    var isInBuilder = false
    /// Indices of the sums around: `i` is one of them, not the imaginary unit.
    var indices: Set<String> = []

    init(tokens: [Lexeme], depth: Int = 0) {
        self.tokens = tokens
        self.depth = depth
    }

    /// Reads a whole text.
    static func parse(_ bytes: ArraySlice<UInt8>, depth: Int = 0) throws(MathSyntaxError) -> Expression {
        var parser = Parser(tokens: try Tokenizer.tokens(bytes), depth: depth)
        guard !parser.tokens.isEmpty else { throw MathSyntaxError("empty") }
        if parser.isSign("=") { parser.position += 1 }
        let result = try parser.list()
        while parser.isSign(".") || parser.isSign(",") { parser.position += 1 }
        guard parser.current == nil else { throw MathSyntaxError("something after the end") }
        return result
    }

    // MARK: Cursor

    var current: Token? { position < tokens.count ? tokens[position].token : nil }

    func peek(_ offset: Int) -> Token? {
        position + offset < tokens.count ? tokens[position + offset].token : nil
    }

    var isSpaced: Bool { position < tokens.count && tokens[position].spaced }

    func isSign(_ sign: Unicode.Scalar, at offset: Int = 0) -> Bool { peek(offset) == .sign(sign) }

    func isCommand(_ name: String, at offset: Int = 0) -> Bool { peek(offset) == .command(name) }

    mutating func take(_ token: Token) -> Bool {
        guard current == token else { return false }
        position += 1
        return true
    }

    mutating func takeSign(_ sign: Unicode.Scalar) -> Bool { take(.sign(sign)) }

    mutating func expectSign(_ sign: Unicode.Scalar) throws(MathSyntaxError) {
        guard takeSign(sign) else { throw MathSyntaxError("no \(sign) where one must be") }
    }

    /// Reads something one level deeper.
    mutating func nested<T>(
        _ read: (inout Parser) throws(MathSyntaxError) -> T
    ) throws(MathSyntaxError) -> T {
        depth += 1
        nodes += 1
        guard depth <= Self.maximumDepth else { throw MathSyntaxError("too deep") }
        guard nodes <= Self.maximumNodes else { throw MathSyntaxError("too large") }
        defer { depth -= 1 }
        return try read(&self)
    }
}

// MARK: - Lists and relations

extension Parser {
    /// `a, b; c or d`.
    mutating func list() throws(MathSyntaxError) -> Expression {
        var rows: [[Expression]] = [[try relation()]]
        var joints: Set<Expression.Joint> = []
        while let joint = separator() {
            if joint.isRow { rows.append([]) }
            joints.insert(joint.kind)
            rows[rows.count - 1].append(try relation())
        }
        let members = rows.flatMap { $0 }
        guard members.count > 1 else { return members[0] }
        if rows.count > 1, members.count > rows.count {
            return .list(rows.map { $0.count == 1 ? $0[0] : .list($0, .comma) }, .comma)
        }
        let kind: Expression.Joint = joints.contains(.or) ? .or : joints == [.and] ? .and : .comma
        return .list(members, kind)
    }

    /// A comma, semicolon, "and", "or", or several of them.
    private mutating func separator() -> (kind: Expression.Joint, isRow: Bool)? {
        var kind: Expression.Joint?
        var isRow = false
        while true {
            switch current {
            case .sign(","), .sign(";"):
                if position + 1 == tokens.count { return nil }
                if isSign(";") { isRow = true }
                kind = kind ?? .comma
            case .word("and"), .command("and"): kind = .and == kind || kind == nil ? .and : .comma
            case .word("or"), .command("or"): kind = .or
            case .text(let text):
                let word = text.lowercased().filter { $0 != "," }.trimmed
                guard word == "and" || word == "or" else { return kind.map { ($0, isRow) } }
                kind = word == "or" ? .or : kind == nil ? .and : .comma
            default: return kind.map { ($0, isRow) }
            }
            position += 1
        }
    }

    /// `a < b <= c`, `x = 5`, `x \in A`.
    private mutating func relation() throws(MathSyntaxError) -> Expression {
        var operands = [try setTerm()]
        var relations: [Expression.Relation] = []
        var isApproximated = false
        while let (relation, isApproximate) = takeRelation() {
            let next = try setTerm()
            // In `70/9 ≈ 7.78` the exact value is the answer; in `x ≈ 7.78` there is no other.
            if isApproximate, let last = operands.last, !last.isName { isApproximated = true }
            if isApproximated { continue }
            relations.append(relation)
            operands.append(next)
        }
        return relations.isEmpty ? operands[0] : .relation(operands, relations)
    }

    private mutating func takeRelation() -> (Expression.Relation, isApproximate: Bool)? {
        let isApproximate = isCommand("approx")
        let relation: Expression.Relation
        switch current {
        case .sign("="): relation = .equal
        case .sign("<"): relation = isSign("=", at: 1) ? .lessOrEqual : .less
        case .sign(">"): relation = isSign("=", at: 1) ? .greaterOrEqual : .greater
        case .sign("!") where isSign("=", at: 1): relation = .notEqual
        case .command("approx"), .command("equiv"): relation = .equal
        case .command("ne"): relation = .notEqual
        case .command("le"): relation = .lessOrEqual
        case .command("ge"): relation = .greaterOrEqual
        case .command("in"), .word("in"): relation = .element
        default: return nil
        }
        let isTwoSigns = isSign("=", at: 1) && !isSign("=")
        if case .sign = current, isTwoSigns { position += 1 }
        position += 1
        return (relation, isApproximate)
    }

    private mutating func setTerm() throws(MathSyntaxError) -> Expression {
        var result = try ratio()
        while true {
            let operation: Expression.SetOperation
            switch current {
            case .command("cup"): operation = .union
            case .command("cap"): operation = .intersection
            case .command("setminus"): operation = .difference
            case .command("pmod"):
                position += 1
                result = .residue(result, try argument(wide: false))
                continue
            default: return result
            }
            position += 1
            nodes += 1
            let next = try ratio()
            result = .setOperation(operation, result, next)
            guard nodes < Self.maximumNodes, unionDepth(result) < 64 else { throw MathSyntaxError("too many sets") }
        }
    }

    private func unionDepth(_ expression: Expression) -> Int {
        var depth = 0
        var rest = expression
        while case .setOperation(_, let left, _) = rest {
            depth += 1
            rest = left
        }
        return depth
    }

    /// `a:b:c`; the colon may stand in braces.
    private mutating func ratio() throws(MathSyntaxError) -> Expression {
        var members = [try sum()]
        while !isInBuilder {
            if takeSign(":") {
                members.append(try sum())
            } else if isSign("{"), isSign(":", at: 1), isSign("}", at: 2) {
                position += 3
                members.append(try sum())
            } else {
                break
            }
        }
        return members.count == 1 ? members[0] : .ratio(members)
    }
}

// MARK: - Sums and products

extension Parser {
    mutating func sum() throws(MathSyntaxError) -> Expression {
        var terms = [try product()]
        loop: while true {
            switch current {
            case .sign("+"):
                position += 1
                terms.append(try product())
            case .sign("-"):
                position += 1
                terms.append(try product().negated)
            case .command("pm"), .command("mp"):
                let upper = isCommand("pm")
                position += 1
                terms.append(.plusMinus(try product(), upper: upper))
            default: break loop
            }
            nodes += 1
            guard nodes <= Self.maximumNodes else { throw MathSyntaxError("too large") }
        }
        guard terms.count > 1 else { return terms[0] }
        // The unit of the last term is the unit of the sum.
        if case .quantity(let last, let unit) = terms[terms.count - 1], !terms.dropLast().contains(where: \.isQuantity)
        {
            terms[terms.count - 1] = last
            return .quantity(.sum(of: terms), unit)
        }
        return .sum(of: terms)
    }

    mutating func product() throws(MathSyntaxError) -> Expression {
        var factors = [try signed()]
        var moduli = 0
        loop: while true {
            switch current {
            case .sign("*"), .command("cdot"), .command("times"):
                position += 1
                factors.append(try signed())
            case .sign("/"), .command("div"):
                position += 1
                factors.append(.power(try signed(), .integer(-1)))
            case .command("mod"), .word("mod"):
                position += 1
                factors = [.call(.mod, [.product(of: factors), try signed()])]
            case .text("mod"), .text("modulo"):
                position += 1
                factors = [.call(.mod, [.product(of: factors), try signed()])]
            default:
                guard startsFactor else { break loop }
                factors.append(try postfix())
            }
            if factors.count == 1 { moduli += 1 }  // each one makes the tree deeper
            nodes += 1
            guard nodes <= Self.maximumNodes, moduli <= Self.maximumChain else { throw MathSyntaxError("too large") }
        }
        return try withUnit(.product(of: factors))
    }

    /// Signs before a factor.
    private mutating func signed() throws(MathSyntaxError) -> Expression {
        var isNegative = false
        while true {
            if takeSign("-") {
                isNegative.toggle()
            } else if !takeSign("+") {
                break
            }
        }
        if isCommand("pm") || isCommand("mp") {
            let upper = isCommand("pm") != isNegative
            position += 1
            return .plusMinus(try nested { (parser) throws(MathSyntaxError) in try parser.product() }, upper: upper)
        }
        let value = try postfix()
        return isNegative ? value.negated : value
    }

    /// Whether a factor begins here without a sign of multiplication.
    private var startsFactor: Bool {
        switch current {
        case .number:
            // Two numbers side by side are no product: 4 2 is not 8, and not 42.
            if case .number? = peek(-1) { return false }
            return true
        case .symbol, .begin: return true
        case .sign("("): return true
        case .sign("{"): return !(isSign(":", at: 1) && isSign("}", at: 2))
        case .sign("|"), .command("left|"): return openBars == 0 && !isInBuilder
        case .word(let word):
            return word == "pi" || word == "sqrt" || word == "cbrt" || CommandNames.functions[word] != nil
        case .command(let name): return Self.leading.contains(name) || CommandNames.functions[name] != nil
        default: return false
        }
    }

    /// Commands that begin a factor.
    static let leading: Set<String> = [
        "frac", "sqrt", "radical", "cuberadical", "pi", "infty", "e", "i", "binom", "lfloor", "lceil", "sum", "prod",
        "overline", "vec", "hat", "tilde", "widetilde", "log10", "lcm", "left|", "int", "lim",
    ]

    /// A unit behind a product: `3\sqrt{2}\text{ cm}^2`.
    private mutating func withUnit(_ value: Expression) throws(MathSyntaxError) -> Expression {
        let text: String
        switch current {
        case .text(let words): text = words
        case .word(let word) where endsInNumber || Units.isPlain(word): text = word
        default: return value
        }
        var count = 1
        var words = text
        while case .word(let next)? = peek(count), count < 3, Units.canonical(next) != nil {
            words += " " + next
            count += 1
        }
        if let factor = Units.multipliers[words.lowercased().trimmed] {
            position += count
            return .product(of: [.integer(factor), value])
        }
        var power = 1
        if isSign("^", at: count) {
            for exponent in [2, 3] {
                let digit = Token.number(Literal(whole: String(exponent)))
                if peek(count + 1) == digit {
                    (power, count) = (exponent, count + 2)
                    break
                }
                if isSign("{", at: count + 1), peek(count + 2) == digit, isSign("}", at: count + 3) {
                    (power, count) = (exponent, count + 4)
                    break
                }
            }
        }
        guard let unit = Units.canonical(words, power: power) else { return value }
        position += count
        return .quantity(value, unit)
    }

    private var endsInNumber: Bool {
        switch peek(-1) {
        case .number?, .sign("}")?, .sign(")")?: true
        default: false
        }
    }
}

extension Expression {
    var isQuantity: Bool { if case .quantity = self { true } else { false } }
}

extension StringProtocol {
    /// Without blanks on both sides.
    var trimmed: String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
        while rest.last?.isWhitespace == true { rest = rest.dropLast() }
        return String(rest)
    }
}
