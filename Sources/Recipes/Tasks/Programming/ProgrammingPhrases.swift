/// A property of a value, or something made of it: in English, in Python and in Swift. Tasks are put together of these, so
/// that there are far more of them than kinds.
struct Phrase<Input, Output>: Sendable {
    /// A property reads after "that are"; something made reads by itself, "the square".
    let english: String
    /// A Python expression of the variable `x`; binds as tightly as a call or is in parentheses.
    let python: String
    /// The same in Swift.
    let value: @Sendable (Input) -> Output

    init(_ english: String, _ python: String, _ value: @escaping @Sendable (Input) -> Output) {
        (self.english, self.python, self.value) = (english, python, value)
    }
}

extension TaskRandom {
    /// A property of whole numbers: "numbers that are …".
    mutating func numberProperty() -> Phrase<Int, Bool> {
        let k = integer(in: 3...9)
        let limit = integer(in: 1...18)
        switch integer(in: 0...12) {
        case 0: return .init("even", "(x % 2 == 0)") { $0.isMultiple(of: 2) }
        case 1: return .init("odd", "(x % 2 == 1)") { !$0.isMultiple(of: 2) }
        case 2: return .init("positive", "(x > 0)") { $0 > 0 }
        case 3: return .init("negative", "(x < 0)") { $0 < 0 }
        case 4: return .init("multiples of \(k)", "(x % \(k) == 0)") { $0.isMultiple(of: k) }
        case 5: return .init("not multiples of \(k)", "(x % \(k) != 0)") { !$0.isMultiple(of: k) }
        case 6: return .init("greater than \(limit)", "(x > \(limit))") { $0 > limit }
        case 7: return .init("less than \(limit)", "(x < \(limit))") { $0 < limit }
        case 8: return .init("at least \(limit)", "(x >= \(limit))") { $0 >= limit }
        case 9:
            let high = limit + k
            return .init("between \(limit) and \(high) (both included)", "(\(limit) <= x <= \(high))") {
                $0 >= limit && $0 <= high
            }
        case 10:
            return .init("further than \(limit) from zero", "(abs(x) > \(limit))") { abs($0) > limit }
        case 11:
            return .init("prime", "(x > 1 and all(x % d for d in range(2, x)))") { $0.isPrime }
        default:
            return .init("numbers with \(k) as their last decimal digit", "(abs(x) % 10 == \(k))") { abs($0) % 10 == k }
        }
    }

    /// Something made of a whole number: "take …".
    mutating func numberTransform() -> Phrase<Int, Int> {
        let k = integer(in: 2...9)
        switch integer(in: 0...8) {
        case 0: return .init("its square", "(x * x)") { $0 * $0 }
        case 1: return .init("its double", "(2 * x)") { 2 * $0 }
        case 2: return .init("its absolute value", "abs(x)") { abs($0) }
        case 3: return .init("the number plus \(k)", "(x + \(k))") { $0 + k }
        case 4: return .init("\(k) minus the number", "(\(k) - x)") { k - $0 }
        case 5: return .init("\(k + 1) times the number", "(\(k + 1) * x)") { (k + 1) * $0 }
        case 6: return .init("x % \(k), where x is the number,", "(x % \(k))") { $0.modulo(k) }
        case 7: return .init("x // \(k), where x is the number,", "(x // \(k))") { $0.floorDivided(by: k) }
        default:
            return .init("the sum of its decimal digits (without sign)", "sum(int(d) for d in str(abs(x)))") {
                $0.digits.reduce(0, +)
            }
        }
    }

    /// What is made of a list of numbers in the end.
    ///
    /// - Parameter isOrdered: Whether the numbers have an order, so that there is a last one.
    mutating func numberReduction(isOrdered: Bool = true) -> Phrase<[Int], Int> {
        switch integer(in: 0...(isOrdered ? 4 : 3)) {
        case 0: .init("the sum", "sum(xs)") { $0.reduce(0, +) }
        case 1: .init("the largest (0 if there is none)", "max(xs, default=0)") { $0.max() ?? 0 }
        case 2: .init("the smallest (0 if there is none)", "min(xs, default=0)") { $0.min() ?? 0 }
        case 3: .init("how many different values there are", "len(set(xs))") { Set($0).count }
        default: .init("the last (0 if there is none)", "(xs[-1] if xs else 0)") { $0.last ?? 0 }
        }
    }

