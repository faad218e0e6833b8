/// Runs a program over a text: all states that are alive, in order of preference, advance together scalar by scalar.
struct PatternMachine {
    /// Where a match must lie.
    enum Mode {
        case anywhere, atStart, whole
    }

    /// The states before one scalar, the preferred first, each with its slots.
    private struct States {
        var places: [Int] = []
        var slots: [Int] = []

        mutating func clear() {
            places.removeAll(keepingCapacity: true)
            slots.removeAll(keepingCapacity: true)
        }
    }

    private enum Work {
        case visit(Int)
        case restore(slot: Int, value: Int)
    }

    private let program: Program
    private let bytes: UnsafeBufferPointer<UInt8>
    private let mode: Mode
    private var states = States()
    private var nextStates = States()
    /// The round in which an instruction was last visited: each is visited once for each place of the text.
    private var visits: [Int]
    private var round = 0
    private var work: [Work] = []
    private var slots: [Int]

    init(program: Program, bytes: UnsafeBufferPointer<UInt8>, mode: Mode) {
        self.program = program
        self.bytes = bytes
        self.mode = mode
        visits = [Int](repeating: -1, count: program.instructions.count)
        slots = [Int](repeating: -1, count: program.slotCount)
    }

    /// The slots of the preferred match: byte offsets, −1 where a group took no part.
    mutating func run() -> [Int]? {
        var best: [Int]?
        var position = 0
        while true {
            if best == nil, mode == .anywhere || position == 0 {
                if nextStates.places.isEmpty, mode == .anywhere, let firstBytes = program.firstBytes {
                    while position < bytes.count, !firstBytes[Int(bytes[position])] { position += 1 }
                    round += 1
                }
                for slot in slots.indices { slots[slot] = -1 }
                add(0, at: position)
            }
            swap(&states, &nextStates)
            if states.places.isEmpty, best != nil || mode != .anywhere { return best }
            let (scalar, length) = decode(at: position)
            nextStates.clear()
            round += 1
            advance(over: scalar, from: position, to: position + length, best: &best)
            if length == 0 { return best }
            position += length
        }
    }

    /// Moves every state over one scalar; a state that has matched ends those behind it.
    private mutating func advance(over scalar: UInt32, from position: Int, to next: Int, best: inout [Int]?) {
        let slotCount = program.slotCount
        for index in states.places.indices {
            let place = states.places[index]
            switch program.instructions[place] {
            case .consume(let set):
                guard next > position, set.contains(scalar) else { continue }
                for slot in 0..<slotCount { slots[slot] = states.slots[index * slotCount + slot] }
                add(place + 1, at: next)
            case .match:
                guard mode != .whole || position == bytes.count else { continue }
                best = Array(states.slots[(index * slotCount)..<((index + 1) * slotCount)])
                return
            default: continue
            }
        }
    }

    /// Adds to the next states all that are reached from an instruction without reading, in order of preference.
    private mutating func add(_ start: Int, at position: Int) {
        work.append(.visit(start))
        while let item = work.popLast() {
            switch item {
            case .restore(let slot, let value): slots[slot] = value
            case .visit(let place):
                guard visits[place] != round else { continue }
                visits[place] = round
                switch program.instructions[place] {
                case .jump(let target): work.append(.visit(target))
                case .split(let first, let second):
                    work.append(.visit(second))
                    work.append(.visit(first))
                case .save(let slot):
                    work.append(.restore(slot: slot, value: slots[slot]))
                    slots[slot] = position
                    work.append(.visit(place + 1))
                case .assert(let assertion):
                    if holds(assertion, at: position) { work.append(.visit(place + 1)) }
                case .consume, .match:
                    nextStates.places.append(place)
                    nextStates.slots.append(contentsOf: slots)
                }
            }
        }
    }

    private func holds(_ assertion: PatternAssertion, at position: Int) -> Bool {
        let isEnd = position == bytes.count
        switch assertion {
        case .textStart: return position == 0
        case .textEnd: return isEnd
        case .textEndOrLastNewline: return isEnd || position == bytes.count - 1 && bytes[position] == 0x0A
        case .lineStart: return position == 0 || bytes[position - 1] == 0x0A
        case .lineEnd: return isEnd || bytes[position] == 0x0A
        case .wordBoundary(let asciiOnly):
            return isWord(before: position, asciiOnly) != isWord(after: position, asciiOnly)
        case .notWordBoundary(let asciiOnly):
            // In an empty text Python finds neither \b nor \B.
            return !bytes.isEmpty && isWord(before: position, asciiOnly) == isWord(after: position, asciiOnly)
        }
    }

    private func isWord(before position: Int, _ asciiOnly: Bool) -> Bool {
        var start = position
        repeat { start -= 1 } while start > 0 && bytes[start] & 0xC0 == 0x80
        return start >= 0 && isWord(after: start, asciiOnly)
    }

    private func isWord(after position: Int, _ asciiOnly: Bool) -> Bool {
        let (scalar, length) = decode(at: position)
        return length > 0 && (scalar < 128 || !asciiOnly) && ScalarProperties.isWord(scalar)
    }

    /// The scalar at a place of valid UTF-8 and how many bytes it takes; no bytes at the end.
    private func decode(at position: Int) -> (scalar: UInt32, length: Int) {
        guard position < bytes.count else { return (0, 0) }
        let first = UInt32(bytes[position])
        if first < 0x80 { return (first, 1) }
        let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard position + length <= bytes.count else { return (0xFFFD, bytes.count - position) }
        var scalar = first & (0x7F >> UInt32(length))
        for offset in 1..<length { scalar = scalar << 6 | UInt32(bytes[position + offset] & 0x3F) }
        return (scalar, length)
    }
}
