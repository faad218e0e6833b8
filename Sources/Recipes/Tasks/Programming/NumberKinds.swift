extension ProgrammingKind {
    /// Tasks about one or two whole numbers.
    static let numberKinds: [ProgrammingKind] = [
        .init("sum_of_digits", .numbers, level: 1) { random in
            let p = random.numberDigitProperty()
            return .init(
                "Return the sum of the decimal digits of n that are \(p.english).", .number("n", 0...99_999),
                body: "return sum(x for x in map(int, str(n)) if \(p.python))"
            ) { $0.digits.filter(p.value).reduce(0, +) }
        },
        .init("count_digit", .numbers, level: 1) { random in
            let digit = random.integer(in: 0...9)
            return .init(
                "Return how many times the digit \(digit) occurs in the decimal digits of n.",
                .number("n", 0...9_999_999),
                body: "return str(n).count('\(digit)')"
            ) { $0.digits.count { $0 == digit } }
        },
        .init("count_divisors", .numbers, level: 1) { random in
            let p = random.numberProperty()
            return .init(
                "Return how many of the divisors of n (from 1 to n) are \(p.english).", .number("n", 1...240),
                body: "return sum(1 for x in range(1, n + 1) if n % x == 0 and \(p.python))"
            ) { n in (1...n).count { n.isMultiple(of: $0) && p.value($0) } }
        },
        .init("sum_of_multiples", .numbers, level: 1) { random in
            let (a, b) = (random.integer(in: 2...6), random.integer(in: 7...11))
            switch random.integer(in: 0...2) {
            case 0:
                return .init(
                    "Return the sum of all numbers from 1 to n that are multiples of \(a) or of \(b).", .number(),
                    body: "return sum(x for x in range(1, n + 1) if x % \(a) == 0 or x % \(b) == 0)"
                ) { (1...$0).filter { $0 % a == 0 || $0 % b == 0 }.reduce(0, +) }
            case 1:
                return .init(
                    "Return the sum of all numbers from 1 to n that are multiples of exactly one of \(a) and \(b).",
                    .number(), body: "return sum(x for x in range(1, n + 1) if (x % \(a) == 0) != (x % \(b) == 0))"
                ) { (1...$0).filter { ($0 % a == 0) != ($0 % b == 0) }.reduce(0, +) }
            default:
                return .init(
                    "Return the sum of all numbers from 1 to n that are multiples of \(a) but not of \(b).", .number(),
                    body: "return sum(x for x in range(1, n + 1) if x % \(a) == 0 and x % \(b) != 0)"
                ) { (1...$0).filter { $0 % a == 0 && $0 % b != 0 }.reduce(0, +) }
            }
        },
        .init("to_base", .numbers, level: 2) { random in
            let base = random.integer(in: 3...9)
            return .init(
                "Return the digits of n in base \(base) as a text, the most significant first; '0' for 0.",
                .number("n", 0...5000),
                body: "digits = ''\nwhile n > 0:\n    digits = str(n % \(base)) + digits\n    n //= \(base)\n"
                    + "return digits or '0'"
            ) { String($0, radix: base) }
        },
        .init("recurrence", .numbers, level: 2) { random in
            let (a, b) = (random.integer(in: 0...4), random.integer(in: 1...5))
            let (p, q) = (random.integer(in: 1...3), random.integer(in: 1...3))
            return .init(
                "A sequence starts with \(a), \(b); each further term is \(p) times the term before plus \(q) times the one "
                    + "before that. Return its n-th term, where n = 0 means the first.",
                .number("n", 0...14),
                body: "a, b = \(a), \(b)\nfor _ in range(n):\n    a, b = b, \(p) * b + \(q) * a\nreturn a"
            ) { n in
                var pair = (a, b)
                for _ in 0..<n { pair = (pair.1, p * pair.1 + q * pair.0) }
                return pair.0
            }
        },
        .init("count_steps", .numbers, level: 2) { random in
            let (k, add) = (random.integer(in: 2...4), random.integer(in: 1...5))
            return .init(
                "Start with n. While it is greater than \(k): if it is a multiple of \(k), divide it by \(k); otherwise "
                    + "subtract \(add == 1 ? "1" : "the smaller of \(add) and its remainder modulo \(k)"). Return the number "
                    + "of steps.", .number("n", 1...3000),
                body: "steps = 0\nwhile n > \(k):\n    if n % \(k) == 0:\n        n //= \(k)\n    else:\n"
                    + "        n -= min(\(add), n % \(k))\n    steps += 1\nreturn steps"
            ) { n in
                var (n, steps) = (n, 0)
                while n > k {
                    n = n.isMultiple(of: k) ? n / k : n - min(add, n % k)
                    steps += 1
                }
                return steps
            }
        },
        .init("labels", .numbers, level: 2) { random in
            let (a, b) = (random.integer(in: 2...4), random.integer(in: 5...7))
            let (first, second) = (
                random.element(of: ["Fizz", "Tick", "Ping", "Red"]), random.element(of: ["Buzz", "Tock", "Pong"])
            )
            return .init(
                "Return a list with one text for each number from 1 to n: '\(first)\(second)' for a multiple of both \(a) and "
                    + "\(b), '\(first)' for another multiple of \(a), '\(second)' for another multiple of \(b), and the number "
                    + "itself as text for all others.", .number("n", 0...24),
                body:
                    "return [('\(first)' * (i % \(a) == 0) + '\(second)' * (i % \(b) == 0)) or str(i) for i in range(1, n + 1)]"
            ) { n in
                (0..<n).map { i in
                    let text = ((i + 1) % a == 0 ? first : "") + ((i + 1) % b == 0 ? second : "")
                    return text.isEmpty ? String(i + 1) : text
                }
            }
        },
        .init("next_number", .numbers, level: 2) { random in
            let p = random.scarceProperty()
            return .init(
                "Return the smallest number greater than n that is \(p.english).", .number("n", 0...500),
                body: "x = n + 1\nwhile not \(p.python):\n    x += 1\nreturn x"
            ) { n in
                var x = n + 1
                while !p.value(x) { x += 1 }
                return x
            }
        },
        .init("piecewise", .numbers, level: 1) { random in
            let (p, yes, no) = (random.numberProperty(), random.numberTransform(), random.numberTransform())
            return .init(
                "If the number x is among the numbers that are \(p.english), return \(yes.english.trimmedComma); otherwise "
                    + "return \(no.english.trimmedComma).", .number("x", -30...60),
                body: "return \(yes.python) if \(p.python) else \(no.python)"
            ) { p.value($0) ? yes.value($0) : no.value($0) }
        },
        .init("largest_power", .numbers, level: 2) { random in
            let base = random.integer(in: 2...7)
            return .init(
                "Return the largest power of \(base) (\(base)**0 is one too) that is not greater than n.",
                .number("n", 1...9000),
                body: "power = 1\nwhile power * \(base) <= n:\n    power *= \(base)\nreturn power"
            ) { n in
                var power = 1
                while power * base <= n { power *= base }
                return power
            }
        },
        .init("reversed_number", .numbers, level: 1) { random in
            let (k, times) = (random.integer(in: 1...40), random.integer(in: 2...5))
            let isSum = random.integer(in: 0...1) == 0
            return .init(
                "Reverse the decimal digits of n (leading zeros vanish), then "
                    + (isSum ? "add \(k)" : "subtract \(times) times n") + ", and return the result.",
                .number("n", 0...5000), body: "return int(str(n)[::-1]) \(isSum ? "+ \(k)" : "- \(times) * n")"
            ) { n in
                let mirrored = n.digits.reversed().reduce(0) { 10 * $0 + $1 }
                return isSum ? mirrored + k : mirrored - times * n
            }
        },
    ]
}