    /// A property of characters: "characters that are …".
    mutating func characterProperty() -> Phrase<Character, Bool> {
        switch integer(in: 0...7) {
        case 0:
            return .init("vowels (a, e, i, o, u, in either case)", "(x in 'aeiouAEIOU')") { "aeiouAEIOU".contains($0) }
        case 1:
            return .init("letters but not vowels (a, e, i, o, u)", "(x.isalpha() and x not in 'aeiouAEIOU')") {
                $0.isLetter && !"aeiouAEIOU".contains($0)
            }
        case 2: return .init("decimal digits", "x.isdigit()") { $0.isNumber }
        case 3: return .init("upper-case letters", "x.isupper()") { $0.isUppercase }
        case 4: return .init("lower-case letters", "x.islower()") { $0.isLowercase }
        case 5:
            return .init("neither letters nor digits", "(not x.isalnum())") { !$0.isLetter && !$0.isNumber }
        case 6:
            let last = element(of: Array("cdei"))
            return .init(
                "among the first letters of the alphabet, a to \(last), in lower case", "('a' <= x <= '\(last)')"
            ) {
                $0 >= "a" && $0 <= last
            }
        default:
            let digit = integer(in: 2...7)
            return .init("digits greater than \(digit)", "(x.isdigit() and int(x) > \(digit))") {
                $0.wholeNumberValue.map { $0 > digit } ?? false
            }
        }
    }

    /// Something made of a character: "replaced by …".
    mutating func characterTransform() -> Phrase<Character, String> {
        let mark = element(of: ["*", "#", ".", "+"])
        switch integer(in: 0...4) {
        case 0: return .init("replaced by '\(mark)'", "'\(mark)'") { _ in mark }
        case 1: return .init("written twice", "(x * 2)") { String([$0, $0]) }
        case 2: return .init("left out", "''") { _ in "" }
        case 3: return .init("followed by '\(mark)'", "(x + '\(mark)')") { String($0) + mark }
        default: return .init("put in square brackets", "('[' + x + ']')") { "[\($0)]" }
        }
    }

    /// A property of words: "words that …".
    mutating func wordProperty() -> Phrase<String, Bool> {
        let letter = element(of: ["a", "e", "i", "o", "r", "n", "l"])
        let k = integer(in: 2...5)
        switch integer(in: 0...7) {
        case 0: return .init("have more than \(k) letters", "(len(x) > \(k))") { $0.count > k }
        case 1: return .init("have at most \(k) letters", "(len(x) <= \(k))") { $0.count <= k }
        case 2: return .init("contain the letter '\(letter)'", "('\(letter)' in x)") { $0.contains(letter) }
        case 3: return .init("don't contain the letter '\(letter)'", "('\(letter)' not in x)") { !$0.contains(letter) }
        case 4: return .init("start with a vowel", "(x[0] in 'aeiou')") { "aeiou".contains($0.prefix(1)) }
        case 5: return .init("end with '\(letter)'", "x.endswith('\(letter)')") { $0.hasSuffix(letter) }
        case 6: return .init("have an even number of letters", "(len(x) % 2 == 0)") { $0.count.isMultiple(of: 2) }
        default:
            return .init("have a letter more than once", "(len(set(x)) < len(x))") { Set($0).count < $0.count }
        }
    }

    /// Something made of a word.
    mutating func wordTransform() -> Phrase<String, String> {
        let k = integer(in: 2...3)
        switch integer(in: 0...6) {
        case 0: return .init("reversed", "x[::-1]") { String($0.reversed()) }
        case 1: return .init("in upper case", "x.upper()") { $0.uppercased() }
        case 2:
            return .init("with a capital first letter", "x.capitalize()") { $0.prefix(1).uppercased() + $0.dropFirst() }
        case 3: return .init("cut to its first \(k) letters", "x[:\(k)]") { String($0.prefix(k)) }
        case 4: return .init("without its first letter", "x[1:]") { String($0.dropFirst()) }
        case 5:
            return .init("with its first letter moved to the end", "(x[1:] + x[:1])") {
                String($0.dropFirst() + $0.prefix(1))
            }
        default:
            return .init("followed by its number of letters", "(x + str(len(x)))") { $0 + String($0.count) }
        }
    }
}
