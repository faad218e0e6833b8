import OrderedJSON
import Randomness

/// A generated problem.
public struct Problem: Hashable, Sendable {
    /// The text that is asked.
    public let prompt: String
    /// The exact answer, an integer.
    public let answer: String
    /// A way to reach the answer, where the answer alone does not tell: a countdown expression.
    public let solution: String?
    /// What rewards get to see besides the answer.
    public let columns: JSONObject
    /// The same for problems that are the same, such as `1 + 2` and `2 + 1`.
    public let key: String
}

/// Makes problems out of nothing but a seed: each problem is a pure function of (seed, index, draw).
public protocol TaskGenerator: Sendable {
    /// A problem.
    ///
    /// - Parameter index: Which problem.
    /// - Parameter draw: Which of its candidates; others than 0 serve to avoid problems that are taken.
    func problem(index: Int, draw: Int) -> Problem
}

extension TaskGenerator {
    /// The problem of an index.
    public func problem(index: Int) -> Problem { problem(index: index, draw: 0) }

    /// The first problems that all differ, for a held-out set.
    ///
    /// - Returns: The problems, their keys, and how many had to repeat because the generator has too few.
    public func distinct(_ count: Int, excluding taken: Set<String> = []) -> (
        problems: [Problem], keys: Set<String>, repeated: Int
    ) {
        var problems: [Problem] = []
        var keys: Set<String> = []
        var repeated = 0
        for index in 0..<count {
            // Once it is plain that there are no more, further searching is in vain.
            let problem = fresh(index: index, draws: repeated > 64 ? 1 : 64) { keys.contains($0) || taken.contains($0) }
            problems.append(problem ?? self.problem(index: index))
            if let problem { keys.insert(problem.key) } else { repeated += 1 }
        }
        return (problems, keys, repeated)
    }

    /// The first candidate of an index whose key is not taken, if there is one.
    func fresh(index: Int, draws: Int, isTaken: (String) -> Bool) -> Problem? {
        for draw in 0..<draws {
            let problem = problem(index: index, draw: draw)
            if !isTaken(problem.key) { return problem }
        }
        return nil
    }
}

/// A generator that keeps clear of some problems: training problems that are not in the evaluation set.
public struct ExcludingGenerator: TaskGenerator {
    private let base: any TaskGenerator
    private let keys: Set<String>
    private let duplicates: Duplicates?
    private static let draws = 64

    /// A generator that keeps clear of the problems with the given keys, and of duplicates of other questions.
    public init(_ base: any TaskGenerator, excluding keys: Set<String>, duplicates: Duplicates? = nil) {
        self.base = base
        self.keys = keys
        self.duplicates = duplicates
    }

    /// A problem that is not excluded; the excluded one only where 64 candidates were all excluded.
    public func problem(index: Int, draw: Int) -> Problem {
        let first = draw &* Self.draws
        for offset in 0..<Self.draws {
            let problem = base.problem(index: index, draw: first &+ offset)
            if !isTaken(problem) { return problem }
        }
        return base.problem(index: index, draw: first)
    }

    /// How many of the first problems could not be kept clear of the excluded ones.
    public func overlap(ofFirst count: Int) -> Int {
        (0..<count).count { isTaken(problem(index: $0)) }
    }

    private func isTaken(_ problem: Problem) -> Bool {
        keys.contains(problem.key) || duplicates?.kind(of: problem.prompt) != nil
    }
}

/// The random numbers of one candidate of one problem.
struct TaskRandom {
    private var generator: AddressedGenerator

    init(seed: Int, index: Int, draw: Int) {
        generator = RandomAddress(
            seed: UInt64(bitPattern: Int64(seed)), purpose: .taskGeneration, step: index >> 32, prompt: index,
            sample: draw
        ).generator()
    }

    /// A uniform integer within bounds (exact up to 2⁻⁶⁴ of the width). Written out, so that no release of the standard
    /// library can change a data set.
    mutating func integer(in bounds: ClosedRange<Int>) -> Int {
        let width = UInt64(bitPattern: Int64(bounds.upperBound &- bounds.lowerBound)) &+ 1
        guard width != 0 else { return Int(truncatingIfNeeded: generator.next()) }
        return bounds.lowerBound &+ Int(truncatingIfNeeded: generator.next().multipliedFullWidth(by: width).high)
    }

    /// One of some elements, which must not be empty.
    mutating func element<Element>(of elements: [Element]) -> Element {
        elements[integer(in: 0...(elements.count - 1))]
    }
}
