extension Expression {
    /// Whether it is a value, not a set, list, relation, matrix or text.
    var isScalar: Bool {
        switch self {
        case .number, .decimal, .symbol, .constant, .sum, .product, .power, .call, .apply, .repeated, .percent,
            .degrees,
            .quantity:
            !contains {
                switch $0 {
                case .matrix, .tuple, .list, .set, .relation, .interval, .text: true
                default: false
                }
            }
        default: false
        }
    }

    /// Whether it is what an answer is called: `x`, `f(x)`, `AB`, `|AB|`, `P(A)`, `\angle A`, `A:B`, or words.
    var isName: Bool {
        switch self {
        case .symbol, .text: true
        case .apply(_, let arguments): arguments.allSatisfy { $0.isScalar || $0.isName }
        case .call(.abs, let arguments): arguments[0].isName
        case .ratio(let parts): parts.allSatisfy(\.isName)
        case .product(let factors):
            factors.count == 2 && factors[0].isCapital && (factors[1].isName || factors[1].literal != nil)
                || factors.count == 2 && factors[0].isName && factors[1].isApplied
        default: false
        }
    }

    /// A name of capitals such as `P` or `AB`, with or without an index.
    private var isCapital: Bool {
        guard case .symbol(let name) = self else { return false }
        return name.utf8.first.map { MathText.isUpper($0) } ?? false
    }

    private var isApplied: Bool { if case .apply = self { true } else { false } }

    /// A tuple of names: `(x, y)`.
    var isTupleOfNames: Bool {
        if case .tuple(let members) = self {
            return members.allSatisfy { if case .symbol = $0 { true } else { false } }
        }
        return false
    }

    var isOrderRelation: Bool {
        if case .relation(_, let relations) = self { return relations.contains { $0.isOrder || $0 == .notEqual } }
        return false
    }

    /// What an equation gives to a name: the name and its value, with the chain before the value; `nil` for all else.
    var assignment: (name: Expression, chain: [Expression])? {
        guard case .relation(let operands, let relations) = self, relations.allSatisfy({ $0 == .equal }) else {
            return nil
        }
        if operands[0].isName || operands[0].isTupleOfNames { return (operands[0], Array(operands.dropFirst())) }
        guard operands.count == 2, operands[1].isName, operands[0].symbols.isEmpty else { return nil }
        return (operands[1], [operands[0]])
    }

    /// The value without its unit, and the unit.
    var splitUnit: (value: Expression, unit: String?) {
        switch self {
        case .quantity(let value, let unit): (value, unit)
        case .degrees(let value): (value, "degree")
        default: (self, nil)
        }
    }

    /// With each ± read as + or as −.
    func choosing(upper isUpper: Bool) -> Expression {
        if case .plusMinus(let part, let upper) = self {
            let value = part.choosing(upper: isUpper)
            return upper == isUpper ? value : value.negated
        }
        return map { $0.choosing(upper: isUpper) }
    }

    var hasPlusMinus: Bool { contains { if case .plusMinus = $0 { true } else { false } } }

    /// Sums and products of matrices carried out.
    var withMatrixArithmetic: Expression {
        guard contains(where: { if case .matrix = $0 { true } else { false } }) else { return self }
        switch self {
        case .sum(let terms):
            let parts = terms.map(\.withMatrixArithmetic)
            var result = parts[0]
            for part in parts.dropFirst() {
                guard case .matrix(let a) = result, case .matrix(let b) = part, a.count == b.count,
                    zip(a, b).allSatisfy({ $0.count == $1.count })
                else { return .sum(parts) }
                result = .matrix(zip(a, b).map { zip($0, $1).map { .sum(of: [$0, $1]) } })
            }
            return result
        case .product(let factors):
            var result = Expression.one
            for part in factors.map(\.withMatrixArithmetic) {
                guard let next = Self.matrixProduct(result, part) else { return self }
                result = next
            }
            return result
        default: return self
        }
    }

    private static func matrixProduct(_ a: Expression, _ b: Expression) -> Expression? {
        switch (a, b) {
        case (.matrix(let x), .matrix(let y)):
            guard let width = x.first?.count, width == y.count, let columns = y.first?.count,
                x.count * columns * width <= 4096
            else { return nil }
            return .matrix(
                x.map { row in
                    (0..<columns).map { column in
                        .sum(of: (0..<width).map { .product(of: [row[$0], y[$0][column]]) })
                    }
                })
        case (.matrix(let rows), let scalar), (let scalar, .matrix(let rows)):
            return .matrix(rows.map { $0.map { .product(of: [scalar, $0]) } })
        default: return .product(of: [a, b])
        }
    }
}

// MARK: - Parts that comparisons ask for

extension Expression {
    var isRelation: Bool { if case .relation = self { true } else { false } }

    var isSet: Bool { if case .set = self { true } else { false } }

    var isEquation: Bool {
        if case .relation(_, let relations) = self { relations.allSatisfy { $0 == .equal } } else { false }
    }

    var hasPi: Bool { contains { $0 == .constant(.pi) } }

    /// The members of a list or finite set; inequalities joined by and, or are no list.
    var members: [Expression]? {
        switch self {
        case .list(let members, let joint):
            joint != .comma && members.contains(where: \.isOrderRelation) ? nil : members
        case .set(let members): members
        default: nil
        }
    }

    /// Whether it can only be read as a set of numbers.
    var isSetLike: Bool {
        switch self {
        case .interval, .set, .setOperation, .builder, .reals: true
        case .relation(let operands, let relations):
            isOrderRelation || relations == [.element] && operands[0].isName
        case .list(let members, let joint): joint != .comma && members.contains(where: \.isOrderRelation)
        default: false
        }
    }

    /// An inequality with all its signs turned the same way.
    var ascending: Expression {
        guard case .relation(let operands, let relations) = self,
            relations.contains(where: { $0 == .greater || $0 == .greaterOrEqual })
        else { return self }
        return .relation(operands.reversed(), relations.reversed().map(\.reversed))
    }

    /// An interval or union of intervals, as written.
    var intervals: [(ends: [Expression], closed: [Bool])]? {
        switch self {
        case .interval(let lower, let upper, let lowerClosed, let upperClosed):
            return [([lower, upper], [lowerClosed, upperClosed])]
        case .tuple(let ends) where ends.count == 2: return [(ends, [false, false])]
        case .setOperation(.union, let a, let b):
            guard let left = a.intervals, let right = b.intervals else { return nil }
            return left + right
        case .relation(let operands, [.element]): return operands[1].intervals
        default: return nil
        }
    }

    /// With a variable replaced.
    func replacing(_ name: String, with value: Expression) -> Expression {
        if case .symbol(name) = self { return value }
        return map { $0.replacing(name, with: value) }
    }
}
