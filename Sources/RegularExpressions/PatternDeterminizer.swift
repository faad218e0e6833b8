extension Pattern {
    /// The texts that an expression matches somewhere (`re.search`), as a machine that is stepped.
    ///
    /// `$` is the end of the text here, not a place before a last newline as in Python's `re`.
    ///
    /// - Throws: `PatternError`: `unsupported` for `\b`, `(?m)` and `(?i)`, `tooLarge` if it needs too many states.
    public func searchAutomaton() throws(PatternError) -> ScalarAutomaton {
        var determinizer = try PatternDeterminizer(program)
        return try determinizer.run()
    }
}

/// Makes the deterministic machine of an expression: a state is the set of instructions that are alive at a place.
///
/// Source: Rabin & Scott 1959, the subset construction.
private struct PatternDeterminizer {
    /// What is alive at a place.
    private struct Places: Hashable {
        /// Instructions that wait for a scalar, rising.
        var waiting: [Int] = []
        /// Whether the text matches if it ends here.
        var matchesAtEnd = false
        /// Whether the text matches whatever follows.
        var matches = false
    }

    /// The most additions of an instruction to a state: bounds the time to about a tenth of a second.
    private static let maximumWork = 500_000

    private let program: Program
    private let kindOfRange: [Int32]
    private let rangeStarts: [UInt32]
    /// For each kind of scalar and each instruction whether it goes on.
    private let accepts: [[Bool]]
    private var work = 0

    init(_ program: Program) throws(PatternError) {
        self.program = program
        var ranges: [(place: Int, ranges: [ClosedRange<UInt32>])] = []
        for (place, instruction) in program.instructions.enumerated() {
            switch instruction {
            case .consume(let set): ranges.append((place, try set.ranges()))
            case .assert(.textStart), .assert(.textEnd), .assert(.textEndOrLastNewline): break
            case .assert:
                throw PatternError(
                    code: .unsupported, message: "word and line boundaries can't be stepped through", offset: 0)
            default: break
            }
        }
        let starts = Set(ranges.flatMap { $0.ranges.flatMap { [$0.lowerBound, $0.upperBound + 1] } } + [0])
        rangeStarts = starts.filter { $0 <= 0x10FFFF }.sorted()
        var goesOn = [[Int]](repeating: [], count: rangeStarts.count)
        var total = 0
        for (place, ranges) in ranges {
            for range in ranges {
                let first = rangeStarts.partitioningIndex { $0 >= range.lowerBound }
                for index in first..<rangeStarts.count where rangeStarts[index] <= range.upperBound {
                    goesOn[index].append(place)
                    total += 1
                }
                guard total < Self.maximumWork else { throw Self.tooLarge }
            }
        }
        var kinds: [[Int]: Int32] = [:]
        var accepts: [[Bool]] = []
        var kindOfRange: [Int32] = []
        for places in goesOn {
            if let kind = kinds[places] {
                kindOfRange.append(kind)
                continue
            }
            kinds[places] = Int32(accepts.count)
            kindOfRange.append(Int32(accepts.count))
            var row = [Bool](repeating: false, count: program.instructions.count)
            for place in places { row[place] = true }
            accepts.append(row)
            guard accepts.count * program.instructions.count < Self.maximumWork else { throw Self.tooLarge }
        }
        (self.kindOfRange, self.accepts) = (kindOfRange, accepts)
    }

    private static var tooLarge: PatternError {
        PatternError(code: .tooLarge, message: "it needs too many states; use smaller counts", offset: 0)
    }

