/// A set of texts as a deterministic machine that is stepped character by character, and that knows where it can still get
/// to: what writes a text piece by piece can tell at every place what may follow.
///
/// State 0 is the start. From every state some accepted text is left to be read; a step that would end that is refused.
public struct ScalarAutomaton: Sendable {
    /// The most entries (states × kinds of characters) of a machine.
    public static let maximumEntries = 100_000

    /// How many states there are; none if no text at all is accepted.
    public let stateCount: Int
    /// The first scalar of each range whose scalars the machine treats alike, rising from 0.
    let rangeStarts: [UInt32]
    /// The kind of the scalars of each range.
    let rangeKinds: [Int32]
    private let kindCount: Int
    private let steps: [Int32]
    private let accepting: [Bool]

    /// A machine from the states of a construction; states that no accepted text leads through are left out.
    ///
    /// - Parameter steps: For each state the next one of each kind of scalar, −1 for none.
    init(rangeStarts: [UInt32], rangeKinds: [Int32], kindCount: Int, steps: [Int32], accepting: [Bool]) {
        let isAlive = Self.alive(kindCount, steps, accepting)
        var names: [Int32] = []
        var kept: Int32 = 0
        for state in accepting.indices {
            names.append(isAlive[state] ? kept : -1)
            if isAlive[state] { kept += 1 }
        }
        // Without its start there is no way in.
        let isEmpty = accepting.isEmpty || !isAlive[0]
        stateCount = isEmpty ? 0 : Int(kept)
        self.rangeStarts = rangeStarts
        self.rangeKinds = rangeKinds
        self.kindCount = kindCount
        self.accepting = isEmpty ? [] : accepting.indices.filter { isAlive[$0] }.map { accepting[$0] }
        self.steps =
            isEmpty
            ? []
            : accepting.indices.filter { isAlive[$0] }.flatMap { state in
                steps[(state * kindCount)..<((state + 1) * kindCount)].map { $0 < 0 ? -1 : names[Int($0)] }
            }
    }

    /// Every text.
    public static let anything = ScalarAutomaton(
        rangeStarts: [0], rangeKinds: [0], kindCount: 1, steps: [0], accepting: [true])

    /// How much memory the machine takes, in steps.
    public var entryCount: Int { steps.count + rangeStarts.count }

    /// Whether the text read so far is accepted.
    public func isAccepting(_ state: Int) -> Bool { accepting[state] }

    /// The state after a scalar; `nil` if no accepted text goes on with it.
    public func next(_ state: Int, _ scalar: UInt32) -> Int? {
        let next = steps[state * kindCount + Int(rangeKinds[range(of: scalar)])]
        return next < 0 ? nil : Int(next)
    }

    /// Whether a condition holds for a state that some scalar of a range leads to.
    public func leads(_ state: Int, through scalars: ClosedRange<UInt32>, to condition: (Int) -> Bool) -> Bool {
        var index = range(of: scalars.lowerBound)
        while index < rangeStarts.count, rangeStarts[index] <= scalars.upperBound {
            let next = steps[state * kindCount + Int(rangeKinds[index])]
            if next >= 0, condition(Int(next)) { return true }
            index += 1
        }
        return false
    }

    /// Whether a condition holds for a state that any scalar leads to.
    public func leads(_ state: Int, to condition: (Int) -> Bool) -> Bool {
        steps[(state * kindCount)..<((state + 1) * kindCount)].contains { $0 >= 0 && condition(Int($0)) }
    }

    private func range(of scalar: UInt32) -> Int {
        var (low, high) = (0, rangeStarts.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if rangeStarts[middle] <= scalar { low = middle } else { high = middle - 1 }
        }
        return low
    }

    /// Which states lead to an accepting one, found backwards.
    private static func alive(_ kindCount: Int, _ steps: [Int32], _ accepting: [Bool]) -> [Bool] {
        var sources = [[Int32]](repeating: [], count: accepting.count)
        for state in accepting.indices {
            let next = Set(steps[(state * kindCount)..<((state + 1) * kindCount)].lazy.filter { $0 >= 0 })
            for target in next { sources[Int(target)].append(Int32(state)) }
        }
        var isAlive = accepting
        var open = accepting.indices.filter { accepting[$0] }
        while let state = open.popLast() {
            for source in sources[state] where !isAlive[Int(source)] {
                isAlive[Int(source)] = true
                open.append(Int(source))
            }
        }
        return isAlive
    }
}

extension ScalarAutomaton {
    /// The given texts, or all others.
    ///
    /// - Parameter others: Whether exactly the texts that are not given are accepted.
    /// - Throws: `PatternError` if they are too many.
    public init(texts: [String], others: Bool = false) throws(PatternError) {
        var kinds: [UInt32: Int32] = [:]
        for text in texts { for scalar in text.unicodeScalars { kinds[scalar.value] = 0 } }
        let known = kinds.keys.sorted()
        for (place, scalar) in known.enumerated() { kinds[scalar] = Int32(place + 1) }
        let kindCount = known.count + 1
        // The last state of the others takes whatever has left the given texts.
        var steps = [Int32](repeating: -1, count: kindCount)
        var isText = [false]
        for text in texts {
            var state = 0
            for scalar in text.unicodeScalars {
                let place = state * kindCount + Int(kinds[scalar.value] ?? 0)
                if steps[place] < 0 {
                    steps[place] = Int32(isText.count)
                    isText.append(false)
                    steps += [Int32](repeating: -1, count: kindCount)
                    guard steps.count <= Self.maximumEntries else {
                        throw PatternError(code: .tooLarge, message: "the texts are too many or too long", offset: 0)
                    }
                }
                state = Int(steps[place])
            }
            isText[state] = true
        }
        var accepting = isText
        if others {
            let rest = Int32(isText.count)
            steps = (steps + [Int32](repeating: rest, count: kindCount)).map { $0 < 0 ? rest : $0 }
            accepting = isText.map { !$0 } + [true]
        }
        var (starts, rangeKinds): ([UInt32], [Int32]) = ([0], [0])
        for scalar in known {
            if starts.last == scalar {
                rangeKinds[rangeKinds.count - 1] = kinds[scalar] ?? 0
            } else {
                starts.append(scalar)
                rangeKinds.append(kinds[scalar] ?? 0)
            }
            starts.append(scalar + 1)
            rangeKinds.append(0)
        }
        self.init(
            rangeStarts: starts, rangeKinds: rangeKinds, kindCount: kindCount, steps: steps, accepting: accepting)
    }
}
