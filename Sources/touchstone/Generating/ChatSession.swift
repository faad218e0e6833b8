import InferenceCore
import OrderedJSON
import Randomness
import Synchronization
import TextGeneration
import Tokenization

/// A conversation with a model.
struct ChatSession {
    private let loaded: OpenedModel
    private let tokenizer: Tokenizer
    private let templates: ChatTemplates
    private let parameters: SamplingParameters
    private let maxNewTokens: Int
    private let seed: UInt64
    private let engine: Engine
    private let opening: [JSONValue]
    private var conversation: Conversation
    private var turn = 0

    /// A conversation that has not begun.
    ///
    /// - Throws: `CommandFailure` if the model has no tokenizer.
    init(
        _ loaded: OpenedModel, templates: ChatTemplates, system: String?, enableThinking: Bool?,
        parameters: SamplingParameters, maxNewTokens: Int, seed: UInt64
    ) throws {
        guard let tokenizer = loaded.tokenizer else {
            throw CommandFailure("\(loaded.location.path) has no tokenizer.json; a chat needs it")
        }
        self.loaded = loaded
        self.tokenizer = tokenizer
        self.templates = templates
        self.parameters = parameters
        self.maxNewTokens = maxNewTokens
        self.seed = seed
        engine = Engine(model: loaded.model, maxBatch: 1)
        opening = system.map { [["role": "system", "content": .string($0)]] } ?? []
        conversation = Conversation(messages: .array(opening), addGenerationPrompt: true)
        if let enableThinking { conversation.variables["enable_thinking"] = .bool(enableThinking) }
    }

    /// Forgets everything but the system message.
    mutating func reset() { conversation.messages = .array(opening) }

    /// Answers a message; a turn that can't be answered is forgotten.
    ///
    /// - Parameter write: Takes the answer's text piece by piece.
    /// - Throws: `LineError` if the template refuses the conversation or it is too long.
    mutating func answer(_ message: String, write: (String) throws -> Void) throws {
        var asked = conversation
        asked.messages = .array(
            (conversation.messages.arrayValue ?? []) + [["role": "user", "content": .string(message)]])
        let text: String
        do { text = try templates.render(asked) } catch { throw LineError(error.description) }
        let prompt = try loaded.lineIDs(text)
        guard prompt.count < loaded.contextLength else {
            throw LineError(
                "the conversation has \(prompt.count) tokens, the model's context holds \(loaded.contextLength); /reset it"
            )
        }
        // The tokens so far, as the engine shows them after each step.
        let tokens = TokenBox()
        let address = RandomAddress(seed: seed, purpose: .sampling, prompt: turn)
        let request = GenerationRequest(
            prompt: prompt, samples: [address], adapter: loaded.adapter, parameters: parameters,
            maxNewTokens: maxNewTokens, endTokens: loaded.endTokens
        ) { _, all in
            tokens.set(all)
            return Interruption.isRequested
        }
        var answer = CompletionText(tokenizer, stops: try StopMatcher(stops: []))
        var whole = ""
        func put(_ piece: String) throws {
            guard !piece.isEmpty else { return }
            whole += piece
            try write(piece)
        }
        do { try engine.submit(request) } catch let error as InferenceError { throw LineError(error.message) }
        while !engine.isIdle {
            let ended = try engine.step()
            try put(answer.update(ended.first?.tokens ?? tokens.all))
        }
        try put(answer.finish())
        turn += 1
        asked.messages = .array(
            (asked.messages.arrayValue ?? []) + [["role": "assistant", "content": .string(whole)]])
        conversation = asked
    }
}

/// The tokens of the answer that is being generated.
private final class TokenBox: Sendable {
    private let tokens = Mutex<[Int]>([])

    var all: [Int] { tokens.withLock { $0 } }

    func set(_ all: [Int]) { tokens.withLock { $0 = all } }
}
