extension FrameStepper {
    mutating func step(
        array rule: Int, _ count: Int, _ isEmpty: Bool, _ spaces: Int, _ byte: UInt8, on below: Int32
    ) {
        guard case .array(let array) = grammar.rules[rule] else { return }
        let levels = levels(below) + 1
        let mayGoOn = count < array.maximum ?? .max && array.item(count).map { fits($0, in: levels) } ?? false
        let after = Frame.array(rule: rule, count: array.counted(count + 1), isEmpty: false, spaces: 0)
        switch byte {
        case _ where Self.isSpace(byte):
            space(spaces, on: below) { .array(rule: rule, count: count, isEmpty: isEmpty, spaces: $0) }
        case UInt8(ascii: "]"): if count >= array.minimum { put(nil, on: below) }
        case UInt8(ascii: ",") where !isEmpty:
            if mayGoOn, let item = array.item(count) {
                let rest = pushed(after, on: below)
                put(.value(rule: item, spaces: 0), on: rest)
            }
        default:
            if isEmpty, mayGoOn, let item = array.item(count) { begin(item, byte, on: pushed(after, on: below)) }
        }
    }

    mutating func step(
        object rule: Int, _ next: Int, _ phase: ObjectPhase, _ spaces: Int, _ byte: UInt8, on below: Int32
    ) {
        guard case .object(let object) = grammar.rules[rule] else { return }
        if Self.isSpace(byte) {
            return space(spaces, on: below) { .object(rule: rule, next: next, phase, spaces: $0) }
        }
        let levels = levels(below) + 1
        switch (phase, byte) {
        case (.first, UInt8(ascii: "}")), (.afterValue, UInt8(ascii: "}")):
            if !object.properties[next...].contains(where: \.isRequired) { put(nil, on: below) }
        case (.first, UInt8(ascii: "\"")), (.name, UInt8(ascii: "\"")):
            for property in properties(object, from: next, levels) {
                let value = Frame.object(
                    rule: rule, next: property + 1, .colon(rule: object.properties[property].rule), spaces: 0)
                let rest = pushed(value, on: below)
                put(.key(object: rule, property: property, position: 0), on: rest)
            }
            if let additional = additional(object, from: next, levels) {
                let value = Frame.object(
                    rule: rule, next: object.properties.count, .colon(rule: additional), spaces: 0)
                let rest = pushed(value, on: below)
                put(.string(rule: rule, isName: true, StringRule.Place(), .none), on: rest)
            }
        case (.afterValue, UInt8(ascii: ",")):
            if !properties(object, from: next, levels).isEmpty || additional(object, from: next, levels) != nil {
                put(.object(rule: rule, next: next, .name, spaces: 0), on: below)
            }
        case (.colon(let value), UInt8(ascii: ":")):
            let rest = pushed(.object(rule: rule, next: next, .afterValue, spaces: 0), on: below)
            put(.value(rule: value, spaces: 0), on: rest)
        default: break
        }
    }

    /// The properties that may come next: those before the first required one, and that one.
    private func properties(_ object: ObjectRule, from next: Int, _ levels: Int) -> [Int] {
        var found: [Int] = []
        for property in next..<object.properties.count {
            if fits(object.properties[property].rule, in: levels) { found.append(property) }
            if object.properties[property].isRequired { break }
        }
        return found
    }

    /// The rule of other properties, if one may come next.
    private func additional(_ object: ObjectRule, from next: Int, _ levels: Int) -> Int? {
        guard let additional = object.additional, fits(additional, in: levels), object.additionalNames.isPossible,
            !object.properties[next...].contains(where: \.isRequired)
        else { return nil }
        return additional
    }
}
