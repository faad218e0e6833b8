import ModelFiles
import OrderedJSON
import QwenModel
import TextGeneration

/// Describes models without loading their weights.
enum ModelInspection {
    /// A Hugging Face folder.
    static func describe(folder path: String) throws -> JSONObject {
        let folder = try HuggingFaceFolder(path: path)
        var summary = TensorSummary()
        for name in folder.tensorNames {
            if let tensor = try? folder.tensor(named: name) { summary.add(tensor) } else { summary.addUnsupported() }
        }
        var description = head(path: path, format: "huggingface", folder.config)
        summary.write(to: &description)
        let location = ModelLocation.folder(path)
        description["tokenizer"] = location.hasTokenizer ? try TokenizerInspection.describe(location) : .null
        description["generation_config"] = folder.generationConfig ?? .null
        return description
    }

    /// A GGUF file.
    static func describe(_ file: GGUFFile) throws -> JSONObject {
        let model = try GGUFModel(file)
        var summary = TensorSummary()
        for name in file.tensorNames { file.tensors[name].map { summary.add($0) } }
        var description = head(path: file.file.path, format: "gguf", model.configuration)
        description["gguf_version"] = .integer(file.version)
        summary.write(to: &description)
        if !model.unknownTensors.isEmpty {
            description["unknown_tensors"] = .array(model.unknownTensors.map { .string($0) })
        }
        let location = ModelLocation.gguf(file)
        description["tokenizer"] = location.hasTokenizer ? try TokenizerInspection.describe(location) : .null
        return description
    }

    private static func head(path: String, format: String, _ configuration: JSONValue) -> JSONObject {
        var description: JSONObject = ["kind": "model", "path": .string(path), "format": .string(format)]
        description["architecture"] = configuration["model_type"] ?? .null
        do {
            let sizes = try QwenConfiguration(configuration, path: path)
            description["supported"] = true
            description["memory"] = .object(ModelMemory.report(sizes))
        } catch {
            description["supported"] = false
            description["reason"] = .string(error.message)
        }
        let keys = [
            "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
            "head_dim", "vocab_size", "max_position_embeddings", "tie_word_embeddings", "num_experts",
            "num_experts_per_tok", "rope_theta", "rope_scaling", "sliding_window", "use_sliding_window", "torch_dtype",
            "dtype", "eos_token_id",
        ]
        var shown = JSONObject()
        for key in keys { if let value = configuration[key], !value.isNull { shown[key] = value } }
        description["configuration"] = .object(shown)
        return description
    }
}

/// Describes tokenizers.
enum TokenizerInspection {
    /// The tokenizer of a model.
    static func describe(_ location: ModelLocation) throws -> JSONValue {
        let tokenizer = try location.tokenizer()
        func token(_ id: Int?) -> JSONValue {
            guard let id else { return .null }
            return ["id": .integer(id), "text": .string(tokenizer.text(of: id) ?? "")]
        }
        return [
            "vocabulary": .integer(tokenizer.vocabularySize), "added_tokens": .integer(tokenizer.addedTokens.count),
            "eos": token(tokenizer.eosID), "pad": token(tokenizer.padID), "bos": token(tokenizer.bosID),
            "chat_template": .bool(tokenizer.chatTemplate != nil || !tokenizer.namedChatTemplates.isEmpty),
        ]
    }
}
