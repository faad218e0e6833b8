/// The maps of canonical composition, read once from `NormalizationData`.
struct NormalizationTables: Sendable {
    /// A canonical decomposition of one step; `second` is 0 where there is one part only.
    struct Parts: Hashable, Sendable {
        let first: UInt32
        let second: UInt32
    }

    /// The maps, made at first use.
    static let shared = NormalizationTables()

    /// Canonical combining classes that are not 0.
    let combiningClasses: [UInt32: UInt8]
    /// Decompositions of one step, without Hangul.
    let decompositions: [UInt32: Parts]
    /// Primary composites, without Hangul.
    let compositions: [Parts: UInt32]

    private init() {
        func words(_ text: String) -> [Substring] { text.split { $0 == " " || $0 == "\n" } }

        var classes: [UInt32: UInt8] = [:]
        var current: UInt8 = 0
        for word in words(NormalizationData.combiningClasses) {
            if word.hasPrefix("@") {
                current = UInt8(word.dropFirst()) ?? 0
            } else if let range = HexadecimalRanges.range(word) {
                for scalar in range { classes[scalar] = current }
            }
        }

        let excluded = Set(HexadecimalRanges.parse(NormalizationData.compositionExclusions).joined())
        var decompositions: [UInt32: Parts] = [:]
        var compositions: [Parts: UInt32] = [:]
        var scalar: UInt32 = 0
        for word in words(NormalizationData.decompositions) {
            if word.hasPrefix("@") {
                scalar = UInt32(word.dropFirst(), radix: 16) ?? 0
                continue
            }
            let parts = word.split(separator: "+").compactMap { UInt32($0, radix: 16) }
            guard let first = parts.first else { continue }
            let pair = Parts(first: first, second: parts.count > 1 ? parts[1] : 0)
            decompositions[scalar] = pair
            if pair.second != 0, !excluded.contains(scalar) { compositions[pair] = scalar }
            scalar += 1
        }
        self.combiningClasses = classes
        self.decompositions = decompositions
        self.compositions = compositions
    }
}

/// Hangul's algorithmic composition (The Unicode Standard, section 3.12).
enum Hangul {
    static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    static let leading: ClosedRange<UInt32> = 0x1100...0x1112
    static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
    static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2

    /// The syllable of two neighbours, if they make one.
    static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if leading.contains(first), vowels.contains(second) {
            return syllables.lowerBound + ((first - leading.lowerBound) * 21 + second - vowels.lowerBound) * 28
        }
        guard syllables.contains(first), (first - syllables.lowerBound) % 28 == 0, trailing.contains(second) else {
            return nil
        }
        return first + (second - trailing.lowerBound + 1)
    }

    /// Calls `body` with the two or three jamo of a syllable.
    static func decompose(_ syllable: UInt32, _ body: (UInt32) -> Void) {
        let index = syllable - syllables.lowerBound
        body(leading.lowerBound + index / 588)
        body(vowels.lowerBound + index % 588 / 28)
        if index % 28 > 0 { body(trailing.lowerBound + index % 28 - 1) }
    }
}
