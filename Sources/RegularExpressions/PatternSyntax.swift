/// A regular expression as a tree.
indirect enum PatternTree {
    case empty
    /// One scalar of a set.
    case scalar(ScalarSet)
    case assertion(PatternAssertion)
    /// A group; `nil` if it does not capture.
    case group(PatternTree, number: Int?)
    case concatenation([PatternTree])
    /// Alternatives, the preferred first.
    case alternation([PatternTree])
    case repetition(PatternTree, minimum: Int, maximum: Int?, isLazy: Bool)

    /// Whether it can match the empty text.
    var isNullable: Bool {
        switch self {
        case .empty, .assertion: true
        case .scalar: false
        case .group(let tree, _): tree.isNullable
        case .concatenation(let trees): trees.allSatisfy(\.isNullable)
        case .alternation(let trees): trees.contains(where: \.isNullable)
        case .repetition(let tree, let minimum, _, _): minimum == 0 || tree.isNullable
        }
    }
}

/// A condition on a place between two scalars.
enum PatternAssertion {
    /// `\A`, and `^` without `(?m)`.
    case textStart
    /// `\Z`.
    case textEnd
    /// `$` without `(?m)`: the end, or before a newline that is the last scalar.
    case textEndOrLastNewline
    /// `^` with `(?m)`.
    case lineStart
    /// `$` with `(?m)`.
    case lineEnd
    /// `\b`.
    case wordBoundary(asciiOnly: Bool)
    /// `\B`.
    case notWordBoundary(asciiOnly: Bool)
}

/// A set of Unicode scalars as a class describes it.
struct ScalarSet {
    /// A class that has an escape of its own.
    enum Category {
        case digit, space, word
    }

    /// One item of a class.
    enum Item {
        case scalar(UInt32)
        case range(ClosedRange<UInt32>)
        case category(Category, isNegated: Bool, asciiOnly: Bool)
    }

    let items: [Item]
    let isNegated: Bool
    let ignoresCase: Bool
    /// The answers for ASCII, worked out once.
    private(set) var ascii: (low: UInt64, high: UInt64) = (0, 0)

    init(_ items: [Item], isNegated: Bool = false, ignoresCase: Bool = false) {
        self.items = items
        self.isNegated = isNegated
        self.ignoresCase = ignoresCase
        for value in 0..<UInt32(128) where search(value) {
            if value < 64 { ascii.low |= 1 << UInt64(value) } else { ascii.high |= 1 << UInt64(value - 64) }
        }
    }

    /// `.`.
    static func dot(matchesNewline: Bool) -> ScalarSet {
        ScalarSet(matchesNewline ? [] : [.scalar(0x0A)], isNegated: true)
    }

    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.low >> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return ascii.high >> UInt64(scalar - 64) & 1 != 0 }
        return search(scalar)
    }

    private func search(_ scalar: UInt32) -> Bool {
        guard ignoresCase else { return items.contains { Self.contains($0, scalar) } != isNegated }
        let lower = ScalarProperties.lowercase(scalar)
        let upper = ScalarProperties.uppercase(lower)
        let isInside = items.contains { item in
            switch item {
            case .scalar(let value): ScalarProperties.uppercase(ScalarProperties.lowercase(value)) == upper
            case .range(let range): range.contains(lower) || range.contains(upper)
            case .category: Self.contains(item, lower)
            }
        }
        return isInside != isNegated
    }

    private static func contains(_ item: Item, _ scalar: UInt32) -> Bool {
        switch item {
        case .scalar(let value): return value == scalar
        case .range(let range): return range.contains(scalar)
        case .category(let category, let isNegated, let asciiOnly):
            if asciiOnly, scalar >= 128 { return isNegated }
            return switch category {
            case .digit: ScalarProperties.isDigit(scalar) != isNegated
            case .space: ScalarProperties.isSpace(scalar) != isNegated
            case .word: ScalarProperties.isWord(scalar) != isNegated
            }
        }
    }
}

/// What Python's `re` asks about a code point.
enum ScalarProperties {
    /// `str.isdecimal`.
    static func isDigit(_ scalar: UInt32) -> Bool {
        if scalar < 128 { return scalar >= 0x30 && scalar <= 0x39 }
        return Unicode.Scalar(scalar)?.properties.generalCategory == .decimalNumber
    }

    /// `str.isspace`.
    static func isSpace(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// `str.isalnum`, or the underscore.
    static func isWord(_ scalar: UInt32) -> Bool {
        if scalar < 128 {
            return switch scalar {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
            default: false
            }
        }
        guard let properties = Unicode.Scalar(scalar)?.properties else { return false }
        return switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: properties.numericType != nil
        }
    }

    /// The lower case where it is one scalar.
    static func lowercase(_ scalar: UInt32) -> UInt32 {
        if scalar < 128 { return scalar >= 0x41 && scalar <= 0x5A ? scalar + 32 : scalar }
        if scalar == 0x130 { return 0x69 }
        guard let mapping = Unicode.Scalar(scalar)?.properties.lowercaseMapping.unicodeScalars else { return scalar }
        return mapping.count == 1 ? mapping.first?.value ?? scalar : scalar
    }

    /// The upper case where it is one scalar.
    static func uppercase(_ scalar: UInt32) -> UInt32 {
        if scalar < 128 { return scalar >= 0x61 && scalar <= 0x7A ? scalar - 32 : scalar }
        guard let mapping = Unicode.Scalar(scalar)?.properties.uppercaseMapping.unicodeScalars else { return scalar }
        return mapping.count == 1 ? mapping.first?.value ?? scalar : scalar
    }
}
