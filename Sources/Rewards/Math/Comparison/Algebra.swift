/// What the comparison of two answers may ask of a computer algebra system.
///
/// Every answer is certain or an error: `false` where equality can't be proved is the caller's choice, not the oracle's.
package protocol Algebra {
    /// Whether two expressions are equal: as numbers if they have no variables, else at every point where both are defined.
    func areEqual(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Bool

    /// −1, 0 or 1 for a real constant; `nil` if it is not real or its sign can't be proved.
    func sign(_ value: Expression) throws(ComparisonFault) -> Int?

    /// Whether a real constant lies at most half a unit of the last place from a decimal.
    func rounds(_ value: Expression, to decimal: Rational, places: Int) throws(ComparisonFault) -> Bool

    /// The sign of the constant `c` in `a = c·b`; `nil` if there is none.
    func proportion(_ a: Expression, _ b: Expression) throws(ComparisonFault) -> Int?
}

/// Why a comparison has no result yet, or none at all.
package enum ComparisonFault: Error, Hashable, Sendable {
    /// It can't be decided without an algebra system.
    case needsAlgebra
    /// The budget of steps or time is used up.
    case exhausted
}

/// The steps that one check may take.
package final class StepBudget {
    private var left: Int
    private let deadline: ContinuousClock.Instant

    /// A budget of steps and time.
    package init(steps: Int, time: Duration) {
        left = steps
        deadline = .now + time
    }

    /// Takes some steps.
    package func spend(_ count: Int = 1) throws(ComparisonFault) {
        let before = left
        left -= count
        guard left > 0 else { throw .exhausted }
        if before >> 8 != left >> 8, ContinuousClock.now > deadline { throw .exhausted }
    }
}
