/// Finds completions of a step that nearly repeat one another although they answer different prompts: MinHash over
/// five-byte pieces of the text without regard to case and white space, at an estimated Jaccard similarity of 0.85.
///
/// Source: Broder 1997, "On the resemblance and containment of documents".
struct NearDuplicates {
    /// Completions that are alike.
    struct Family {
        /// Their places in the step, rising.
        var members: [Int]
        /// How many prompts they answer.
        var prompts: Int
    }

    /// Hash functions; in bands of four, so that pairs above the threshold meet with near certainty.
    private static let (count, band) = (24, 4)
    /// Equal hashes from which two texts count as alike.
    static let threshold = 21
    private static let longest = 1500

    /// The families of texts that span at least two prompts, the largest first.
    static func families(_ texts: [(text: String, prompt: Int)]) -> [Family] {
        let signatures = texts.map { signature($0.text) }
        var parent = Array(texts.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while parent[index] != index {
                parent[index] = parent[parent[index]]
                index = parent[index]
            }
            return index
        }
        for start in stride(from: 0, to: count, by: band) {
            var firsts: [ArraySlice<UInt32>: Int] = [:]
            for (index, signature) in signatures.enumerated() {
                let key = signature[start..<start + band]
                guard let other = firsts[key] else {
                    firsts[key] = index
                    continue
                }
                if areAlike(signatures[other], signature) {
                    let (a, b) = (root(other), root(index))
                    parent[max(a, b)] = min(a, b)
                }
            }
        }
        return Dictionary(grouping: texts.indices, by: root).values
            .map { members in Family(members: members, prompts: Set(members.map { texts[$0].prompt }).count) }
            .filter { $0.prompts > 1 }
            .sorted { ($1.members.count, $0.members[0]) < ($0.members.count, $1.members[0]) }
    }

    /// Whether two signatures are of texts that are alike.
    static func areAlike(_ first: [UInt32], _ second: [UInt32]) -> Bool {
        zip(first, second).count { $0 == $1 } >= threshold
    }

    /// The least value of each hash function over the pieces of a text.
    static func signature(_ text: String) -> [UInt32] {
        var bytes: [UInt8] = []
        for byte in text.utf8.prefix(4 * longest) {
            let isSpace = byte <= 0x20
            if isSpace, bytes.last == 0x20 { continue }
            bytes.append(isSpace ? 0x20 : byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
            if bytes.count == longest { break }
        }
        while bytes.last == 0x20 { bytes.removeLast() }
        while bytes.count < 5 { bytes.append(0) }
        var least = [UInt32](repeating: .max, count: count)
        var pieces: Set<UInt64> = []
        for start in 0...bytes.count - 5 {
            var piece: UInt64 = 0
            for byte in bytes[start..<start + 5] { piece = piece << 8 | UInt64(byte) }
            guard pieces.insert(piece).inserted else { continue }
            for index in 0..<count { least[index] = min(least[index], hash(piece, UInt64(index))) }
        }
        return least
    }

    /// A finalizer of SplitMix64, with another start for each function.
    private static func hash(_ piece: UInt64, _ function: UInt64) -> UInt32 {
        var value = piece &+ (function &+ 1) &* 0x9E37_79B9_7F4A_7C15
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return UInt32(truncatingIfNeeded: value ^ value >> 31)
    }
}
