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

    /// What turns text into its tokens and back.
    public var text: ModelText {
        ModelText(
            tokenizer: tokenizer, chatTemplate: chatTemplate, endTokens: endTokens,
            vocabularySize: model.configuration.vocabularySize)
    }
}
