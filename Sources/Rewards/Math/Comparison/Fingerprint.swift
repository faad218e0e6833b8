import BigInt

/// The value of an expression at a pseudo-random point, modulo a prime of about 61 bits.
///
/// Sums, products and whole powers are computed in F_p[i] (p ≡ 3 mod 4, so that i² = −1 has no root in F_p). Everything else
/// is an *atom*, whose value is a hash of its function and of its arguments' values: equal arguments give equal atoms.
/// So two expressions with the same values at several points are equal, but for a chance below 2^-50; and two rational
/// functions with different values differ for certain. An unequal pair with other atoms may still be equal: √2·√2 and 2.
struct Fingerprint {
    /// Why there is no value.
    enum Fault: Error {
        /// A division by zero at this point, or in general.
        case undefined
        /// A part that is not a number.
        case unsupported
        case exhausted
    }

    /// 2^61 − 1, with which each comparison begins.
    static let mersenne: UInt64 = (1 << 61) - 1

    /// Primes for the confirmation, one of them picked by a hash of both texts: none can be aimed at.
    static let primes: [UInt64] = [
        1_180_099_312_393_577_363, 1_203_950_804_364_450_367, 1_315_099_751_705_486_867, 1_462_538_075_656_936_207,
        1_474_675_722_199_104_539, 1_506_875_139_775_673_123, 1_529_437_905_040_929_431, 1_555_452_628_580_416_471,
        1_642_376_672_361_123_967, 1_660_332_462_499_365_931, 1_725_850_133_955_705_067, 1_726_875_602_804_378_479,
        1_788_604_181_032_442_107, 1_792_907_177_218_279_579, 1_821_818_119_969_741_499, 1_823_193_371_287_360_991,
        1_878_710_396_299_930_871, 1_896_771_091_217_674_927, 1_908_501_530_553_746_083, 2_101_433_084_922_347_767,
        2_123_811_941_240_371_103, 2_137_302_426_516_991_631, 2_208_676_702_835_002_003, 2_215_126_979_817_639_467,
    ]

    /// An element of F_p[i].
    struct Element: Hashable {
        var re: UInt64
        var im: UInt64 = 0
    }

    let prime: UInt64
    let seed: UInt64
    private let budget: StepBudget
    /// Atoms other than variables, π and e: with them, unequal values decide nothing.
    private(set) var hasAtoms = false
    /// Atoms that are undefined somewhere, by value: an answer must not hold one that the other side does not.
    private(set) var partialAtoms: Set<UInt64> = []
    private var bound: [String: UInt64] = [:]

    init(prime: UInt64, seed: UInt64, budget: StepBudget) {
        self.prime = prime
        self.seed = seed
        self.budget = budget
    }

    // MARK: Arithmetic

    private func add(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let sum = a &+ b
        return sum >= prime ? sum &- prime : sum
    }

    private func subtract(_ a: UInt64, _ b: UInt64) -> UInt64 { a >= b ? a &- b : a &+ prime &- b }

    private func multiply(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return prime.dividingFullWidth(product).remainder
    }

    func add(_ a: Element, _ b: Element) -> Element { Element(re: add(a.re, b.re), im: add(a.im, b.im)) }

    func multiply(_ a: Element, _ b: Element) -> Element {
        if a.im == 0, b.im == 0 { return Element(re: multiply(a.re, b.re)) }
        return Element(
            re: subtract(multiply(a.re, b.re), multiply(a.im, b.im)),
            im: add(multiply(a.re, b.im), multiply(a.im, b.re)))
    }

    private func power(_ base: Element, _ exponent: UInt64) -> Element {
        var result = Element(re: 1)
        var square = base
        var left = exponent
        while left > 0 {
            if left & 1 == 1 { result = multiply(result, square) }
            square = multiply(square, square)
            left >>= 1
        }
        return result
    }

    private func inverse(_ a: Element) throws(Fault) -> Element {
        let norm = add(multiply(a.re, a.re), multiply(a.im, a.im))
        guard norm != 0 else { throw .undefined }
        let scale = power(Element(re: norm), prime - 2).re
        return Element(re: multiply(a.re, scale), im: multiply(subtract(0, a.im), scale))
    }

    // MARK: Values

    /// The value at this point.
    mutating func value(_ expression: Expression) throws(Fault) -> Element {
        do { try budget.spend() } catch { throw .exhausted }
        switch expression {
        case .number(let value), .decimal(let value, _, _): return try number(value)
        case .symbol(let name): return Element(re: bound[name] ?? atom("v", name))
        case .constant(.pi): return Element(re: atom("c", "pi"))
        case .constant(.e): return Element(re: atom("c", "e"))
        case .constant(.i): return Element(re: 0, im: 1)
        case .constant(.infinity): throw .undefined
        case .sum(let terms):
            var sum = Element(re: 0)
            for term in terms { sum = add(sum, try value(term)) }
            return sum
        case .product(let factors): return try product(factors)
        case .power(let base, let exponent): return try power(base, exponent)
        case .percent(let part): return multiply(try value(part), try number(Rational(1, over: 100) ?? .zero))
        case .degrees(let part):
            let scale = try number(Rational(1, over: 180) ?? .zero)
            return multiply(multiply(try value(part), scale), try value(.constant(.pi)))
        case .call(let operation, let arguments): return try call(operation, arguments)
        case .apply(let name, let arguments): return try atom("f" + name, arguments, isPartial: false)
        case .repeated(let kind, let body, let index, let from, let to):
            return try repeated(kind, body, index, from, to)
        default: throw .unsupported
        }
    }

