import OrderedJSON

extension Recipe {
    /// One reward; a completion's reward is the weighted sum.
    public struct Reward: Hashable, Sendable {
        /// How completions are scored.
        public enum Kind: String, CaseIterable, Sendable {
            /// The answer equals the row's, mathematically.
            case math
            /// The text has a given form.
            case format
            /// The expression uses the given numbers and reaches the target.
            case countdown
        }

        /// How completions are scored.
        public var type = Kind.math
        /// The name in metrics and completions; never `nil` in a recipe that was read.
        public var name: String?
        /// What the score is multiplied by.
        public var weight = 1.0
        /// The form: `think-answer`, or a regular expression for the whole completion; `nil` unless `type` is `format`.
        public var pattern: String?
    }
}

extension Recipe.Reward: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("type", \.type, .choice(), required: true, "How completions are scored"),
        .init("name", \.name, .optional(.text), "Name in metrics; null: the type"),
        .init("weight", \.weight, .number(.any), "Multiplies the score; negative: a penalty"),
        .init(
            "pattern", \.pattern, .optional(.pattern),
            "Only for type format: `think-answer` (the default there), or a regular expression for the whole completion"
        ),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if type != .format, pattern != nil {
            reader.fault(path + ["pattern"], "applies to type format only; remove it")
        }
    }
}

extension ValueType where Value == Recipe.Reward {
    /// One entry of `rewards`. A type that this version lacks is said plainly, without complaints about its other keys.
    static var reward: Self {
        Self(name: "reward") { value, path, reader in
            let type = value.value(at: ["type"])
            if let word = type?.scalar?.stringValue, ["code", "plugin"].contains(word) {
                reader.fault(
                    path + ["type"],
                    "this version doesn't have \(word) rewards yet; it has "
                        + Recipe.Reward.Kind.allCases.map(\.rawValue).joined(separator: ", "), at: type?.place)
                return nil
            }
            guard var reward = Recipe.Reward.read(value, path, &reader) else { return nil }
            if reward.type == .format, reward.pattern == nil { reward.pattern = "think-answer" }
            return reward
        } write: {
            .object($0.written())
        } rows: { path, value in
            value.documentation(path)
        }
    }
}

extension ValueType where Value == [Recipe.Reward] {
    /// The list of rewards.
    static var rewards: Self {
        let list = list(of: .reward, count: 1...64, "rewards")
        return Self(name: list.name, read: list.read, write: list.write) { path, _ in
            Recipe.Reward().documentation(path + ".N")
        }
    }
}

extension ValueType where Value == String {
    /// A named form or a regular expression.
    static var pattern: Self {
        let names = ["think-answer"]
        return Self(name: "`think-answer` or regular expression") { value, path, reader in
            guard let text = Self.text.read(value, path, &reader), !names.contains(text) else {
                return value.scalar?.stringValue.flatMap { names.contains($0) ? $0 : nil }
            }
            if text.utf8.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) || "-_".utf8.contains($0) }) {
                let hint = Suggestion.nearest(to: text, among: names).map { "; did you mean '\($0)'?" } ?? ""
                reader.fault(
                    path,
                    "expected \(names.joined(separator: ", ")) or a regular expression, got '\(text.prefix(80))'\(hint)",
                    at: value.place)
                return nil
            }
            guard RecipeExpression.isSound(text) else {
                reader.fault(path, "'\(text.prefix(80))' is not a sound regular expression", at: value.place)
                return nil
            }
            return text
        } write: {
            .string($0)
        }
    }
}
