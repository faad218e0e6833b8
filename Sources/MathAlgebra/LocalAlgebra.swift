import Rewards

/// Answers questions in this process: for workers, and for tests. An abort of FLINT ends the process, so nothing that must
/// live on should hold one.
public struct LocalAlgebra: AlgebraService {
    /// Steps that one question may take.
    private static let steps = 4_000_000

    /// An algebra service of this process.
    public init() {}

    /// Answers a question.
    public func reply(to question: MathQuestion, within time: Duration) async -> AlgebraReply {
        answer(question, within: time)
    }

    /// Answers a question on this thread. The time is looked at between steps; a single step may take longer.
    public func answer(_ question: MathQuestion, within time: Duration) -> AlgebraReply {
        let budget = StepBudget(steps: Self.steps, time: time)
        do throws(ComparisonFault) {
            switch try question.outcome(algebra: CertifiedAlgebra(budget: budget), budget: budget) {
            case .equal: return .equal
            case .different, .unreadable, .goldUnreadable: return .different
            }
        } catch {
            return .timeout
        }
    }
}
