import BigInt
import CCalcium
import Rewards

/// Constants as elements of Calcium's exact fields, whose equality is proved and not measured.
///
/// A context lives as long as one question: its caches would grow without bound.
final class CertifiedField {
    /// A part that Calcium's fields don't have, or that is too large for them.
    struct Unsupported: Error {}

    private typealias Pointer = UnsafeMutablePointer<ca_struct>

    private let context: UnsafeMutablePointer<ca_ctx_struct>
    private var numbers: [Pointer] = []
    private let budget: StepBudget
    /// The sign of a real constant, by balls.
    private let sign: (Expression) -> Int?

    /// Degrees of roots, sizes of whole exponents, and nodes beyond which nothing is tried.
    private static let maximumDegree = 48
    private static let maximumExponent = 512
    private static let maximumNodes = 400
    /// Sizes of powers of numbers, in bits, and largest factorial.
    private static let maximumBits = 1 << 22
    private static let maximumFactorial = 50_000
    private var nodes = 0

    init(budget: StepBudget, sign: @escaping (Expression) -> Int?) {
        context = .allocate(capacity: 1)
        ca_ctx_init(context)
        self.budget = budget
        self.sign = sign
    }

    deinit {
        for number in numbers {
            ca_clear(number, context)
            number.deallocate()
        }
        ca_ctx_clear(context)
        context.deallocate()
    }

    /// Whether two constants are equal; `nil` if that can't be proved either way.
    func areEqual(_ a: Expression, _ b: Expression) -> Bool? {
        guard let x = try? number(a), let y = try? number(b) else { return nil }
        switch ca_check_equal(x, y, context) {
        case T_TRUE: return true
        case T_FALSE: return false
        default: return nil
        }
    }

    private func new() -> Pointer {
        let number = Pointer.allocate(capacity: 1)
        ca_init(number, context)
        numbers.append(number)
        return number
    }

    private func made(_ body: (Pointer) -> Void) -> Pointer {
        let result = new()
        body(result)
        return result
    }

    private func number(_ expression: Expression) throws(Unsupported) -> Pointer {
        nodes += 1
        guard nodes <= Self.maximumNodes else { throw Unsupported() }
        do { try budget.spend(8) } catch { throw Unsupported() }
        switch expression {
        case .number(let value), .decimal(let value, _, _):
            return made { out in ExactNumber.with(value) { ca_set_fmpq(out, $0, context) } }
        case .constant(.pi): return made { ca_pi($0, context) }
        case .constant(.i): return made { ca_i($0, context) }
        case .constant(.e):
            let one = made { ca_one($0, context) }
            return made { ca_exp($0, one, context) }
        case .sum(let terms):
            var sum = new()
            for term in terms {
                let (before, next) = (sum, try number(term))
                sum = made { ca_add($0, before, next, context) }
            }
            return sum
        case .product(let factors):
            var product = made { ca_one($0, context) }
            for factor in factors {
                let (before, next) = (product, try number(factor))
                product = made { ca_mul($0, before, next, context) }
            }
            return product
        case .power(let base, let exponent): return try power(base, exponent)
        case .percent(let part): return try number(.product([part, .power(.integer(100), .integer(-1))]))
        case .degrees(let part):
            return try number(.product([part, .constant(.pi), .power(.integer(180), .integer(-1))]))
        case .call(let operation, let arguments): return try call(operation, arguments)
        default: throw Unsupported()
        }
    }

    private func power(_ base: Expression, _ exponent: Expression) throws(Unsupported) -> Pointer {
        if base == .constant(.e) {
            let argument = try number(exponent)
            return made { ca_exp($0, argument, context) }
        }
        if let exact = exponent.literal {
            let size = base.literal.map { max(1, $0.bitWidth) }
            let limit = size.map { max(Self.maximumExponent, Self.maximumBits / $0) } ?? Self.maximumExponent
            guard exact.numerator.magnitude <= limit, exact.denominator.magnitude <= Self.maximumDegree
            else {
                throw Unsupported()
            }
            if exact.denominator.magnitude & 1 == 1, !exact.isInteger, sign(base) == -1 {
                let root = try power(base.negated, exponent)
                return exact.numerator.magnitude & 1 == 1 ? made { ca_neg($0, root, context) } : root
            }
            let value = try number(base)
            return made { out in ExactNumber.with(exact) { ca_pow_fmpq(out, value, $0, context) } }
        }
        let (value, power) = (try number(base), try number(exponent))
        return made { ca_pow($0, value, power, context) }
    }

