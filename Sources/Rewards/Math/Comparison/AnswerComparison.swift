/// Compares two answers: values, lists, tuples, sets, intervals, matrices, relations, words.
package struct AnswerComparison {
    let scalars: ScalarComparison
    /// Whether an inequality may answer where the gold answer is a set.
    let allowsSetRelation: Bool
    /// Whether `28%` may answer where the gold answer is `28`.
    let allowsPercentDrop: Bool

    /// Lists up to this length may name a member twice.
    private static let maximumRepeating = 64

    private var order: EndpointOrder { EndpointOrder(scalars: scalars) }

    /// Whether a prediction says the same as the gold answer.
    func areEqual(gold: Expression, prediction: Expression) throws(ComparisonFault) -> Bool {
        let prediction = Self.renamed(prediction, for: gold)
        return try compare(Self.prepared(gold), Self.prepared(prediction))
    }

    // MARK: Preparation

    /// ± written out, matrices added up, words with a meaning as that meaning.
    private static func prepared(_ expression: Expression) -> Expression {
        switch expression {
        case .text(let words): return AnswerWords.meaning(of: words) ?? expression
        case .list(let members, let joint) where expression.hasPlusMinus:
            return .list(members.flatMap(variants), joint)
        case .set(let members) where expression.hasPlusMinus: return .set(members.flatMap(variants))
        default:
            if expression.hasPlusMinus { return .list(variants(expression), .or) }
            return expression.withMatrixArithmetic
        }
    }

    private static func variants(_ expression: Expression) -> [Expression] {
        guard expression.hasPlusMinus else { return [expression] }
        return [expression.choosing(upper: true), expression.choosing(upper: false)]
    }

    /// `I` as the imaginary unit, and another letter for the constant of integration, if the gold answer has no such symbol.
    private static func renamed(_ prediction: Expression, for gold: Expression) -> Expression {
        let (expected, found) = (gold.symbols, prediction.symbols)
        if found.contains("I"), !expected.contains("I") {
            return prediction.replacing("I", with: .constant(.i))
        }
        let surplus = found.subtracting(expected)
        let isPrimitive = if case .sum = gold { true } else { false }
        if isPrimitive, expected.subtracting(found) == ["C"], surplus.count == 1, let name = surplus.first,
            "ckKD".contains(name)
        {
            return prediction.replacing(name, with: .symbol("C"))
        }
        return prediction
    }

    // MARK: Dispatch

    private func compare(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool {
        try scalars.budget.spend()
        if g.isScalar, p.isScalar { return try values(g, p) }
        if case .text(let a) = g, case .text(let b) = p { return a == b }
        if g == p { return true }
        if let result = try relations(g, p) { return result }
        if let result = try members(g, p) { return result }
        switch (g, p) {
        case (.tuple(let a), .tuple(let b)):
            return try all(a, b)
        case (.matrix(let a), .matrix(let b)):
            return a.count == b.count && zip(a, b).allSatisfy({ $0.count == $1.count })
                ? try all(a.flatMap { $0 }, b.flatMap { $0 }) : false
        case (.matrix(let rows), .tuple(let parts)), (.tuple(let parts), .matrix(let rows)):
            return rows.count == 1 || rows.allSatisfy { $0.count == 1 } ? try all(rows.flatMap { $0 }, parts) : false
        case (.based(let a, let x), .based(let b, let y)):
            return x == y ? a == b : BasedNumber.value(a, x) == BasedNumber.value(b, y)
        case (.based(let digits, 10), _) where p.isScalar, (_, .based(let digits, 10)) where g.isScalar:
            return try values(BasedNumber.value(digits, 10).map { .number($0) } ?? g, p.isScalar ? p : g)
        case (.ratio(let a), .ratio(let b)): return try ratios(a, b)
        case (.ratio(let parts), _) where parts.count == 2 && p.isScalar:
            return try values(.quotient(parts[0], parts[1]), p)
        case (_, .ratio(let parts)) where parts.count == 2 && g.isScalar:
            return try values(g, .quotient(parts[0], parts[1]))
        case (.residue(let a, let m), .residue(let b, let n)):
            guard try values(m, n) else { return false }
            return try values(.call(.mod, [a, m]), .call(.mod, [b, n]))
        case (.residue(let a, _), _) where p.isScalar: return try values(a, p)
        case (_, .residue(let b, _)) where g.isScalar: return try values(g, b)
        case (.set(let only), _) where only.count == 1 && p.isScalar: return try values(only[0], p)
        default: return try sets(g, p)
        }
    }

    private func all(_ a: [Expression], _ b: [Expression]) throws(ComparisonFault) -> Bool {
        guard a.count == b.count else { return false }
        var needsAlgebra = false
        for (x, y) in zip(a, b) {
            do throws(ComparisonFault) {
                guard try compare(x, y) else { return false }  // one difference settles it
            } catch .needsAlgebra {
                needsAlgebra = true
            }
        }
        if needsAlgebra { throw .needsAlgebra }
        return true
    }

    // MARK: Values

    private func values(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool {
        let (a, unit) = g.splitUnit
        let (b, other) = p.splitUnit
        if let unit, let other {
            guard let ratio = Units.ratio(unit, other) else { return false }
            return try scalars.areEqual(ratio == .one ? a : .product(of: [.number(ratio), a]), b)
        }
        if allowsPercentDrop {
            if case .percent(let part) = a, let x = part.literal, x == b.literal { return true }
            if case .percent(let part) = b, let x = part.literal, x == a.literal { return true }
        }
        if try scalars.areEqual(a, b) { return true }
        guard unit == "degree" || other == "degree", a.hasPi || b.hasPi else { return false }
        return try scalars.areEqual(unit == nil ? a : .degrees(a), other == nil ? b : .degrees(b))
    }

    /// Ratios are equal member by member, or in proportion unless they look like times of day.
    private func ratios(_ a: [Expression], _ b: [Expression]) throws(ComparisonFault) -> Bool {
        guard a.count == b.count else { return false }
        if try all(a, b) { return true }
        guard !Self.isTime(a), !Self.isTime(b), !(a + b).contains(where: { $0.literal?.isZero == true || !$0.isScalar })
        else { return false }
        for index in a.indices.dropFirst() {
            let (x, y) = (
                Expression.product(of: [a[0], b[index]]), Expression.product(of: [b[0], a[index]])
            )
            guard try scalars.areEqual(x, y) else { return false }
        }
        return true
    }

    /// `12:30` or `3:15 pm`; 2:3 is none.
    private static func isTime(_ parts: [Expression]) -> Bool {
        if parts.contains(where: \.isQuantity) { return true }
        guard parts.count == 2, let hours = parts[0].literal?.int, let minutes = parts[1].literal?.int else {
            return false
        }
        return (0...24).contains(hours) && ((10..<60).contains(minutes) || minutes == 0)
    }

    // MARK: Lists

    /// Lists and finite sets; `nil` if neither side is one.
    private func members(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool? {
        let (a, b) = (g.members, p.members)
        guard a != nil || b != nil else { return nil }
        guard let a, let b else { return try assigned(a, g, p, b) }
        if let result = try namedMembers(a, b) { return result }
        // Naming a member twice says nothing new.
        let isShort = a.count <= Self.maximumRepeating && b.count <= Self.maximumRepeating
        let isSet = isShort && (g.isSet || p.isSet || a.count != b.count)
        let left = isSet ? try distinct(a) : a
        let right = isSet ? try distinct(b) : b
        return try matches(left, right)
    }

    /// A list against what is none: `x = 2, y = -1` is `(2, -1)`; a single value is no list.
    private func assigned(
        _ a: [Expression]?, _ g: Expression, _ p: Expression, _ b: [Expression]?
    ) throws(ComparisonFault) -> Bool? {
        let (list, other) = a.map { ($0, p) } ?? (b ?? [], g)
        if case .tuple(let parts) = other, parts.count == list.count {
            let values = list.compactMap { member -> Expression? in
                guard let (name, chain) = member.assignment, case .symbol = name else { return nil }
                return chain.last
            }
            if values.count == list.count { return try all(a == nil ? parts : values, a == nil ? values : parts) }
        }
        if g.isSet || p.isSet { return nil }
        return false
    }

    /// Members with names of their own: `x = 1, y = 2` against the same in any order, or `1, 2` in this order.
    private func namedMembers(_ a: [Expression], _ b: [Expression]) throws(ComparisonFault) -> Bool? {
        let (first, second) = (a.compactMap { $0.assignment?.name }, b.compactMap { $0.assignment?.name })
        let isBare = { (members: [Expression], names: [Expression]) in names.isEmpty && members.allSatisfy(\.isScalar) }
        let isNamed = { (members: [Expression], names: [Expression]) in
            names.count == members.count && Set(names).count == names.count && names.count > 1
        }
        if isNamed(a, first) && isBare(b, second) || isNamed(b, second) && isBare(a, first) { return try all(a, b) }
        // n = 1, 2, 3: the name stands for all.
        if first.count == 1, a.count > 1, second.count <= 1, a[0].assignment != nil {
            if second.count == 1, first != second { return false }
            let strip = { (members: [Expression]) in
                members.map { $0.assignment?.chain.last ?? $0 }
            }
            return try matches(strip(a), strip(b))
        }
        if second.count == 1, b.count > 1, first.isEmpty, b[0].assignment != nil {
            return try matches(a, b.map { $0.assignment?.chain.last ?? $0 })
        }
        return nil
    }

    /// A set's members without repetitions.
    private func distinct(_ members: [Expression]) throws(ComparisonFault) -> [Expression] {
        var result: [Expression] = []
        for member in members {
            var isNew = true
            for known in result where try compare(known, member) {
                isNew = false
                break
            }
            if isNew { result.append(member) }
        }
        return result
    }

    /// Whether each member of one list has a partner in the other. Equality is transitive, so the first partner will do.
    private func matches(_ a: [Expression], _ b: [Expression]) throws(ComparisonFault) -> Bool {
        guard a.count == b.count else { return false }
        var free = b
        var rest: [Expression] = []
        for member in a {  // those that are spelled alike first
            try scalars.budget.spend(1 + free.count >> 4)
            if let index = free.firstIndex(of: member), member.literal != nil {
                free.remove(at: index)
            } else {
                rest.append(member)
            }
        }
        var needsAlgebra = false
        for member in rest {
            var partner: Int?
            var isOpen = false
            for (index, candidate) in free.enumerated() {
                do throws(ComparisonFault) {
                    if try compare(member, candidate) {
                        partner = index
                        break
                    }
                } catch .needsAlgebra {
                    isOpen = true
                }
            }
            if let partner {
                free.remove(at: partner)
            } else if isOpen {
                needsAlgebra = true
            } else {
                return false
            }
        }
        if needsAlgebra { throw .needsAlgebra }
        return true
    }

    // MARK: Relations

    /// Equations and inequalities; `nil` if the answers are to be compared in another way.
    private func relations(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool? {
        let (a, b) = (g.assignment, p.assignment)
        if let a, let b {
            if a.name == b.name, let x = try value(of: a.chain), let y = try value(of: b.chain) {
                if try compare(Self.prepared(x), Self.prepared(y)) { return true }
            }
            return try equations(g, p)
        }
        if let a, !p.isRelation, p.members == nil, let x = try value(of: a.chain) {
            return try compare(Self.prepared(x), p)
        }
        if let b, !g.isRelation, g.members == nil, let y = try value(of: b.chain) {
            return try compare(g, Self.prepared(y))
        }
        if g.isEquation, p.isEquation { return try equations(g, p) }
        for (relation, other, isGold) in [(g, p, true), (p, g, false)] where relation.isEquation && !other.isRelation {
            // 2^10 = 1024 is a value if it is true.
            guard case .relation(let operands, _) = relation, other.isScalar, operands.allSatisfy(\.isScalar) else {
                continue
            }
            for operand in operands.dropLast() {
                guard try scalars.areEqual(operand, operands[operands.count - 1]) else { return false }
            }
            let value = operands[operands.count - 1]
            return isGold ? try values(value, other) : try values(other, value)
        }
        if g.isOrderRelation, p.isOrderRelation { return try inequalities(g, p) }
        return nil
    }

    /// The value at the end of a chain of equations if all its links are equal.
    private func value(of chain: [Expression]) throws(ComparisonFault) -> Expression? {
        guard let last = chain.last else { return nil }
        for link in chain.dropLast() where link.isScalar && !link.isName {
            guard last.isScalar, try values(link, last) else { return nil }
        }
        return last
    }

    /// Equations of two sides are equal if their differences are proportional.
    private func equations(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool {
        guard case .relation(let a, _) = g, case .relation(let b, _) = p else { return false }
        if a.count == b.count, try all(a, b) { return true }
        guard a.count == 2, b.count == 2, (a + b).allSatisfy(\.isScalar) else { return false }
        let (x, y) = (Expression.difference(a[0], a[1]), Expression.difference(b[0], b[1]))
        guard !x.symbols.isEmpty, x.symbols == y.symbols else { return false }
        return try scalars.proportion(x, y) != nil
    }

    private func inequalities(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool? {
        guard case .relation(let a, let r) = g.ascending, case .relation(let b, let s) = p.ascending else { return nil }
        guard g.symbols == p.symbols else { return false }
        if r == s, try all(a, b) { return true }
        if r.count == 1, s.count == 1, (a + b).allSatisfy(\.isScalar) {
            let (x, y) = (Expression.difference(a[0], a[1]), Expression.difference(b[0], b[1]))
            if r == s, !x.symbols.isEmpty {
                let sign = try scalars.proportion(x, y)
                if sign == 1 || sign != nil && r == [.notEqual] { return true }
            }
        }
        return g.symbols.count == 1 ? try sets(g, p) : false
    }

    // MARK: Sets

    /// Sets of real numbers, and unions of intervals with letters in them.
    private func sets(_ g: Expression, _ p: Expression) throws(ComparisonFault) -> Bool {
        if !allowsSetRelation, p.isOrderRelation, !g.isOrderRelation { return false }
        guard g.isSetLike || p.isSetLike else { return false }
        let reader = SetReader(order: order)
        if let a = try reader.set(g), let b = try reader.set(p) { return try a.equals(b, order) }
        guard let a = g.intervals, let b = p.intervals else { return false }
        guard a.count == b.count, zip(a, b).allSatisfy({ $0.closed == $1.closed }) else { return false }
        return try all(a.flatMap(\.ends), b.flatMap(\.ends))
    }
}

/// Numbers in other bases.
enum BasedNumber {
    /// The value of digits.
    static func value(_ digits: String, _ base: Int) -> Rational? {
        var value = Rational.zero
        for character in digits {
            guard let digit = Int(String(character), radix: 36), digit < base else { return nil }
            value = value * Rational(base) + Rational(digit)
        }
        return value
    }
}

/// Words with a mathematical meaning.
enum AnswerWords {
    private static let numbers = [
        "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ]

    static func meaning(of words: String) -> Expression? {
        if let value = numbers.firstIndex(of: words) { return .integer(value) }
        switch words {
        case "infinity", "positive infinity": return .constant(.infinity)
        case "negative infinity", "-infinity", "minus infinity": return Expression.constant(.infinity).negated
        case "all real numbers", "all reals", "real numbers", "the real numbers", "all real": return .reals
        case "empty set", "the empty set": return .set([])
        default: return nil
        }
    }
}
