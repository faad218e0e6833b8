/// Moves piles of frames over one byte. What can't be completed is never entered: whatever is left over has an end.
struct FrameStepper {
    let grammar: JSONGrammar
    private(set) var stacks = FrameStacks()
    /// What the byte led to.
    private(set) var found: [Int32] = []

    init(_ grammar: JSONGrammar) { self.grammar = grammar }

    /// The pile before anything is written.
    mutating func start() -> Int32 { stacks.push(.value(rule: grammar.root, spaces: 0), on: 0) }

    /// What a byte makes of some piles, rising.
    mutating func step(_ piles: [Int32], _ byte: UInt8) -> [Int32] {
        found.removeAll(keepingCapacity: true)
        for pile in piles where pile != 0 { step(pile, byte) }
        guard found.count > 1 else { return found }
        found.sort()
        var count = 1
        for pile in found.dropFirst() where pile != found[count - 1] {
            found[count] = pile
            count += 1
        }
        found.removeLast(found.count - count)
        return found
    }

    private mutating func step(_ pile: Int32, _ byte: UInt8) {
        let below = stacks.below(pile)
        switch stacks.frame(pile) {
        case .value(let rule, let spaces):
            if Self.isSpace(byte) {
                space(spaces, on: below) { .value(rule: rule, spaces: $0) }
            } else {
                begin(rule, byte, on: below)
            }
        case .literal(let rule, let position):
            guard case .literal(let text) = grammar.rules[rule], text[position] == byte else { return }
            put(position + 1 == text.count ? nil : .literal(rule: rule, position: position + 1), on: below)
        case .key(let object, let property, let position):
            guard case .object(let rule) = grammar.rules[object] else { return }
            let text = rule.properties[property].key
            guard text[position] == byte else { return }
            put(
                position + 1 == text.count ? nil : .key(object: object, property: property, position: position + 1),
                on: below)
        case .string(let rule, let isName, let place, let pending):
            step(rule, isName, place, pending, byte, on: below)
        case .number(let rule, let place):
            guard case .number(let number) = grammar.rules[rule], let next = number.next(place, byte) else { return }
            putNumber(rule, number, next, on: below)
        case .array(let rule, let count, let isEmpty, let spaces):
            step(array: rule, count, isEmpty, spaces, byte, on: below)
        case .object(let rule, let next, let phase, let spaces):
            step(object: rule, next, phase, spaces, byte, on: below)
        }
    }

    /// Begins a value with its first byte.
    mutating func begin(_ rule: Int, _ byte: UInt8, on below: Int32) {
        let levels = stacks.levels(below)
        for choice in grammar.alternatives[rule] where levels + grammar.depths[choice] <= JSONGrammar.maximumDepth {
            switch (grammar.rules[choice], byte) {
            case (.literal(let text), _) where text[0] == byte:
                put(text.count == 1 ? nil : .literal(rule: choice, position: 1), on: below)
            case (.string, UInt8(ascii: "\"")):
                put(.string(rule: choice, isName: false, StringRule.Place(), .none), on: below)
            case (.number(let number), _):
                if let place = number.first(byte) { putNumber(choice, number, place, on: below) }
            case (.array, UInt8(ascii: "[")):
                put(.array(rule: choice, count: 0, isEmpty: true, spaces: 0), on: below)
            case (.object, UInt8(ascii: "{")):
                put(.object(rule: choice, next: 0, .first, spaces: 0), on: below)
            default: break
            }
        }
    }

    /// Whether a value of a rule still has room.
    func fits(_ rule: Int, in levels: Int) -> Bool { levels + grammar.depths[rule] <= JSONGrammar.maximumDepth }

    /// Adds a pile: with a frame on top, or without one where a value has ended.
    mutating func put(_ frame: Frame?, on below: Int32) {
        found.append(frame.map { stacks.push($0, on: below) } ?? below)
    }

    /// Puts a frame below those that follow.
    mutating func pushed(_ frame: Frame, on below: Int32) -> Int32 { stacks.push(frame, on: below) }

    func levels(_ pile: Int32) -> Int { stacks.levels(pile) }

    /// One more byte of white space.
    mutating func space(_ spaces: Int, on below: Int32, _ frame: (Int) -> Frame) {
        if spaces < Frame.maximumSpaces { put(frame(spaces + 1), on: below) }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    /// A number goes on, and if it may end it has also ended: nothing else tells its end.
    private mutating func putNumber(_ rule: Int, _ number: NumberRule, _ place: NumberRule.Place, on below: Int32) {
        put(.number(rule: rule, place), on: below)
        if number.mayEnd(place) { put(nil, on: below) }
    }
}
