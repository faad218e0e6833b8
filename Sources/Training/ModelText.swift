import OrderedJSON
import Tokenization

/// What turns text into a model's tokens and back; needs none of its weights.
public struct ModelText: Sendable {
    /// The tokenizer.
    public let tokenizer: Tokenizer
    /// The chat template, if the model has one.
    public let chatTemplate: ChatTemplate?
    /// The tokens that end a completion.
    public let endTokens: Set<Int>
    /// Tokens that have a row in the embedding.
    public let vocabularySize: Int

    /// A text side of its parts.
    public init(tokenizer: Tokenizer, chatTemplate: ChatTemplate?, endTokens: Set<Int>, vocabularySize: Int) {
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        self.endTokens = endTokens
        self.vocabularySize = vocabularySize
    }

    /// The names of special tokens that templates may print.
    var templateVariables: JSONObject {
        var variables = JSONObject()
        for (name, id) in [
            ("bos_token", tokenizer.bosID), ("eos_token", tokenizer.eosID), ("pad_token", tokenizer.padID),
        ] {
            if let text = id.flatMap({ tokenizer.addedToken(of: $0)?.content }) { variables[name] = .string(text) }
        }
        return variables
    }

    /// Checks that tokens are rows of the embedding.
    func check(_ tokens: [Int], _ place: String) throws(TrainingError) {
        guard let bad = tokens.first(where: { $0 < 0 || $0 >= vocabularySize }) else { return }
        throw TrainingError(
            .data,
            "\(place): token id \(bad) is not below the model's vocabulary of \(vocabularySize); "
                + "the tokenizer or the data belongs to another model")
    }
}
