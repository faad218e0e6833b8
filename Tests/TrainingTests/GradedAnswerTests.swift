import OrderedJSON
import Recipes
import Rewards
import Testing

@testable import Training

/// The gold answers of generated problems, judged by the checker that a run uses.
@Suite("Answers of generated tasks")
struct GradedAnswerTests {
    static let families = [
        "base_conversion", "bracket_matching", "calendar", "determinant", "gcd_lcm", "knights_and_knaves",
        "letter_counting", "linear_equation", "modular_arithmetic", "number_sequence", "path_counting",
        "propositional_logic", "rate_problem", "set_operations", "sorting", "string_manipulation",
    ]

    @Test("the gold answer scores 1 and a changed one 0, at every level", arguments: families)
    func gold(family: String) async throws {
        var settings = Recipe.Graded(family: family)
        settings.difficulty = 1...10
        let generator = try GradedGenerator(settings)
        let reward = TaskReward()
        var (right, wrong, plain) = ([RewardSample](), [RewardSample](), [RewardSample]())
        for index in 0..<100 {
            let problem = generator.problem(index: index)
            var columns = problem.columns
            columns["answer"] = .string(problem.answer)
            let exemplars = try #require(reward.exemplars(columns))
            func sample(_ text: String) -> RewardSample {
                RewardSample(prompt: problem.prompt, completion: text, columns: columns)
            }
            right.append(sample("<think>hm</think>\n\nSo it is \(try #require(exemplars.right))."))
            wrong.append(sample(exemplars.wrong))
            plain.append(sample("<think>\n12\n</think>\n\n\(problem.answer)"))
        }
        #expect(try await reward.score(right).outcomes.allSatisfy { $0 == .score(1) })
        #expect(try await reward.score(wrong).outcomes.allSatisfy { $0 == .score(0) })
        #expect(try await reward.score(plain).outcomes.allSatisfy { $0 == .score(1) }, "a bare answer")
    }
}
