import RegularExpressions

/// What a string may be: a machine over its characters, and how many there are.
final class StringRule: Sendable {
    /// Most places (states × lengths) of a rule.
    static let maximumPlaces = 500_000

    /// Where the text stands between two characters.
    struct Place: Hashable {
        var state = 0
        /// Characters so far, as far as they matter.
        var count = 0
    }

    private let automaton: ScalarAutomaton
    private let minimum: Int
    private let maximum: Int?
    /// For each count and state whether a text of an allowed length is left; `nil` if there always is.
    private let isLeft: [Bool]?

    static let anything = StringRule(.anything)

    private init(_ automaton: ScalarAutomaton) {
        (self.automaton, minimum, maximum, isLeft) = (automaton, 0, nil, nil)
    }

    /// A rule.
    ///
    /// - Parameter minimum: Least number of Unicode code points.
    /// - Throws: `SchemaError` if it would take too much memory.
    init(_ automaton: ScalarAutomaton, minimum: Int, maximum: Int?) throws(SchemaError) {
        (self.automaton, self.minimum, self.maximum) = (automaton, minimum, maximum)
        let last = maximum ?? minimum
        let states = automaton.stateCount
        guard last < Self.maximumPlaces, (last + 1) * max(states, 1) <= Self.maximumPlaces else {
            throw SchemaError(
                .tooLarge, "a string of up to \(last) characters is too much to keep count of; use a lower limit")
        }
        guard maximum != nil || minimum > 0 else {
            isLeft = nil
            return
        }
        var isLeft = [Bool](repeating: false, count: (last + 1) * states)
        for count in (0...last).reversed() {
            for state in 0..<states {
                let mayEnd = count >= minimum && automaton.isAccepting(state)
                isLeft[count * states + state] =
                    mayEnd || (maximum == nil && count == last)
                    || (count < last && automaton.leads(state) { isLeft[(count + 1) * states + $0] })
            }
        }
        self.isLeft = isLeft
    }

    /// Whether any text is allowed.
    var isPossible: Bool { automaton.stateCount > 0 && isAllowed(Place()) }

    /// Whether the text may end.
    func mayEnd(_ place: Place) -> Bool { place.count >= minimum && automaton.isAccepting(place.state) }

    /// The place behind a character; `nil` if no allowed text goes on with it.
    func next(_ place: Place, _ scalar: UInt32) -> Place? {
        guard !Self.surrogates.contains(scalar), let state = automaton.next(place.state, scalar),
            let count = nextCount(place)
        else { return nil }
        let next = Place(state: state, count: count)
        return isAllowed(next) ? next : nil
    }

    /// Whether an allowed text goes on with one of some characters.
    func goesOn(_ place: Place, with scalars: ClosedRange<UInt32>) -> Bool {
        guard let count = nextCount(place) else { return false }
        let (low, high) = (scalars.lowerBound, min(scalars.upperBound, 0x10FFFF))
        let parts = [(low, min(high, 0xD7FF)), (max(low, 0xE000), high)]
        return parts.contains { low, high in
            low <= high
                && automaton.leads(place.state, through: low...high) { isAllowed(Place(state: $0, count: count)) }
        }
    }

    private static let surrogates: ClosedRange<UInt32> = 0xD800...0xDFFF

    private func nextCount(_ place: Place) -> Int? {
        if let maximum { return place.count < maximum ? place.count + 1 : nil }
        return min(place.count + 1, minimum)
    }

    private func isAllowed(_ place: Place) -> Bool {
        isLeft?[place.count * automaton.stateCount + place.state] ?? true
    }
}
