import InferenceCore
import OrderedJSON
import TextGeneration
import Tokenization

/// A token as answers tell it.
struct ToldToken: Sendable {
    let token: Int
    /// `nil` for the first token of a prompt, which nothing precedes.
    let logProb: Float?
    let alternatives: [(token: Int, logProb: Float)]
}

/// What became certain of an answer.
struct AnswerPiece: Sendable {
    var content = ""
    var thought = ""
    var calls: [ToolCall] = []
    var tokens: [ToldToken] = []

    var hasText: Bool { !content.isEmpty || !thought.isEmpty || !calls.isEmpty }
}

/// Makes the answer's parts of one sample's tokens, piece by piece: text without halves of characters and without stop
/// texts, the thought apart from the content, calls of tools.
struct AnswerText: Sendable {
    private var text: CompletionText
    private var thought: ThoughtSplitter?
    private var calls: ToolCallReader?
    private var all: [Int] = []
    private(set) var callCount = 0

    /// An answer that has not begun.
    ///
    /// - Parameter thought: Parts the thought off; `nil` leaves it in the content.
    init(_ tokenizer: Tokenizer, stops: StopMatcher, thought: ThoughtSplitter? = nil, readsCalls: Bool = false) {
        text = CompletionText(tokenizer, stops: stops)
        self.thought = thought
        calls = readsCalls ? ToolCallReader() : nil
    }

    /// The tokens so far.
    var tokens: [Int] { all }

    mutating func append(_ token: GeneratedToken) -> AnswerPiece {
        all.append(token.token)
        var piece = part(text.update(all))
        piece.tokens = [
            ToldToken(token: token.token, logProb: token.logProb, alternatives: token.alternatives)
        ]
        return piece
    }

    /// The rest of the answer.
    mutating func finish() -> AnswerPiece {
        var piece = part(text.finish())
        if let end = thought?.finish() {
            piece.thought += end.thought
            read(end.content, into: &piece)
        }
        if let end = calls?.finish() { add(end, to: &piece) }
        return piece
    }

    private mutating func part(_ text: String) -> AnswerPiece {
        var piece = AnswerPiece()
        guard let output = thought?.append(text) else {
            read(text, into: &piece)
            return piece
        }
        piece.thought = output.thought
        read(output.content, into: &piece)
        return piece
    }

    private mutating func read(_ content: String, into piece: inout AnswerPiece) {
        guard let output = calls?.append(content) else {
            piece.content += content
            return
        }
        add(output, to: &piece)
    }

    private mutating func add(_ output: ToolCallReader.Output, to piece: inout AnswerPiece) {
        piece.content += output.text
        piece.calls += output.calls
        callCount += output.calls.count
    }
}
