extension Recipe {
    /// Which training rows are left out because they are evaluated on.
    public struct Exclusion: Hashable, Sendable {
        /// Whether rows with the same text are left out, but for capitals, white space and the spelling of characters.
        public var exact = true
        /// Words of an n-gram, for rows with nearly the same text; `nil`: they stay.
        public var ngram: Int?
        /// The share of an evaluation row's n-grams that a training row may hold less than.
        public var overlap = 0.8
    }

    /// Training rows by a pass rate measured before: the output of `reward screen`.
    public struct Screen: Hashable, Sendable {
        /// The file; absolute.
        public var path = ""
        /// Rows with a greater pass rate are used…
        public var above = 0.0
        /// …if it is smaller than this.
        public var below = 1.0
    }

    /// Which tasks come next, by measured pass rates.
    public struct Curriculum: Hashable, Sendable {
        /// A generated source climbs a level when its mean pass rate there reaches this.
        public var raiseAt = 0.8
        /// It goes back a level when the mean falls to this.
        public var lowerAt = 0.1
        /// Groups measured at a level before it may change.
        public var window = 32
        /// Share of a source's prompts from levels below the present one.
        public var review = 0.1
        /// A row goes to the easy pool when its pass rate reaches this.
        public var easyAt = 1.0
        /// A row goes to the hard pool when its pass rate is at most this.
        public var hardAt = 0.0
        /// Share of prompts from the easy pool.
        public var easyShare = 0.1
        /// Share of prompts from the hard pool.
        public var hardShare = 0.1
    }
}

extension Recipe.Exclusion: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "exact", \.exact, .flag,
            "Leave out training rows that are in an evaluation set too, but for capitals and white space"),
        .init(
            "ngram", \.ngram, .optional(.integer(2...64)),
            "Leave out near duplicates too: words of the n-grams that are compared, such as 8; null: keep them"),
        .init(
            "overlap", \.overlap, .number(.over(0, to: 1)),
            "Share of an evaluation row's n-grams from which a training row is a near duplicate"),
    ]
}

extension Recipe.Screen: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "path", \.path, .path, required: true, "What `touchstone reward screen` wrote; rows not in it are left out"),
        .init("above", \.above, .number(.from(-1, to: 1)), "Rows with a greater pass rate are used (-1: all) …"),
        .init("below", \.below, .number(.from(0, to: 2)), "… if it is smaller than this (2: all)"),
    ]
}

extension Recipe.Curriculum: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "raise_at", \.raiseAt, .number(.over(0, to: 1)),
            "Endless generators with several levels: climb one when the mean pass rate at a level reaches this"),
        .init("lower_at", \.lowerAt, .number(.from(0, to: 1)), "Go back a level when it falls to this"),
        .init("window", \.window, .integer(1...1_000_000), "Groups measured at a level before it may change"),
        .init("review", \.review, .number(.from(0, to: 1)), "Share of a source's prompts from levels already climbed"),
        .init(
            "easy_at", \.easyAt, .number(.over(0, to: 1)),
            "Files and generators with a count: a row whose measured pass rate reaches this goes to the easy pool"),
        .init(
            "hard_at", \.hardAt, .number(.from(0, to: 1)), "A row whose pass rate is at most this goes to the hard pool"
        ),
        .init(
            "easy_share", \.easyShare, .number(.from(0, to: 1)),
            "Share of prompts from the easy pool, while it has rows"),
        .init(
            "hard_share", \.hardShare, .number(.from(0, to: 1)),
            "Share of prompts from the hard pool, while it has rows"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if lowerAt >= raiseAt {
            reader.fault(path + ["lower_at"], "expected less than raise_at (\(raiseAt)), got \(lowerAt)")
        }
        if hardAt >= easyAt {
            reader.fault(path + ["hard_at"], "expected less than easy_at (\(easyAt)), got \(hardAt)")
        }
        if easyShare + hardShare > 1 {
            reader.fault(
                path + ["hard_share"],
                "expected easy_share and hard_share to be at most 1 together, got \(easyShare + hardShare)")
        }
    }
}

extension ValueType {
    /// A nested section or null; the reference table has its keys either way.
    ///
    /// - Parameter meaning: What the section is for, said in the table's row of the section itself.
    static func optionalSection<Section: RecipeSection>(_ meaning: String) -> Self where Value == Section? {
        let section = ValueType<Section>.section
        let type = ValueType<Section?>.optional(section)
        return Self(name: type.name, read: type.read, write: type.write) { path, value in
            [.init(key: path, type: "section, or null", standard: "`null`", meaning: meaning)]
                + section.rows(path, value ?? Section())
        }
    }
}
