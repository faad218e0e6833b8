/// The words around a number: variables before it, units and hedges after it.
enum NumberWords {
    /// `x = rest`: one letter or Greek command, perhaps with a subscript, and a single equals sign.
    static func assignment(_ bytes: ArraySlice<UInt8>) -> (name: String, rest: ArraySlice<UInt8>)? {
        guard let equals = bytes.firstIndex(of: 0x3D), bytes[(equals + 1)...].firstIndex(of: 0x3D) == nil else {
            return nil
        }
        let name = MathText.trimmed(bytes[..<equals])
        guard (1...24).contains(name.count) else { return nil }
        var rest = name
        if rest.first == 0x5C {
            rest = rest.dropFirst()
            let letters = rest.prefix(while: MathText.isLetter)
            guard greek.contains(MathText.string(letters)) else { return nil }
            rest = rest.dropFirst(letters.count)
        } else {
            guard let first = rest.first, MathText.isLetter(first) else { return nil }
            rest = rest.dropFirst()
        }
        if rest.first == 0x5F {  // _
            rest = rest.dropFirst()
            let inside = MathText.inside(of: rest, 0x7B, 0x7D) ?? (rest.count == 1 ? rest : [])
            guard !inside.isEmpty, inside.allSatisfy(MathText.isWord) else { return nil }
            rest = []
        }
        return rest.isEmpty ? (MathText.string(name), bytes[(equals + 1)...]) : nil
    }

    private static let greek: Set<String> = [
        "alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "omega", "ell",
    ]

    /// Words after a number that change its value or leave it open, so that the number alone is not the answer.
    static let changing: Set<String> = [
        "or", "and", "to", "not", "is", "was", "nor", "over", "times", "plus", "minus", "divided", "multiplied",
        "hundred",
        "thousand", "million", "billion", "trillion", "dozen", "dozens", "score", "half", "halves", "third", "thirds",
        "quarter", "quarters", "pair", "pairs", "percent", "pi", "mod", "modulo", "squared", "cubed", "factorial",
        "choose",
        "base", "through", "versus", "vs", "maybe", "perhaps", "possibly", "sqrt", "root", "more", "less", "fewer",
        "approx",
        "at", "plusmn", "unless", "k", "bn", "if", "when", "where", "for", "with", "otherwise", "except", "but",
        "remainder", "negative", "below", "infinity", "wrong", "tens", "ones", "twos",
    ]

    /// Words before a number that make it one of several, or not the value itself.
    static let changingBefore: Set<String> = [
        "or", "and", "to", "not", "nor", "than", "least", "most", "about", "approximately", "around", "roughly", "over",
        "times", "plus", "minus", "by", "between", "mod", "modulo", "base", "isn", "never", "either", "sqrt", "of",
        "maybe",
    ]

    /// Units that may stand without `\text`.
    static let units: Set<String> = [
        "mm", "cm", "dm", "m", "km", "in", "inch", "inches", "ft", "feet", "foot", "yd", "yard", "yards", "mi", "mile",
        "miles", "meter", "meters", "centimeter", "centimeters", "kilometer", "kilometers", "mg", "g", "kg", "gram",
        "grams",
        "kilogram", "kilograms", "lb", "lbs", "pound", "pounds", "oz", "ounce", "ounces", "ml", "mL", "L", "liter",
        "liters",
        "s", "sec", "second", "seconds", "min", "minute", "minutes", "hr", "hrs", "hour", "hours", "day", "days",
        "week",
        "weeks", "month", "months", "year", "years", "mph", "km/h", "m/s", "dollar", "dollars", "cent", "cents",
        "degree",
        "degrees", "unit", "units", "square", "cubic",
    ]

    /// The unit after a number, spelled so that equal units are equal; `nil` if what follows is anything else.
    static func unit(_ bytes: ArraySlice<UInt8>) -> String? {
        var body = MathText.trimmed(bytes)
        guard body.count <= 64 else { return nil }
        let whole = MathText.string(body)
        if ["^\\circ", "^{\\circ}", "\\degree", "\\degrees"].contains(whole) { return "degree" }
        var power = ""
        for suffix in ["^2", "^{2}", "^3", "^{3}", "²", "³"] where whole.hasSuffix(suffix) {
            power = suffix.contains("2") || suffix == "²" ? "^2" : "^3"
            body = body.dropLast(suffix.utf8.count)
            break
        }
        var isText = false
        for command in ["\\text", "\\mathrm", "\\textbf", "\\mbox", "\\textrm", "\\rm"] {
            let wrapper = Array(command.utf8)
            if body.starts(with: wrapper), let inside = MathText.inside(of: body.dropFirst(wrapper.count), 0x7B, 0x7D) {
                body = MathText.trimmed(inside)
                isText = true
                break
            }
        }
        let words = MathText.string(body).split(separator: " ")
        guard (1...3).contains(words.count), words.allSatisfy({ isUnitWord($0, isText: isText) }) else { return nil }
        return words.map { singular($0) }.joined(separator: " ") + power
    }

    private static func isUnitWord(_ word: Substring, isText: Bool) -> Bool {
        if units.contains(String(word)) { return isText || word.utf8.count > 1 }  // `5m` may be a product
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard isText, parts.count <= 2 else { return false }
        return parts.allSatisfy { part in
            let isFraction = part.hasSuffix("th") || part.hasSuffix("ths")  // tenths
            return !part.isEmpty && part.utf8.allSatisfy(MathText.isLetter) && !isFraction
                && !changing.contains(part.lowercased())
        }
    }

    private static func singular(_ word: Substring) -> String {
        word.count > 3 && word.hasSuffix("s") ? String(word.dropLast()) : String(word)
    }
}