extension String {
    /// Without a comma at its end.
    fileprivate var trimmedComma: String { hasSuffix(",") ? String(dropLast()) : self }
}

extension TaskRandom {
    /// A property of a single digit.
    fileprivate mutating func numberDigitProperty() -> Phrase<Int, Bool> {
        let k = integer(in: 2...7)
        switch integer(in: 0...5) {
        case 0: return .init("even", "(x % 2 == 0)") { $0.isMultiple(of: 2) }
        case 1: return .init("odd", "(x % 2 == 1)") { !$0.isMultiple(of: 2) }
        case 2: return .init("greater than \(k)", "(x > \(k))") { $0 > k }
        case 3: return .init("less than \(k)", "(x < \(k))") { $0 < k }
        case 4: return .init("not \(k)", "(x != \(k))") { $0 != k }
        default: return .init("multiples of 3 (0 too)", "(x % 3 == 0)") { $0.isMultiple(of: 3) }
        }
    }

    /// A property that some, not most, numbers have, and always one soon.
    fileprivate mutating func scarceProperty() -> Phrase<Int, Bool> {
        let k = integer(in: 3...12)
        switch integer(in: 0...4) {
        case 0:
            return .init("a perfect square", "(int(x ** 0.5 + 0.5) ** 2 == x)") { x in (0...x).contains { $0 * $0 == x }
            }
        case 1: return .init("a prime", "(x > 1 and all(x % d for d in range(2, x)))") { $0.isPrime }
        case 2:
            return .init("a palindrome in decimal digits", "(str(x) == str(x)[::-1])") {
                $0.digits == $0.digits.reversed()
            }
        case 3:
            return .init(
                "a number whose decimal digits sum to a multiple of \(k)", "(sum(map(int, str(x))) % \(k) == 0)"
            ) {
                $0.digits.reduce(0, +).isMultiple(of: k)
            }
        default:
            return .init("a multiple of \(k) but not of 2 × \(k)", "(x % \(k) == 0 and x % \(2 * k) != 0)") {
                $0.isMultiple(of: k) && !$0.isMultiple(of: 2 * k)
            }
        }
    }
}
