import Synchronization

/// Turns text into token ids and back: byte-level byte-pair encoding as Qwen models use it.
///
/// The ids are those of the published tokenizer, character for character: added tokens are found in the raw text, the
/// rest is brought into NFC, cut into words by Qwen's pattern, and the bytes of each word are merged by rank.
/// One tokenizer may be used from any number of threads.
///
///     let tokenizer = try Tokenizer(folder: modelFolder)
///     let ids = tokenizer.encode("Hello<|im_end|>")
///     let text = tokenizer.decode(ids, skipSpecialTokens: true)
public final class Tokenizer: Sendable {
    /// The tokens that are found in the text itself, by rising id.
    public let addedTokens: [AddedToken]
    /// The id that ends a completion (`eos_token`), if the tokenizer names one; generation settings may name more.
    public let eosID: Int?
    /// The id that fills rows up (`pad_token`), if the tokenizer names one.
    public let padID: Int?
    /// The id that begins a text (`bos_token`), if the tokenizer names one; `encode` never adds it.
    public let bosID: Int?
    /// The ids that the tokenizer begins every text with: none for Qwen's own models, `bosID` for the DeepSeek-R1 models
    /// made from them. `encodeWhole` adds them.
    public let prefixIDs: [Int]
    /// The default chat template as Jinja text, if the tokenizer carries one.
    public let chatTemplate: String?
    /// Chat templates that go by a name (`tool_use`, …), the default among them if it is named so.
    public let namedChatTemplates: [String: String]
    /// The highest id of any token, plus one. A model's embedding may have more rows: they mean nothing.
    public let vocabularySize: Int

    let vocabulary: Vocabulary
    let normalizes: Bool
    let rawMatcher: AddedTokenMatcher
    let normalizedMatcher: AddedTokenMatcher
    let encoders = Mutex<[WordEncoder]>([])
    private let addedByID: [Int: AddedToken]
    private let lowestAddedID: Int
    private let addedByContent: [[UInt8]: Int]

    /// A tokenizer from its checked parts.
    init(_ definition: TokenizerDefinition) throws(TokenizationError) {
        vocabulary = try Vocabulary(definition)
        normalizes = definition.normalizes
        chatTemplate = definition.chatTemplate
        namedChatTemplates = definition.namedChatTemplates

        var byID: [Int: AddedToken] = [:]
        var byContent: [[UInt8]: Int] = [:]
        for token in definition.addedTokens where !token.content.isEmpty {
            try definition.check(token, vocabulary: vocabulary, sameID: byID[token.id], byContent)
            byID[token.id] = token
            byContent[Array(token.content.utf8)] = token.id
        }
        addedByID = byID
        addedByContent = byContent
        addedTokens = byID.values.sorted { $0.id < $1.id }
        lowestAddedID = addedTokens.first?.id ?? .max
        vocabularySize = max(vocabulary.count, (addedTokens.last?.id ?? -1) + 1)

        let normalizes = normalizes
        rawMatcher = AddedTokenMatcher(addedTokens.filter { !$0.isNormalized }.map { ($0, Array($0.content.utf8)) })
        normalizedMatcher = AddedTokenMatcher(
            addedTokens.filter(\.isNormalized).map { token in
                let bytes = Array(token.content.utf8)
                return (token, normalizes ? CanonicalComposition.normalize(bytes[...]) ?? bytes : bytes)
            })

        eosID = try definition.eos?.id(in: vocabulary, byContent, named: "eos_token")
        padID = try definition.pad?.id(in: vocabulary, byContent, named: "pad_token")
        bosID = try definition.bos?.id(in: vocabulary, byContent, named: "bos_token")
        let vocabulary = vocabulary
        prefixIDs = try definition.prefix.map { reference throws(TokenizationError) in
            try reference.id(in: vocabulary, byContent, named: "the token that begins a text")
        }
    }

    /// The id of a token by its text for an added token, by its spelling in the vocabulary file (`Ġhello`) for others.
    public func id(of token: String) -> Int? {
        addedByContent[Array(token.utf8)] ?? vocabulary.id(ofSpelling: token.utf8)
    }

    /// The bytes that a token stands for, often only a part of a character; `nil` if no token has the id.
    public func bytes(of id: Int) -> [UInt8]? {
        slice(of: id).map(Array.init)
    }

    /// The added token of an id, if it is one.
    public func addedToken(of id: Int) -> AddedToken? { id >= lowestAddedID ? addedByID[id] : nil }

    /// The bytes of a token without a copy for those of the vocabulary.
    func slice(of id: Int) -> ArraySlice<UInt8>? {
        if id >= lowestAddedID, let token = addedByID[id] { return Array(token.content.utf8)[...] }
        return vocabulary.bytes(of: id)
    }
}
