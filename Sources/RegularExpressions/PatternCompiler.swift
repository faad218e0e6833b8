/// One step of the matching machine.
enum Instruction {
    /// Goes on if the next scalar is of the set.
    case consume(ScalarSet)
    /// Goes on in both places, the first preferred.
    case split(Int, Int)
    case jump(Int)
    /// Notes the position in a slot; group g has slots 2g and 2g + 1.
    case save(Int)
    case assert(PatternAssertion)
    case match
}

/// A compiled expression.
struct Program: Sendable {
    let instructions: [Instruction]
    let slotCount: Int
    /// For each byte whether a match may begin with it; `nil` if a match may be empty.
    let firstBytes: [Bool]?
}

/// Turns a tree into instructions.
struct PatternCompiler {
    private var instructions: [Instruction] = []
    private let limit: Int

    private init(limit: Int) { self.limit = limit }

    static func compile(_ tree: PatternTree, groupCount: Int, limit: Int) throws(PatternError) -> Program {
        var compiler = PatternCompiler(limit: limit)
        try compiler.emit(.group(tree, number: 0))
        try compiler.append(.match)
        return Program(
            instructions: compiler.instructions, slotCount: 2 * (groupCount + 1),
            firstBytes: firstBytes(of: compiler.instructions))
    }

    private mutating func append(_ instruction: Instruction) throws(PatternError) {
        guard instructions.count < limit else {
            throw PatternError(
                code: .tooLarge,
                message: "it needs more than \(limit) steps; use smaller counts", offset: 0)
        }
        instructions.append(instruction)
    }

    private mutating func emit(_ tree: PatternTree) throws(PatternError) {
        switch tree {
        case .empty: break
        case .scalar(let set): try append(.consume(set))
        case .assertion(let assertion): try append(.assert(assertion))
        case .group(let inner, let number):
            if let number { try append(.save(2 * number)) }
            try emit(inner)
            if let number { try append(.save(2 * number + 1)) }
        case .concatenation(let trees): for tree in trees { try emit(tree) }
        case .alternation(let branches): try emitAlternation(branches)
        case .repetition(let inner, let minimum, let maximum, let isLazy):
            try emitRepetition(inner, minimum, maximum, isLazy)
        }
    }

    private mutating func emitAlternation(_ branches: [PatternTree]) throws(PatternError) {
        var jumps: [Int] = []
        for (index, branch) in branches.enumerated() {
            let fork = instructions.count
            let isLast = index == branches.count - 1
            if !isLast { try append(.split(fork + 1, 0)) }
            try emit(branch)
            if !isLast {
                jumps.append(instructions.count)
                try append(.jump(0))
                instructions[fork] = .split(fork + 1, instructions.count)
            }
        }
        for jump in jumps { instructions[jump] = .jump(instructions.count) }
    }

    private mutating func emitRepetition(
        _ tree: PatternTree, _ minimum: Int, _ maximum: Int?, _ isLazy: Bool
    ) throws(PatternError) {
        let copies = maximum == nil ? max(minimum - 1, 0) : minimum
        for _ in 0..<copies {
            let start = instructions.count
            try emit(tree)
            if instructions.count == start { return }
        }
        guard let maximum else {
            return try emitLoop(tree, mayBeSkipped: minimum == 0, isLazy)
        }
        var forks: [Int] = []
        for _ in minimum..<maximum {
            let fork = instructions.count
            forks.append(fork)
            try append(.split(0, 0))
            try emit(tree)
            if instructions.count == fork + 1 { break }
        }
        for fork in forks { setFork(fork, inside: fork + 1, outside: instructions.count, isLazy) }
    }

    /// `x+`, or `x*` as `(?:x+)?`: so a loop whose body matched the empty text has still gone through its body once, which
    /// is what Python's captures show.
    private mutating func emitLoop(_ tree: PatternTree, mayBeSkipped: Bool, _ isLazy: Bool) throws(PatternError) {
        let skip = instructions.count
        if mayBeSkipped { try append(.split(0, 0)) }
        let body = instructions.count
        try emit(tree)
        let fork = instructions.count
        try append(.split(0, 0))
        setFork(fork, inside: body, outside: instructions.count, isLazy)
        if mayBeSkipped { setFork(skip, inside: body, outside: instructions.count, isLazy) }
    }

    private mutating func setFork(_ fork: Int, inside: Int, outside: Int, _ isLazy: Bool) {
        instructions[fork] = isLazy ? .split(outside, inside) : .split(inside, outside)
    }

    private static func firstBytes(of instructions: [Instruction]) -> [Bool]? {
        var bytes = [Bool](repeating: false, count: 256)
        var isSeen = [Bool](repeating: false, count: instructions.count)
        var open = [0]
        while let index = open.popLast() {
            guard !isSeen[index] else { continue }
            isSeen[index] = true
            switch instructions[index] {
            case .consume(let set):
                for byte in 0..<128 where set.contains(UInt32(byte)) { bytes[byte] = true }
                for byte in 128..<256 { bytes[byte] = true }
            case .split(let first, let second): open += [first, second]
            case .jump(let target): open.append(target)
            case .save, .assert: open.append(index + 1)
            case .match: return nil
            }
        }
        return bytes
    }
}
