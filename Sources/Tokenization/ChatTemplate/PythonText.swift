/// What Python's `str` does, on Unicode scalars: Swift's own string functions work on characters and take canonically
/// equivalent texts for equal.
enum PythonText {
    /// `str.isspace` of one scalar.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0: true
        case 0..<0x1680: false
        default: scalar.properties.isWhitespace
        }
    }

    /// `\w` of Python's regular expressions.
    static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return scalar == "_" || ("0"..."9").contains(scalar) || ("a"..."z").contains(scalar)
                || ("A"..."Z").contains(scalar)
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber:
            return true
        default: return false
        }
    }

    /// Whether two texts have the same scalars.
    static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8)
    }

    /// Whether a text comes before another in the order of scalars, which is the order of UTF-8 bytes.
    static func precedes(_ left: String, _ right: String) -> Bool { left.utf8.lexicographicallyPrecedes(right.utf8) }

    /// `str.endswith`
    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
        text.utf8.count >= suffix.utf8.count && text.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// `str.isalpha` of one scalar.
    static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: false
        }
    }

    /// `strip`, `lstrip` and `rstrip`; `characters` nil means space.
    static func strip(_ text: String, _ characters: String? = nil, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func isStripped(_ scalar: Unicode.Scalar) -> Bool { set?.contains(scalar) ?? isSpace(scalar) }
        var scalars = text.unicodeScalars[...]
        if left { scalars = scalars.drop(while: isStripped) }
        if right { while let last = scalars.last, isStripped(last) { scalars.removeLast() } }
        return String(Substring(scalars))
    }

    /// `str.title`, and `str.capitalize` when only the first letter counts.
    static func title(_ text: String, onlyFirst: Bool = false) -> String {
        var result = ""
        var insideWord = false
        for scalar in text.unicodeScalars {
            result += insideWord ? scalar.properties.lowercaseMapping : scalar.properties.titlecaseMapping
            insideWord = onlyFirst || scalar.properties.isCased
        }
        return result
    }

    /// `str.split` and `str.rsplit` without a separator.
    static func splitSpace(_ text: String, limit: Int = -1, fromRight: Bool = false) -> [String] {
        let scalars = Array(text.unicodeScalars)
        var words: [Range<Int>] = []
        var index = 0
        while index < scalars.count {
            while index < scalars.count, isSpace(scalars[index]) { index += 1 }
            let start = index
            while index < scalars.count, !isSpace(scalars[index]) { index += 1 }
            if start < index { words.append(start..<index) }
        }
        if limit >= 0, words.count > limit {
            if fromRight {
                let rest = words.count - limit
                words.replaceSubrange(0..<rest, with: [0..<words[rest - 1].upperBound])
            } else {
                let start = words[limit].lowerBound
                words.replaceSubrange(limit..., with: [start..<scalars.count])
            }
        }
        return words.map { range in
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars[range])
            return String(view)
        }
    }

    /// A string literal as Python's `repr` writes it.
    static func representation(_ text: String) -> String {
        let quote: Unicode.Scalar = text.utf8.contains(39) && !text.utf8.contains(34) ? "\"" : "'"
        var result = String(quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case quote: result += "\\" + String(quote)
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if isPrintable(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let (mark, width) = scalar.value < 0x100 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                    let hex = String(scalar.value, radix: 16)
                    result += "\\" + mark + String(repeating: "0", count: width - hex.count) + hex
                }
            }
        }
        result.unicodeScalars.append(quote)
        return result
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}