    mutating func run() throws(PatternError) -> ScalarAutomaton {
        let kindCount = accepts.count
        var states: [Places] = [try places([0], isStart: true)]
        var numbers: [Places: Int32] = [states[0]: 0]
        var steps: [Int32] = []
        var next = 0
        while next < states.count {
            let state = states[next]
            next += 1
            for kind in 0..<kindCount {
                let row = accepts[kind]
                let target: Places
                if state.matches {
                    target = state
                } else {
                    // A match may begin at every place.
                    target = try places(state.waiting.filter { row[$0] }.map { $0 + 1 } + [0], isStart: false)
                }
                if let known = numbers[target] {
                    steps.append(known)
                } else {
                    numbers[target] = Int32(states.count)
                    steps.append(Int32(states.count))
                    states.append(target)
                }
                guard states.count * kindCount <= ScalarAutomaton.maximumEntries else { throw Self.tooLarge }
            }
        }
        return ScalarAutomaton(
            rangeStarts: rangeStarts, rangeKinds: kindOfRange, kindCount: kindCount, steps: steps,
            accepting: states.map { $0.matches || $0.matchesAtEnd })
    }

    /// All that is reached from some instructions without reading.
    private mutating func places(_ seeds: [Int], isStart: Bool) throws(PatternError) -> Places {
        var places = Places()
        var seen: Set<Int> = []
        // An instruction, and whether it is reached only if the text ends here.
        var open = seeds.map { ($0, false) }
        while let (place, atEnd) = open.popLast() {
            guard seen.insert(place * 2 + (atEnd ? 1 : 0)).inserted else { continue }
            work += 1
            guard work < Self.maximumWork else { throw Self.tooLarge }
            switch program.instructions[place] {
            case .jump(let target): open.append((target, atEnd))
            case .split(let first, let second): open += [(first, atEnd), (second, atEnd)]
            case .save: open.append((place + 1, atEnd))
            case .assert(.textStart): if isStart { open.append((place + 1, atEnd)) }
            case .assert: open.append((place + 1, true))
            case .consume: if !atEnd { places.waiting.append(place) }
            case .match: if atEnd { places.matchesAtEnd = true } else { places.matches = true }
            }
        }
        if places.matches { return Places(matches: true) }
        places.waiting.sort()
        return places
    }
}

extension ScalarSet {
    /// The scalars of the set as ranges, rising and apart.
    ///
    /// - Throws: `PatternError` if upper and lower case are the same in it.
    func ranges() throws(PatternError) -> [ClosedRange<UInt32>] {
        guard !ignoresCase else {
            throw PatternError(code: .unsupported, message: "(?i) can't be stepped through", offset: 0)
        }
        let inside = Self.joined(items.flatMap(Self.ranges))
        return isNegated ? Self.complement(inside) : inside
    }

    private static func ranges(of item: Item) -> [ClosedRange<UInt32>] {
        switch item {
        case .scalar(let value): return [value...value]
        case .range(let range): return [range]
        case .category(let category, let isNegated, let asciiOnly):
            let all: [ClosedRange<UInt32>] =
                switch category {
                case .digit: digits
                case .space: spaces
                case .word: words
                }
            let inside =
                asciiOnly ? all.filter { $0.lowerBound < 128 }.map { $0.lowerBound...min($0.upperBound, 127) } : all
            return isNegated ? complement(inside) : inside
        }
    }

    private static let digits = scan(ScalarProperties.isDigit)
    private static let spaces = scan(ScalarProperties.isSpace)
    private static let words = scan(ScalarProperties.isWord)

    private static func scan(_ isInside: (UInt32) -> Bool) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        for scalar in UInt32(0)...0x10FFFF where isInside(scalar) {
            if let last = ranges.last, last.upperBound + 1 == scalar {
                ranges[ranges.count - 1] = last.lowerBound...scalar
            } else {
                ranges.append(scalar...scalar)
            }
        }
        return ranges
    }

    private static func joined(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var joined: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound + 1 {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var outside: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in ranges {
            if range.lowerBound > start { outside.append(start...range.lowerBound - 1) }
            start = range.upperBound + 1
        }
        if start <= 0x10FFFF { outside.append(start...0x10FFFF) }
        return outside
    }
}

extension [UInt32] {
    /// The first place from which on a condition holds, which holds from some place on.
    fileprivate func partitioningIndex(_ holds: (UInt32) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if holds(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