    private func call(_ operation: Expression.Operation, _ arguments: [Expression]) throws(Unsupported) -> Pointer {
        if operation == .root {
            guard let degree = arguments[1].literal?.int, (1...Self.maximumDegree).contains(degree),
                let exponent = Rational(1, over: BigInt(degree))
            else { throw Unsupported() }
            if degree == 2 {
                let value = try number(arguments[0])
                return made { ca_sqrt($0, value, context) }
            }
            return try power(arguments[0], .number(exponent))
        }
        if operation == .factorial || operation == .binomial { return try combinatorial(operation, arguments) }
        if let definition = Self.definition(operation, arguments) { return try number(definition) }
        let x = try number(arguments[0])
        switch operation {
        case .log:
            let top = made { ca_log($0, x, context) }
            guard arguments[1] != .constant(.e) else { return top }
            let base = try number(arguments[1])
            let bottom = made { ca_log($0, base, context) }
            return made { ca_div($0, top, bottom, context) }
        case .abs: return made { ca_abs($0, x, context) }
        case .sin: return made { ca_sin_cos($0, nil, x, context) }
        case .cos: return made { ca_sin_cos(nil, $0, x, context) }
        case .tan: return made { ca_tan($0, x, context) }
        case .cot: return made { ca_cot($0, x, context) }
        case .arctan: return made { ca_atan($0, x, context) }
        case .arcsin: return made { ca_asin($0, x, context) }
        case .arccos: return made { ca_acos($0, x, context) }
        case .floor: return made { ca_floor($0, x, context) }
        case .ceil: return made { ca_ceil($0, x, context) }
        case .conjugate: return made { ca_conj($0, x, context) }
        default: throw Unsupported()
        }
    }

    private func combinatorial(
        _ operation: Expression.Operation, _ arguments: [Expression]
    ) throws(Unsupported) -> Pointer {
        let values = arguments.compactMap { $0.literal?.int }.filter { (0...Self.maximumFactorial).contains($0) }
        guard values.count == arguments.count else { throw Unsupported() }
        let number = UnsafeMutablePointer<fmpz>.allocate(capacity: 1)
        fmpz_init(number)
        defer {
            fmpz_clear(number)
            number.deallocate()
        }
        if operation == .factorial {
            fmpz_fac_ui(number, UInt(values[0]))
        } else {
            fmpz_bin_uiui(number, UInt(values[0]), UInt(values[1]))
        }
        return made { ca_set_fmpz($0, number, context) }
    }

    /// Functions that Calcium lacks, by those that it has.
    private static func definition(_ operation: Expression.Operation, _ arguments: [Expression]) -> Expression? {
        let x = arguments[0]
        func exp(_ argument: Expression) -> Expression { .power(.constant(.e), argument) }
        func inverse(_ value: Expression) -> Expression { .power(value, .integer(-1)) }
        func ln(_ value: Expression) -> Expression { .call(.log, [value, .constant(.e)]) }
        func root(_ value: Expression) -> Expression { .call(.root, [value, .integer(2)]) }
        let half = Expression.power(.integer(2), .integer(-1))
        let square = Expression.power(x, .integer(2))
        switch operation {
        case .sec: return inverse(.call(.cos, [x]))
        case .csc: return inverse(.call(.sin, [x]))
        case .arccot: return .call(.arctan, [inverse(x)])
        case .arcsec: return .call(.arccos, [inverse(x)])
        case .arccsc: return .call(.arcsin, [inverse(x)])
        case .sinh: return .product([half, .difference(exp(x), exp(x.negated))])
        case .cosh: return .product([half, .sum([exp(x), exp(x.negated)])])
        case .tanh: return .quotient(.difference(exp(x), exp(x.negated)), .sum([exp(x), exp(x.negated)]))
        case .coth: return inverse(.call(.tanh, [x]))
        case .sech: return inverse(.call(.cosh, [x]))
        case .csch: return inverse(.call(.sinh, [x]))
        case .arsinh: return ln(.sum([x, root(.sum([square, .one]))]))
        case .arcosh: return ln(.sum([x, root(.sum([square, .integer(-1)]))]))
        case .artanh: return .product([half, ln(.quotient(.sum([.one, x]), .sum([.one, x.negated])))])
        case .mod: return .difference(x, .product([arguments[1], .call(.floor, [.quotient(x, arguments[1])])]))
        default: return nil
        }
    }
}
