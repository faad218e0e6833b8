import OrderedJSON
import Testing

@testable import Rewards

@Suite("Task reward")
struct TaskRewardTests {
    @Test(
        "answers are compared as their task asks",
        arguments: [
            ("text", "Wednesday", "It will be **Wednesday**, so \\boxed{\\text{Wednesday}}", 1.0),
            ("text", "Wednesday", "\\boxed{wednesday}", 1), ("text", "Wednesday", "The answer is Wednesday.", 1),
            ("text", "Wednesday", "<think>Monday?</think>\nWednesday", 1),
            ("text", "Wednesday", "Monday or Wednesday", 0), ("text", "Wednesday", "<think>Wednesday", 0),
            ("text", "abc", "\\boxed{cba}", 0), ("text", "1f", "\\boxed{f1}", 0), ("text", "1f", "\\boxed{1F}", 1),
            ("text", "abc", "a long story\nabc", 0), ("text", "abc", "", 0),
            ("list", "1, 2, 3", "\\boxed{1, 2, 3}", 1), ("list", "1, 2, 3", "\\boxed{[1,2,3]}", 1),
            ("list", "1, 2, 3", "\\boxed{3, 2, 1}", 0), ("list", "1, 2, 3", "\\boxed{1, 2}", 0),
            ("list", "knight, knave", "Answer: Knight, knave.", 1), ("list", "1, 2", "\\boxed{12}", 0),
            ("set", "1, 2, 3", "\\boxed{\\{3, 1, 2\\}}", 1), ("set", "1, 2, 3", "\\boxed{3, 1, 2, 4}", 0),
            ("set", "1, 2", "\\boxed{1, 2, 2}", 1), ("number", "1/2", "\\boxed{0.5}", 1),
            ("number", "7", "\\boxed{8}", 0),
        ])
    func forms(form: String, gold: String, completion: String, score: Double) async throws {
        let sample = RewardSample(
            prompt: "", completion: completion, columns: ["answer": .string(gold), "answer_form": .string(form)])
        #expect(try await TaskReward().score([sample]).outcomes == [.score(score)])
    }

    @Test("rows without an answer don't count, without a form they are numbers, and an unknown form is a failure")
    func columns() async throws {
        func outcome(_ columns: JSONObject) async throws -> RewardOutcome {
            try await TaskReward().score([RewardSample(prompt: "", completion: "\\boxed{2}", columns: columns)])
                .outcomes[0]
        }
        #expect(try await outcome([:]) == .notApplicable)
        #expect(try await outcome(["answer_form": "text"]) == .notApplicable)
        #expect(try await outcome(["answer": "4/2"]) == .score(1))
        #expect(try await outcome(["answer": 2]) == .score(1))
        let failure = try await outcome(["answer": "2", "answer_form": "color"]).failure
        #expect(failure?.boundary == .badRow)
        #expect(failure?.detail == "answer_form is \"color\", expected number, text, list or set")
        #expect(try await outcome(["answer": ["2": 3], "answer_form": "text"]).failure?.boundary == .badRow)
    }

    @Test("hostile answers end without a score for them, in time")
    func hostile() async throws {
        let texts = [
            "\\boxed{" + String(repeating: "\\text{", count: 100_000), String(repeating: "a,", count: 500_000),
            "\\boxed{" + String(repeating: "x,", count: 300_000) + "}", "\\boxed{\\text{a", "\\boxed{[}", "\\boxed{]}",
        ]
        let start = ContinuousClock.now
        for form in ["text", "list", "set"] {
            for text in texts {
                let sample = RewardSample(
                    prompt: "", completion: text, columns: ["answer": "b", "answer_form": .string(form)])
                #expect(try await TaskReward().score([sample]).outcomes == [.score(0)])
            }
        }
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}

@Suite("Votes")
struct AnswerVotesTests {
    private func votes(
        _ completions: [String], _ isRight: [Bool?], by function: any AnswerVoting = MathReward()
    ) async -> AnswerVotes {
        let samples = completions.map { RewardSample(prompt: "", completion: $0, columns: ["answer": "1/2"]) }
        return await AnswerVotes(samples, isRight: isRight, by: function)
    }

    @Test("equal answers vote together however they are written")
    func classes() async {
        let found = await votes(
            ["\\boxed{0.5}", "\\boxed{3}", "\\boxed{\\frac{1}{2}}", "\\boxed{6/2}", "\\boxed{3.0}", "none here"],
            [true, false, true, false, false, false])
        #expect(found.choices.map(\.voters) == [[0, 2], [1, 3, 4]])
        #expect(found.majorityScore == 0 && found.majority?.answer == "3")
    }

    @Test("a tie is right by its chance, and who has no answer or no score does not vote")
    func ties() async {
        let tie = await votes(["\\boxed{0.5}", "\\boxed{3}", "\\boxed{4}"], [true, false, false])
        #expect(tie.majorityScore == 1.0 / 3)
        let unjudged = await votes(["\\boxed{3}", "\\boxed{3}", "\\boxed{0.5}"], [nil, nil, true])
        #expect(unjudged.majorityScore == 1)
        let silent = await votes(["well", ""], [false, false])
        #expect(silent.choices.isEmpty && silent.majority == nil && silent.majorityScore == 0)
    }

    @Test("a thousand different answers are counted in time")
    func many() async {
        let start = ContinuousClock.now
        let found = await votes((0..<1000).map { "\\boxed{x + \($0)}" }, Array(repeating: false, count: 1000))
        #expect(found.choices.count == 1000)
        #expect(ContinuousClock.now - start < .seconds(60))
    }
}
