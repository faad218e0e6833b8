import InferenceCore
import OrderedJSON
import Randomness
import TextGeneration
import Tokenization

/// Makes generation requests of lines: `ids`, `prompt` (text) or `messages` (a conversation).
final class PromptReader {
    /// What all requests have in common.
    struct Settings {
        var parameters: SamplingParameters
        var seed: UInt64
        var samples: Int
        var maxNewTokens: Int
        var endTokens: Set<Int>
        var stops: StopMatcher
        var enableThinking: Bool?
        var thought: ThoughtLimits?
        var chatTemplate: String?
    }

    private let loaded: OpenedModel
    private let settings: Settings
    private let hasStops: Bool
    private var templates: ChatTemplates?

    init(_ loaded: OpenedModel, _ settings: Settings, hasStops: Bool) {
        self.loaded = loaded
        self.settings = settings
        self.hasStops = hasStops
    }

    /// The request of a line; a sample's draws are addressed by the seed, the line's index and the sample's number.
    ///
    /// - Throws: `LineError` for a line that can't be used.
    func request(_ line: InputLine) throws -> GenerationRequest {
        let prompt = try prompt(line)
        guard !prompt.isEmpty else { throw LineError("the prompt is empty, expected at least one token") }
        guard prompt.count < loaded.contextLength else {
            throw LineError(
                "the prompt has \(prompt.count) tokens, the model's context holds \(loaded.contextLength) "
                    + "(max_position_embeddings); shorten it")
        }
        var request = GenerationRequest(
            prompt: prompt,
            samples: (0..<settings.samples).map {
                RandomAddress(seed: settings.seed, purpose: .sampling, prompt: line.index, sample: $0)
            },
            adapter: loaded.adapter, parameters: settings.parameters, maxNewTokens: settings.maxNewTokens,
            endTokens: settings.endTokens)
        request.thought = settings.thought
        if hasStops, let tokenizer = loaded.tokenizer {
            let watch = StopWatch(tokenizer, stops: settings.stops)
            request.isStopped = { watch.isStopped($0, $1) }
        }
        return request
    }

    private func prompt(_ line: InputLine) throws -> [Int] {
        if line.has("ids") { return try line.ids("ids", vocabulary: loaded.vocabularySize) }
        if line.has("prompt") { return try loaded.lineIDs(try line.text("prompt")) }
        guard line.has("messages") else {
            throw LineError("no prompt, expected \"ids\", \"prompt\" (a text) or \"messages\" (a conversation)")
        }
        var conversation = try Conversation(line, addGenerationPrompt: true)
        if let thinking = settings.enableThinking, conversation.variables["enable_thinking"] == nil {
            conversation.variables["enable_thinking"] = .bool(thinking)
        }
        let templates = try chatTemplates()
        let text: String
        do { text = try templates.render(conversation) } catch { throw LineError(error.description) }
        return try loaded.lineIDs(text)
    }

    private func chatTemplates() throws -> ChatTemplates {
        if let templates { return templates }
        let loaded = try ChatTemplates(loaded.location, replacement: settings.chatTemplate)
        templates = loaded
        return loaded
    }
}
