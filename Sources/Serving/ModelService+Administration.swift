import InferenceCore
import OrderedJSON
import TextGeneration

extension ModelService {
    /// The answer of `/v1/models`: the base and the adapters.
    public func models() -> JSONValue {
        func entry(_ name: String, created: Int) -> JSONObject {
            [
                "id": .string(name), "object": "model", "created": .integer(created), "owned_by": "touchstone",
                "root": .string(served.name), "parent": .null, "max_model_len": .integer(scheduler.maxContext),
            ]
        }
        let bases: [JSONValue] = served.names.map { .object(entry($0, created: startTime)) }
        let adapters: [JSONValue] = shelf.all.map { version in
            var object = entry(version.name, created: shelf.publicationTime(version.name))
            object["parent"] = .string(served.name)
            object["version"] = .integer(version.version)
            object["digest"] = .string(version.digest)
            return .object(object)
        }
        return ["object": "list", "data": .array(bases + adapters)]
    }

    /// Answers the body of `/tokenize`: `prompt`, or `messages` through the chat template.
    ///
    /// - Throws: `ServingError`.
    public func tokenize(_ body: some Sequence<UInt8>) throws(ServingError) -> JSONValue {
        let fields = try RequestFields(body: body)
        let text: String
        if fields["messages"] != nil {
            var object = fields.object
            object["model"] = object["model"] ?? .string(served.name)
            text = try served.render(try ChatRequest(RequestFields(object), defaults: served.defaults).conversation)
        } else {
            guard let prompt = try fields.text("prompt") else { throw fields.fault("prompt", "a text, or 'messages'") }
            text = prompt
        }
        let ids = try served.encode(text)
        var answer: JSONObject = [
            "count": .integer(ids.count), "max_model_len": .integer(scheduler.maxContext),
            "tokens": .array(ids.map { .integer($0) }),
        ]
        if try fields.flag("return_token_strs") ?? false {
            answer["token_strs"] = .array(ids.map { .string(served.tokenizer.decode(CollectionOfOne($0))) })
        }
        return .object(answer)
    }

    /// Answers the body of `/detokenize`: `tokens`.
    ///
    /// - Throws: `ServingError`.
    public func detokenize(_ body: some Sequence<UInt8>) throws(ServingError) -> JSONValue {
        let fields = try RequestFields(body: body)
        let ids = fields["tokens"]?.arrayValue?.map(\.intValue) ?? [nil]
        guard !ids.contains(nil) else { throw fields.fault("tokens", "a list of token ids") }
        return ["prompt": .string(served.tokenizer.decode(ids.compactMap { $0 }))]
    }

    /// The answer of `/tokenizer_info`: what a client needs to make prompts like the server's.
    public func tokenizerInfo() -> JSONValue {
        let tokenizer = served.tokenizer
        func token(_ id: Int?) -> JSONValue { id.map { .string(tokenizer.decode(CollectionOfOne($0))) } ?? .null }
        return [
            "eos_token": token(tokenizer.eosID), "bos_token": token(tokenizer.bosID),
            "pad_token": token(tokenizer.padID), "vocab_size": .integer(tokenizer.vocabularySize),
            "chat_template": tokenizer.chatTemplate.map { .string($0) } ?? .null,
        ]
    }

    /// Answers the body of `/v1/load_lora_adapter`: `lora_name`, `lora_path`, and `load_inplace` or `expected_digest` to
    /// replace.
    ///
    /// - Parameter folders: Where adapters may be read from.
    /// - Throws: `ServingError`; then nothing has changed.
    public func load(_ body: some Sequence<UInt8>, in folders: AllowedFolders) async throws(ServingError) -> JSONValue {
        let fields = try RequestFields(body: body)
        let (name, path) = (try fields.requiredText("lora_name"), try fields.requiredText("lora_path"))
        let version = try await shelf.load(
            name, from: path, in: folders, inPlace: try fields.flag("load_inplace") ?? false,
            expectedDigest: try fields.text("expected_digest"))
        return [
            "message": .string("Success: LoRA adapter '\(name)' added successfully."), "lora_name": .string(name),
            "version": .integer(version.version), "digest": .string(version.digest),
        ]
    }

    /// Answers the body of `/v1/unload_lora_adapter`: `lora_name`. Waits for the last request that uses it.
    ///
    /// - Throws: `ServingError`.
    public func unload(_ body: some Sequence<UInt8>) async throws(ServingError) -> JSONValue {
        let name = try RequestFields(body: body).requiredText("lora_name")
        try await shelf.unload(name)
        return [
            "message": .string("Success: LoRA adapter '\(name)' removed successfully."), "lora_name": .string(name),
        ]
    }

    /// The page of `/metrics`.
    public func metricsPage() -> String { scheduler.metrics.page(load: scheduler.load, adapters: shelf.all) }
}
