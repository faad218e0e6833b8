import InferenceCore

/// Prompts that are told again before their completions, as OpenAI's `echo` has it.
struct Echo: Sendable {
    /// The prompts' texts.
    let texts: [String]
    /// Whether nothing else is wanted.
    let isAll: Bool
}

/// Gathers what is told of prompts.
struct EchoedPrompts {
    private let echo: Echo?
    private var tokens: [[ToldToken]]

    init(_ echo: Echo?, jobs: Int) {
        self.echo = echo
        tokens = Array(repeating: [], count: jobs)
    }

    mutating func add(_ piece: [PromptToken], to job: Int) {
        tokens[job] += piece.map { ToldToken(token: $0.token, logProb: $0.logProb, alternatives: $0.alternatives) }
    }

    /// An answer, or the first piece of one, with its prompt before it.
    func piece(of job: Int, before answer: AnswerPiece) -> AnswerPiece {
        guard let echo else { return answer }
        var piece = AnswerPiece(content: echo.texts[job], tokens: tokens[job])
        piece.append(answer)
        return piece
    }
}
