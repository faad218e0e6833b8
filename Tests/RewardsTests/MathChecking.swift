import MathAlgebra
import Testing

@testable import Rewards

/// Checks answers with the algebra in this process, with time to spare: these tests are about right and wrong.
enum MathChecking {
    static let verifier = MathVerifier(algebra: LocalAlgebra(), timeLimit: .seconds(5))

    /// The verdict on a boxed answer.
    static func boxed(_ gold: String, _ answer: String) async -> MathVerdict {
        await verifier.verify(gold: gold, prediction: "Thus the answer is $\\boxed{\(answer)}$.")
    }
}
