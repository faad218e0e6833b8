extension SavedState: Equatable {
    /// Whether two trees hold the same values, bit for bit: NaN equals itself, and −0 is not 0.
    public static func == (first: SavedState, second: SavedState) -> Bool { first.differences(from: second).isEmpty }

    /// Where this tree differs from another, bit for bit; each place once, with what differs.
    ///
    ///     optimizer/moments: 3 of 4480 numbers differ, the first at 17: 0.25 instead of 0.5
    public func differences(from other: SavedState) -> [String] { differences(from: other, below: "") }

    private func differences(from other: SavedState, below path: String) -> [String] {
        var result: [String] = []
        for name in SavedState(values.merging(other.values) { first, _ in first }).names {
            let place = path + name
            switch (values[name], other.values[name]) {
            case (let mine?, nil): result.append("\(place): \(mine.kind) instead of nothing")
            case (nil, let theirs?): result.append("\(place): nothing instead of \(theirs.kind)")
            case (.group(let mine)?, .group(let theirs)?):
                result += mine.differences(from: theirs, below: place + "/")
            case (let mine?, let theirs?):
                if let text = mine.difference(from: theirs) { result.append("\(place): \(text)") }
            case (nil, nil): break
            }
        }
        return result
    }
}

extension SavedState.Value {
    /// What differs between two values that are not both groups; `nil` when nothing does.
    fileprivate func difference(from other: Self) -> String? {
        switch (self, other) {
        case (.integer(let mine), .integer(let theirs)): return mine == theirs ? nil : "\(mine) instead of \(theirs)"
        case (.number(let mine), .number(let theirs)):
            return mine.bitPattern == theirs.bitPattern ? nil : "\(mine) instead of \(theirs)"
        case (.text(let mine), .text(let theirs)):
            return mine.utf8.elementsEqual(theirs.utf8) ? nil : "another text"
        case (.bytes(let mine), .bytes(let theirs)) where mine.count == theirs.count:
            return Self.difference(mine, theirs, "bytes")
        case (.integers(let mine), .integers(let theirs)) where mine.count == theirs.count:
            return Self.difference(mine, theirs, "numbers")
        case (.floats(let mine, let shape), .floats(let theirs, let theirShape)) where shape == theirShape:
            return Self.difference(mine, theirs, "numbers") { $0.bitPattern == $1.bitPattern }
        default: return "\(kind) instead of \(other.kind)"
        }
    }

    private static func difference<Element: Equatable>(
        _ mine: [Element], _ theirs: [Element], _ noun: String, areEqual: (Element, Element) -> Bool = { $0 == $1 }
    ) -> String? {
        var (count, first) = (0, 0)
        for index in mine.indices where !areEqual(mine[index], theirs[index]) {
            if count == 0 { first = index }
            count += 1
        }
        guard count > 0 else { return nil }
        return
            "\(count) of \(mine.count) \(noun) differ, the first at \(first): \(mine[first]) instead of \(theirs[first])"
    }
}
