/// Normalisation Form C of UTF-8 text (Unicode Standard Annex 15), in time linear in the text but for sorting marks.
enum CanonicalComposition {
    /// The text in NFC, or `nil` where it is so already.
    ///
    /// - Parameter bytes: Well-formed UTF-8.
    static func normalize(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        let table = ScalarTable.shared
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let (scalar, length) = UTF8Text.scalar(in: bytes, at: position)
            if scalar >= 0x80, table[scalar].contains(.composing) { return normalizeAll(bytes, table) }
            position += length
        }
        return nil
    }

    private static func normalizeAll(_ bytes: ArraySlice<UInt8>, _ table: ScalarTable) -> [UInt8] {
        var text = Decomposed()
        text.scalars.reserveCapacity(bytes.count)
        text.classes.reserveCapacity(bytes.count)
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let (scalar, length) = UTF8Text.scalar(in: bytes, at: position)
            text.append(scalar, table)
            position += length
        }
        text.orderMarks()
        text.compose(table)
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count)
        for scalar in text.scalars { UTF8Text.append(scalar, to: &output) }
        return output
    }
}

/// Decomposed scalars with their combining classes.
private struct Decomposed {
    let maps = NormalizationTables.shared
    var scalars: [UInt32] = []
    var classes: [UInt8] = []

    mutating func append(_ scalar: UInt32, _ table: ScalarTable) {
        let facts = table[scalar]
        if facts.contains(.decomposing) {
            if Hangul.syllables.contains(scalar) {
                Hangul.decompose(scalar) { jamo in
                    scalars.append(jamo)
                    classes.append(0)
                }
                return
            }
            if let parts = maps.decompositions[scalar] {
                append(parts.first, table)
                if parts.second != 0 { append(parts.second, table) }
                return
            }
        }
        scalars.append(scalar)
        classes.append(facts.contains(.composing) ? maps.combiningClasses[scalar] ?? 0 : 0)
    }

    /// Sorts each run of marks by class; marks of one class keep their order.
    mutating func orderMarks() {
        var start = 0
        while start < scalars.count {
            guard classes[start] > 0 else {
                start += 1
                continue
            }
            var end = start + 1
            var sorted = true
            while end < scalars.count, classes[end] > 0 {
                if classes[end] < classes[end - 1] { sorted = false }
                end += 1
            }
            if !sorted {
                let order = (start..<end).sorted { (classes[$0], $0) < (classes[$1], $1) }
                let (marks, ranks) = (order.map { scalars[$0] }, order.map { classes[$0] })
                scalars.replaceSubrange(start..<end, with: marks)
                classes.replaceSubrange(start..<end, with: ranks)
            }
            start = end
        }
    }

    /// Joins each starter with the marks and jamo after it that are not blocked.
    mutating func compose(_ table: ScalarTable) {
        var kept = 0
        var starter: Int?
        var lastClass: UInt8 = 0
        for index in scalars.indices {
            let (scalar, rank) = (scalars[index], classes[index])
            if let place = starter, table[scalar].contains(.composing) {
                // Adjacent, or only lower marks stand between: what has the same class or is a starter blocks.
                let isBlocked = kept - 1 > place && (lastClass == 0 || lastClass >= rank)
                if !isBlocked, let composite = composite(scalars[place], scalar) {
                    scalars[place] = composite
                    continue
                }
            }
            if rank == 0 { starter = kept }
            lastClass = rank
            scalars[kept] = scalar
            kept += 1
        }
        scalars.removeLast(scalars.count - kept)
    }

    private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.compose(first, second) ?? maps.compositions[.init(first: first, second: second)]
    }
}
