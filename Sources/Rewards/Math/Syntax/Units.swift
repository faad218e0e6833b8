import BigInt

/// Units of measurement: how they are spelled, and which are multiples of each other.
enum Units {
    /// Units that may stand right behind a number without `\text`.
    static func isPlain(_ word: String) -> Bool { word.utf8.count > 1 && table[word] != nil }

    /// Whether a word is a unit, in the singular or plural.
    static func isKnown(_ word: String) -> Bool {
        table[word] != nil || word.utf8.count > 3 && word.hasSuffix("s") && table[String(word.dropLast())] != nil
    }

    /// Whether a canonical unit measures something that is known here.
    static func isMeasure(_ unit: String) -> Bool {
        base(unit).0.split(separator: "/").allSatisfy { table[String($0)] != nil }
    }

    /// Base unit and factor (a fraction) of each spelling.
    private static let table: [String: (base: String, top: Int, bottom: Int)] = {
        var table: [String: (base: String, top: Int, bottom: Int)] = [:]
        func add(_ base: String, _ rows: [([String], Int, Int)]) {
            for (names, top, bottom) in rows { for name in names { table[name] = (base, top, bottom) } }
        }
        add(
            "m",
            [
                (["nm", "nanometer", "nanometre"], 1, 1_000_000_000), (["mm", "millimeter", "millimetre"], 1, 1000),
                (["cm", "centimeter", "centimetre"], 1, 100), (["dm", "decimeter", "decimetre"], 1, 10),
                (["m", "meter", "metre"], 1, 1), (["km", "kilometer", "kilometre"], 1000, 1),
            ])
        add(
            "in",
            [
                (["in", "inch", "inche"], 1, 1), (["ft", "foot", "feet"], 12, 1), (["yd", "yard"], 36, 1),
                (["mi", "mile"], 63_360, 1),
            ])
        add(
            "g",
            [
                (["mg", "milligram"], 1, 1000), (["g", "gram"], 1, 1), (["kg", "kilogram"], 1000, 1),
                (["tonne"], 1_000_000, 1),
            ])
        add("oz", [(["oz", "ounce"], 1, 1), (["lb", "lbs", "pound"], 16, 1)])
        add(
            "s",
            [
                (["ms", "millisecond"], 1, 1000), (["s", "sec", "second"], 1, 1), (["min", "minute"], 60, 1),
                (["h", "hr", "hour"], 3600, 1), (["day"], 86_400, 1), (["week"], 604_800, 1),
            ])
        add("year", [(["month"], 1, 12), (["yr", "year"], 1, 1)])
        add("l", [(["ml", "mL", "milliliter", "millilitre"], 1, 1000), (["l", "L", "liter", "litre"], 1, 1)])
        add("$", [(["$", "dollar", "usd"], 1, 1), (["cent", "¢"], 1, 100)])
        add("€", [(["€", "euro", "eur"], 1, 1)])
        add("£", [(["£", "gbp"], 1, 1)])
        add("degree", [(["degree"], 1, 1)])
        add("mph", [(["mph"], 1, 1)])
        return table
    }()

    /// Words that count, so that a number with one of them is another number.
    static let multipliers: [String: Int] = [
        "hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000, "trillion": 1_000_000_000_000,
        "dozen": 12,
    ]

    /// Words that are no unit: what stands with them is not simply that number.
    private static let forbidden: Set<String> = [
        "or", "and", "to", "not", "is", "was", "nor", "over", "times", "plus", "minus", "divided", "multiplied",
        "score",
        "half", "halves", "third", "quarter", "pair", "percent", "pi", "mod", "modulo", "squared", "cubed", "factorial",
        "choose", "base", "through", "versus", "vs", "maybe", "perhaps", "possibly", "sqrt", "root", "more", "less",
        "fewer", "approx", "at", "unless", "k", "bn", "if", "when", "where", "for", "with", "otherwise", "except",
        "but",
        "remainder", "negative", "below", "infinity", "wrong", "tens", "ones", "twos", "answer", "because", "then",
        "so",
    ]

