extension Recipe.Reward {
    /// The text has a given form.
    public struct Format: RewardSection {
        /// The word in the recipe.
        public static let type = "format"
        static let summary = "1 if the completion has a given form, else 0"

        /// The named forms.
        public static let forms = [
            "think-answer", "think", "think-answer-tags", "reasoning-answer-tags", "answer-tags", "boxed", "code-block",
            "json",
        ]

        /// The form: one of `forms`, or a regular expression for the whole completion.
        public var pattern = "think-answer"

        static let keys: [Key<Self>] = [
            .init(
                "pattern", \.pattern, .form,
                "A named form, or a regular expression (Python's syntax) for the whole completion")
        ]
    }
}

extension ValueType where Value == String {
    /// A named form or a regular expression.
    fileprivate static var form: Self {
        let forms = Recipe.Reward.Format.forms
        let names = forms.map { "`\($0)`" }.joined(separator: ", ")
        return Self(name: "\(names), or regular expression") { value, path, reader in
            guard let text = Self.text.read(value, path, &reader) else { return nil }
            if forms.contains(text) { return text }
            if text.utf8.allSatisfy({ (0x61...0x7A).contains($0 | 0x20) || "-_".utf8.contains($0) }) {
                let hint = Suggestion.nearest(to: text, among: forms).map { "; did you mean '\($0)'?" } ?? ""
                reader.fault(
                    path,
                    "expected one of \(forms.joined(separator: ", ")), or a regular expression, "
                        + "got '\(text.prefix(80))'\(hint)", at: value.place)
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
