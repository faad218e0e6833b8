/// The rank and result of each pair of tokens that merges: a hash table keyed by both ids.
struct MergeTable: Sendable {
    /// What becomes of a pair; a lower rank merges first.
    struct Merge: Sendable {
        let rank: UInt32
        let result: UInt32
    }

    /// The rank of pairs that don't merge.
    static let noRank = UInt32.max

    private static let empty = UInt64.max
    private var keys: [UInt64]
    private var merges: [Merge]
    /// Random in each process, so that no file can be made to fill one neighbourhood.
    private let seed = UInt64.random(in: .min ... .max)

    /// A table for at most `capacity` pairs.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        keys = [UInt64](repeating: Self.empty, count: size)
        merges = [Merge](repeating: Merge(rank: Self.noRank, result: 0), count: size)
    }

    /// The merge of a pair; its rank is `noRank` where there is none.
    @inline(__always)
    func find(_ left: UInt32, _ right: UInt32) -> Merge {
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        return keys[slot] == key ? merges[slot] : Merge(rank: Self.noRank, result: 0)
    }

    /// Sets the merge of a pair; a pair given twice keeps its last rank, as in the reference.
    mutating func set(_ left: UInt32, _ right: UInt32, _ merge: Merge) {
        let key = UInt64(left) << 32 | UInt64(right)
        let slot = slot(of: key)
        keys[slot] = key
        merges[slot] = merge
    }

    @inline(__always)
    private func slot(of key: UInt64) -> Int {
        // SplitMix64's finalizer.
        var hash = key ^ seed
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        var slot = Int(truncatingIfNeeded: hash ^ hash >> 31) & (keys.count - 1)
        while keys[slot] != key, keys[slot] != Self.empty { slot = (slot + 1) & (keys.count - 1) }
        return slot
    }
}