    /// A unit in its canonical spelling: lower case but for single letters, no plural, no full stops; `nil` if the words
    /// are none. `power` is 2 or 3 behind `cm^2`.
    static func canonical(_ text: String, power: Int = 1) -> String? {
        var words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        var power = power
        if let last = words.last, power == 1, let (word, exponent) = raised(last) {
            words[words.count - 1] = word
            power = exponent
        }
        if let first = words.first, power == 1, words.count == 2,
            let exponent = ["square": 2, "sq": 2, "cubic": 3][first]
        {
            words.removeFirst()
            power = exponent
        }
        guard (1...4).contains(words.count) else { return nil }
        var spelled: [String] = []
        for word in words {
            let parts = word.split(separator: "/", omittingEmptySubsequences: false).map { canonicalWord(String($0)) }
            guard (1...2).contains(parts.count) else { return nil }
            var known: [String] = []
            for part in parts {
                guard let part else { return nil }
                known.append(part)
            }
            spelled.append(known.joined(separator: "/"))
        }
        if spelled.count == 3, spelled[1] == "per" { spelled = [spelled[0] + "/" + spelled[2]] }
        return spelled.joined(separator: " ") + (power == 1 ? "" : "^\(power)")
    }

    private static func raised(_ word: String) -> (String, Int)? {
        for (suffix, power) in [("^2", 2), ("^{2}", 2), ("^3", 3), ("^{3}", 3)] where word.hasSuffix(suffix) {
            return (String(word.dropLast(suffix.count)), power)
        }
        return nil
    }

    private static func canonicalWord(_ word: String) -> String? {
        var word = word.filter { $0 != "." }
        guard !word.isEmpty, word.utf8.allSatisfy({ MathText.isLetter($0) || $0 >= 0x80 || $0 == 0x24 || $0 == 0x2D })
        else { return nil }
        if table[word] != nil, word.utf8.count <= 2 { return word }
        word = word.lowercased()
        if word.hasSuffix("th") || word.hasSuffix("ths") { return nil }  // tenths
        if forbidden.contains(word) { return nil }
        if word.utf8.count > 3, word.hasSuffix("s"), !word.hasSuffix("ss") { word.removeLast() }
        if multipliers[word] != nil || forbidden.contains(word) { return nil }
        for (long, short) in longNames where word == long { return short }
        return word
    }

    private static let longNames = [
        ("meter", "m"), ("metre", "m"), ("centimeter", "cm"), ("centimetre", "cm"), ("kilometer", "km"),
        ("inche", "inch"),
        ("second", "s"), ("sec", "s"), ("minute", "min"), ("hour", "h"), ("hr", "h"), ("gram", "g"), ("kilogram", "kg"),
        ("dollar", "$"), ("feet", "ft"), ("foot", "ft"), ("usd", "$"), ("euro", "€"), ("mile", "mi"), ("pound", "lb"),
        ("lbs", "lb"), ("inch", "in"), ("yard", "yd"), ("liter", "l"), ("litre", "l"), ("ounce", "oz"),
        ("millimeter", "mm"), ("unit", "unit"), ("sq", "square"),
    ]

    /// How many of the second unit make one of the first: 100 for m and cm; `nil` if they measure different things.
    static func ratio(_ a: String, _ b: String) -> Rational? {
        if a == b { return .one }
        let (first, power) = base(a)
        let (second, other) = base(b)
        guard power == other, let x = table[first], let y = table[second], x.base == y.base,
            let ratio = Rational(BigInt(x.top) * BigInt(y.bottom), over: BigInt(x.bottom) * BigInt(y.top))
        else { return nil }
        return ratio.power(power)
    }

    private static func base(_ unit: String) -> (String, Int) {
        if unit.hasSuffix("^2") { return (String(unit.dropLast(2)), 2) }
        if unit.hasSuffix("^3") { return (String(unit.dropLast(2)), 3) }
        return (unit, 1)
    }
}
