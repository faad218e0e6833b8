/// The tokenizer that a GGUF file carries, as plain values. Needs no weights.
///
/// Nothing here says that Qwen normalises text to NFC, or which special tokens are skipped when decoding: GGUF has no
/// keys for that.
public struct GGUFTokenizer: Sendable {
    /// What a token is, `tokenizer.ggml.token_type`.
    public enum TokenKind: Int32, Sendable {
        /// An ordinary piece of text.
        case normal = 1
        /// The unknown token.
        case unknown = 2
        /// A special token that is not shown, such as `<|im_end|>`.
        case control = 3
        /// An added token that is shown as text.
        case userDefined = 4
        /// Padding of the vocabulary, `[PAD151936]`; never produced.
        case unused = 5
        /// A single byte.
        case byte = 6
    }

    /// The kind of tokenizer: `gpt2` is byte-level BPE, which all Qwen models have.
    public let model: String
    /// The name of the splitting rule: `qwen2`.
    public let preTokenizer: String?
    /// The tokens, by id, in GPT-2's alphabet of printable bytes (`Ġ` is a space); control tokens are plain text.
    public let tokens: [String]
    /// The kind of each token; all `.normal` if the file does not say.
    public let kinds: [TokenKind]
    /// The merges in order of priority, left and right part separated by one space.
    public let merges: [String]
    /// The id that begins a text, if there is one.
    public let bosTokenID: Int?
    /// The id that ends a text or turn.
    public let eosTokenID: Int?
    /// The id that ends a turn, where it is another than `eosTokenID`.
    public let eotTokenID: Int?
    /// The id that fills up short rows.
    public let paddingTokenID: Int?
    /// Whether a text is to begin with `bosTokenID`; false for Qwen.
    public let addsBOS: Bool
    /// The default chat template's Jinja text.
    public let chatTemplate: String?
    /// Further chat templates by name.
    public let namedChatTemplates: [String: String]

    /// Reads the tokenizer of a file.
    ///
    /// - Throws: `ModelFileError`: `missing` if the file has none, `malformed` if its parts contradict one another,
    ///   `unsupported` if it is not byte-level BPE.
    public init(_ file: GGUFFile) throws(ModelFileError) {
        let keys = GGUFKeys(file)
        model = try keys.require("tokenizer.ggml.model", keys.string)
        guard model == "gpt2" else {
            throw ModelFileError(
                .unsupported,
                "\(file.file.path): tokenizer.ggml.model is '\(model.prefix(60))', expected 'gpt2' (byte-level BPE)")
        }
        preTokenizer = try keys.string("tokenizer.ggml.pre")
        tokens = try keys.require("tokenizer.ggml.tokens", keys.strings)
        merges = try keys.require("tokenizer.ggml.merges", keys.strings)
        kinds = try Self.kinds(keys, count: tokens.count)
        let ids = 0..<tokens.count
        bosTokenID = try keys.integer("tokenizer.ggml.bos_token_id", in: ids)
        eosTokenID = try keys.integer("tokenizer.ggml.eos_token_id", in: ids)
        eotTokenID = try keys.integer("tokenizer.ggml.eot_token_id", in: ids)
        paddingTokenID = try keys.integer("tokenizer.ggml.padding_token_id", in: ids)
        addsBOS = try keys.bool("tokenizer.ggml.add_bos_token") ?? false
        chatTemplate = try keys.string("tokenizer.chat_template")
        var named: [String: String] = [:]
        for name in try keys.strings("tokenizer.chat_templates") ?? [] {
            named[name] = try keys.require("tokenizer.chat_template.\(name)", keys.string)
        }
        namedChatTemplates = named
    }

    private static func kinds(_ keys: GGUFKeys, count: Int) throws(ModelFileError) -> [TokenKind] {
        let key = "tokenizer.ggml.token_type"
        guard let value = keys.file.metadata[key] else { return [TokenKind](repeating: .normal, count: count) }
        guard case .array(.int32(let numbers)) = value else {
            throw keys.wrong(key, value, expected: "an array of int32")
        }
        guard numbers.count == count else {
            throw ModelFileError(
                .malformed,
                "\(keys.file.file.path): \(key) has \(numbers.count) entries, but there are \(count) tokens")
        }
        var kinds: [TokenKind] = []
        kinds.reserveCapacity(count)
        for (id, number) in numbers.enumerated() {
            guard let kind = TokenKind(rawValue: number) else {
                throw ModelFileError(
                    .malformed, "\(keys.file.file.path): \(key) of token \(id) is \(number), expected 1 to 6")
            }
            kinds.append(kind)
        }
        return kinds
    }
}
