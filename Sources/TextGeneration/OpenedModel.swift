import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import TensorCore
import Tokenization

/// A model in memory with what goes with it: its tokenizer, an adapter, the tokens that end a completion.
public struct OpenedModel: Sendable {
    /// The weights.
    public let model: QwenModel
    /// The adapter that was asked for.
    public let adapter: Adapter?
    /// The tokenizer; `nil` if the model has none, which is enough for lines with token ids.
    public let tokenizer: Tokenizer?
    /// generation_config.json; `nil` if there is none.
    public let generationConfiguration: JSONValue?
    /// Tokens that end a completion: those of generation_config.json, else of config.json, else the tokenizer's.
    public let endTokens: Set<Int>
    /// Where it came from.
    public let location: ModelLocation

    /// How many ids the model knows.
    public var vocabularySize: Int { model.configuration.vocabularySize }
    /// Longest sequence the model was made for, in tokens.
    public var contextLength: Int { model.configuration.maxPositionEmbeddings }

    /// Loads a model.
    ///
    /// - Parameter adapter: A PEFT folder.
    /// - Parameter precision: Number type of the weights.
    /// - Parameter weights: Whether quantised matrices stay so; no bit of any result depends on it.
    /// - Throws: The readers' errors, which name the file at fault.
    public init(
        _ path: String, adapter adapterPath: String? = nil, precision: ElementType, weights: WeightStorage = .stored
    ) throws {
        location = try ModelLocation(path)
        // Opened first: a wrong path should not cost the time to read the model.
        let adapterFolder = try adapterPath.map { try AdapterFolder(path: $0) }
        let source: any WeightSource
        switch location {
        case .folder(let path):
            let folder = try HuggingFaceFolder(path: path)
            generationConfiguration = folder.generationConfig
            source = folder
        case .gguf(let file):
            generationConfiguration = nil
            source = try GGUFModel(file)
        }
        tokenizer = location.hasTokenizer ? try location.tokenizer() : nil
        model = try QwenModel(source, precision: precision, weights: weights)
        do { adapter = try adapterFolder.map { [model] in try Adapter($0, model: model) } } catch {
            throw TextGenerationError(
                .unusableModel, "\(adapterPath ?? ""): \(error)")
        }
        endTokens = try Self.endTokens(
            location, generation: generationConfiguration, configured: model.configuration.eosTokenIDs, tokenizer)
    }

    /// The ids of a whole text, special tokens recognised.
    ///
    /// - Throws: `TextGenerationError` if there is no tokenizer, or it has ids that the model lacks.
    public func encode(_ text: String) throws -> [Int] {
        let ids = try requireTokenizer().encodeWhole(text)
        if let id = ids.first(where: { $0 >= vocabularySize }) {
            throw TextGenerationError(
                .unusableInput,
                "the tokenizer makes the id \(id), but the model's vocabulary has \(vocabularySize); are they of one model?"
            )
        }
        return ids
    }

    /// The tokenizer.
    ///
    /// - Throws: `TextGenerationError` if the model has none.
    public func requireTokenizer() throws -> Tokenizer {
        guard let tokenizer else {
            throw TextGenerationError(
                .unusableInput,
                "there is text, but \(location.path) has no tokenizer.json; give \"ids\" or add the file")
        }
        return tokenizer
    }

    private static func endTokens(
        _ location: ModelLocation, generation: JSONValue?, configured: [Int], _ tokenizer: Tokenizer?
    ) throws -> Set<Int> {
        if let value = generation?["eos_token_id"], !value.isNull {
            let ids = (value.arrayValue ?? [value]).map(\.intValue)
            guard !ids.contains(nil) else {
                throw TextGenerationError(
                    .unusableModel,
                    "\(location.path)/generation_config.json: eos_token_id is \(value.text()), expected a token id or a list"
                )
            }
            return Set(ids.compactMap { $0 })
        }
        if !configured.isEmpty { return Set(configured) }
        var ids = Set([tokenizer?.eosID].compactMap { $0 })
        if case .gguf(let file) = location, let turn = file.metadata["tokenizer.ggml.eot_token_id"]?.intValue {
            ids.insert(turn)
        }
        return ids
    }
}

extension OpenedModel {
    /// The sampling settings of generation_config.json, as transformers applies them.
    ///
    /// - Throws: `TextGenerationError` for one that is out of range.
    public func samplingDefaults() throws -> SamplingParameters {
        guard let file = generationConfiguration else { return SamplingParameters() }
        func number(_ key: String) -> Double? { file[key]?.doubleValue }
        var parameters = SamplingParameters(
            temperature: number("temperature") ?? 1, topK: file["top_k"]?.intValue ?? 0, topP: number("top_p") ?? 1,
            minP: number("min_p") ?? 0, repetitionPenalty: number("repetition_penalty") ?? 1)
        if file["do_sample"]?.boolValue == false { parameters.temperature = 0 }
        do { try parameters.validate() } catch {
            throw TextGenerationError(
                .unusableModel, "\(location.path)/generation_config.json: \(error.message)")
        }
        return parameters
    }
}