    private func number(_ value: Rational) throws(Fault) -> Element {
        let top = Element(re: Self.residue(value.numerator, prime))
        if value.isInteger { return top }
        return multiply(top, try inverse(Element(re: Self.residue(value.denominator, prime))))
    }

    private static func residue(_ value: BigInt, _ prime: UInt64) -> UInt64 {
        let rest = UInt64(value.magnitude % BigUInt(prime))
        return value.sign == .minus && rest != 0 ? prime - rest : rest
    }

    private mutating func product(_ factors: [Expression]) throws(Fault) -> Element {
        let partial = partialAtoms.count
        var product = Element(re: 1)
        for factor in factors { product = multiply(product, try value(factor)) }
        // 0 · ln 0 is not 0.
        if product == Element(re: 0), partialAtoms.count > partial { throw .unsupported }
        return product
    }

    private mutating func power(_ base: Expression, _ exponent: Expression) throws(Fault) -> Element {
        if case .sum(let terms) = exponent {  // b^(x+y) = b^x · b^y
            var product = Element(re: 1)
            for term in terms { product = multiply(product, try power(base, term)) }
            return product
        }
        let exponent = try evaluated(exponent)
        let (count, rest) = Self.wholeFactor(exponent)
        if let rest {
            let part = try atomicPower(base, rest)
            return try raised(part, count)
        }
        return try raised(try value(base), count)
    }

    /// An exponent without variables as the number that it is: 2^20 in 2^(2^20).
    private func evaluated(_ exponent: Expression) throws(Fault) -> Expression {
        guard exponent.literal == nil, exponent.symbols.isEmpty else { return exponent }
        do throws(ExactEvaluator.Fault) {
            return try ExactEvaluator(budget: budget).value(exponent).real.map { .number($0) } ?? exponent
        } catch .exhausted {
            throw .exhausted
        } catch {
            return exponent
        }
    }

    private func raised(_ base: Element, _ count: Int) throws(Fault) -> Element {
        if base == Element(re: 0) {
            guard count > 0 else { throw .undefined }
            return base
        }
        let result = power(base, UInt64(count.magnitude))
        return count < 0 ? try inverse(result) : result
    }

    /// Largest whole exponent that is computed: far below the order of the field, where powers repeat.
    private static let maximumExponent = 1 << 40

    /// `exponent = count · rest` with a whole count; no rest for a whole exponent.
    private static func wholeFactor(_ exponent: Expression) -> (Int, Expression?) {
        if let value = exponent.literal {
            if let count = value.int, abs(count) <= maximumExponent { return (count, nil) }
            return (1, exponent)
        }
        if case .product(let factors) = exponent, let index = factors.firstIndex(where: { $0.literal?.int != nil }),
            let count = factors[index].literal?.int, count != 0, abs(count) <= maximumExponent
        {
            var rest = factors
            rest.remove(at: index)
            return (count, .product(of: rest))
        }
        return (1, exponent)
    }

    /// A power whose exponent is no whole number. Square and other roots are spelled in one way.
    private mutating func atomicPower(_ base: Expression, _ exponent: Expression) throws(Fault) -> Element {
        if let value = exponent.literal, value.numerator == 1, let degree = Int(exactly: value.denominator) {
            return try atom("root", [base, .integer(degree)], isPartial: false)
        }
        return try atom("power", [base, exponent], isPartial: true)
    }

    private mutating func call(_ operation: Expression.Operation, _ arguments: [Expression]) throws(Fault) -> Element {
        switch operation {
        case .abs:  // |x| = |−x|
            let value = try value(arguments[0])
            let opposite = Element(re: subtract(0, value.re), im: subtract(0, value.im))
            let smaller =
                value.re < opposite.re || value.re == opposite.re && value.im <= opposite.im ? value : opposite
            return named("abs", [smaller])
        case .root:
            return try atom("root", arguments, isPartial: false)
        case .sin, .cos, .arctan, .sinh, .cosh, .tanh, .arsinh, .floor, .ceil, .sign, .re, .im, .conjugate, .max, .min:
            return try atom(operation.rawValue, arguments, isPartial: false)
        default: return try atom(operation.rawValue, arguments, isPartial: true)
        }
    }

    private mutating func repeated(
        _ kind: Expression.Repetition, _ body: Expression, _ index: String, _ from: Expression, _ to: Expression
    ) throws(Fault) -> Element {
        let first = try value(from)
        let last = to == .constant(.infinity) ? Element(re: 7, im: 7) : try value(to)
        let outer = bound[index]
        bound[index] = atom("bound", String(bound.count))
        let inside = try value(body)
        bound[index] = outer
        return named(kind == .sum ? "sum" : "prod", [first, last, inside], isPartial: true)
    }

    // MARK: Atoms

    private mutating func atom(_ name: String, _ arguments: [Expression], isPartial: Bool) throws(Fault) -> Element {
        var values: [Element] = []
        for argument in arguments { values.append(try value(argument)) }
        return named(name, values, isPartial: isPartial)
    }

    private mutating func named(_ name: String, _ values: [Element], isPartial: Bool = false) -> Element {
        hasAtoms = true
        var hash = Self.hash(name.utf8, seed)
        for value in values { hash = Self.mix(hash ^ value.re) &+ Self.mix(value.im ^ 0x9E37) }
        hash = Self.mix(hash)
        if isPartial { partialAtoms.insert(hash) }
        return Element(re: hash % prime)
    }

    private func atom(_ kind: String, _ name: String) -> UInt64 {
        Self.mix(Self.hash((kind + name).utf8, seed)) % prime
    }

    /// FNV-1a.
    static func hash(_ bytes: some Sequence<UInt8>, _ seed: UInt64) -> UInt64 {
        bytes.reduce(seed ^ 0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    /// SplitMix64's finisher.
    static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
