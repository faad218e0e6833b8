/// Words around a number in prose that make it something else than the answer.
enum ProseWords {
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
        "times", "plus", "minus", "between", "mod", "modulo", "base", "isn", "never", "either", "sqrt", "of",
        "maybe",
    ]

    /// Words that take back what the sentence says, or leave it open.
    static let denials: Set<String> = [
        "not", "no", "never", "or", "nor", "neither", "either", "wrong", "incorrect", "cannot", "unless", "unlike",
        "except", "false", "but", "maybe", "perhaps", "if",
    ]

    /// Whether a text denies or hedges.
    static func denies(_ text: String) -> Bool {
        let words = text.lowercased().split { !$0.isLetter && $0 != "'" && $0 != "’" }
        return words.contains { denials.contains(String($0)) || $0.hasSuffix("n't") || $0.hasSuffix("n’t") }
    }
}
