import Testing

@testable import InferenceCore

/// Where thoughts, hand-offs and answers stand. 8 opens a thought, 9 closes it, 5 9 6 is the hand-off.
@Suite("Thoughts")
struct ThoughtTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let law: String
        var prompt = [1]
        /// What the model writes where nothing is put in.
        let written: [Int]
        var budget: Int?
        var answer: Int?
        let tokens: [Int]
        let thought: Thought
        var isFull = false
        var testDescription: String { law }
    }

    static let cases = [
        Case(
            law: "a thought that ends by itself", written: [8, 1, 2, 9, 3], tokens: [8, 1, 2, 9, 3],
            thought: Thought(tokens: 1..<3, answer: 4..<5)),
        Case(
            law: "one that the prompt has opened", prompt: [1, 8, 7], written: [1, 9, 3, 4], tokens: [1, 9, 3, 4],
            thought: Thought(tokens: 0..<1, answer: 2..<4)),
        Case(
            law: "a prompt with an empty thought opens none", prompt: [8, 7, 9, 7], written: [1, 2, 3, 4, 4],
            budget: 2, tokens: [1, 2, 3, 4, 4], thought: Thought(answer: 0..<5)),
        Case(
            law: "no thought at all", written: [1, 2, 3, 4, 8, 1], budget: 1, tokens: [1, 2, 3, 4, 8, 1],
            thought: Thought(answer: 0..<6)),
        Case(
            law: "a thought after white space", written: [7, 7, 7, 8, 1, 9], tokens: [7, 7, 7, 8, 1, 9],
            thought: Thought(tokens: 4..<5, answer: 6..<6)),
        Case(
            law: "one that never ends", written: [8, 1, 2], tokens: [8, 1, 2], thought: Thought(tokens: 1..<3)),
        Case(
            law: "over its budget", written: [8, 1, 2, 3, 4], budget: 2, tokens: [8, 1, 2, 5, 9, 6, 3, 4],
            thought: Thought(tokens: 1..<3, handOff: 3..<6, answer: 6..<8)),
        Case(
            law: "no budget at all", prompt: [8], written: [3, 4], budget: 0, tokens: [5, 9, 6, 3, 4],
            thought: Thought(tokens: 0..<0, handOff: 0..<3, answer: 3..<5)),
        Case(
            law: "within its budget", written: [8, 1, 9, 3, 3, 3], budget: 2, tokens: [8, 1, 9, 3, 3, 3],
            thought: Thought(tokens: 1..<2, answer: 3..<6)),
        Case(
            law: "an answer that is full", written: [8, 1, 9, 3, 4, 4], answer: 2, tokens: [8, 1, 9, 3, 4],
            thought: Thought(tokens: 1..<2, answer: 3..<5), isFull: true),
        Case(
            law: "an answer behind a hand-off that is full", written: [8, 1, 2, 3, 4, 4], budget: 1, answer: 2,
            tokens: [8, 1, 5, 9, 6, 2, 3],
            thought: Thought(tokens: 1..<2, handOff: 2..<5, answer: 5..<7), isFull: true),
    ]

    @Test("a completion is parted where its thought begins and ends", arguments: cases)
    func parts(entry: Case) {
        var progress = ThoughtProgress(
            ThoughtLimits(
                opening: 8, closing: 9, handOff: [5, 9, 6], budget: entry.budget, answerTokens: entry.answer),
            prompt: entry.prompt)
        var (tokens, written) = ([Int](), entry.written[...])
        while true {
            for token in progress.interjection() {
                tokens.append(token)
                progress.append(token)
            }
            guard !progress.isFull, let token = written.popFirst() else { break }
            tokens.append(token)
            progress.append(token)
        }
        #expect(tokens == entry.tokens)
        #expect(progress.parts == entry.thought)
        #expect(progress.isFull == entry.isFull)
    }
}
