import ModelFiles
import OrderedJSON
import QwenModel
import Tokenization

/// A model with what turns text into its tokens and back.
public struct LoadedModel: Sendable {
    /// The model.
    public let model: QwenModel
    /// Where its weights came from; full-parameter training reads them once more, unrounded.
    public let source: any WeightSource
    /// Its tokenizer.
    public let tokenizer: Tokenizer
    /// Its chat template, if it has one.
    public let chatTemplate: ChatTemplate?
    /// The tokens that end a completion.
    public let endTokens: Set<Int>

    /// A model of its parts.
    ///
    /// - Parameter endTokens: Those of config.json, generation_config.json and the tokenizer unless given.
    public init(
        model: QwenModel, source: any WeightSource, tokenizer: Tokenizer, chatTemplate: ChatTemplate?,
        endTokens: Set<Int>? = nil
    ) {
        self.model = model
        self.source = source
        self.tokenizer = tokenizer
        self.chatTemplate = chatTemplate
        let generation = (source as? HuggingFaceFolder)?.generationConfig?["eos_token_id"]
        self.endTokens =
            endTokens
            ?? Set(
                model.configuration.eosTokenIDs + (tokenizer.eosID.map { [$0] } ?? [])
                    + (generation?.arrayValue ?? generation.map { [$0] } ?? []).compactMap(\.intValue))
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
        guard let bad = tokens.first(where: { $0 < 0 || $0 >= model.configuration.vocabularySize }) else { return }
        throw TrainingError(
            .data,
            "\(place): token id \(bad) is not below the model's vocabulary of \(model.configuration.vocabularySize); "
                + "the tokenizer or the data belongs to another model")
    }
}
