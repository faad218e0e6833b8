/// A token that is found in the text itself, before the text is cut into words and merged.
public struct AddedToken: Hashable, Sendable {
    /// Its number.
    public let id: Int
    /// The text that it stands for.
    public let content: String
    /// Whether it controls the model rather than being text: decoding may leave it out, encoding may refuse to see it.
    public let isSpecial: Bool
    /// Whether it swallows the white space before it (`lstrip`).
    public let stripsLeft: Bool
    /// Whether it swallows the white space after it (`rstrip`).
    public let stripsRight: Bool
    /// Whether it is looked for in the normalised text rather than in the raw one (`normalized`).
    public let isNormalized: Bool
    /// Whether it counts only where no word character touches it (`single_word`).
    public let isSingleWord: Bool

    /// An added token; the defaults are those of every token that Qwen adds.
    public init(
        id: Int, content: String, isSpecial: Bool, stripsLeft: Bool = false, stripsRight: Bool = false,
        isNormalized: Bool = false, isSingleWord: Bool = false
    ) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized
        self.isSingleWord = isSingleWord
    }
}
