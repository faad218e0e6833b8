/// Merges the bytes of a word into tokens: always the pair of lowest rank, and of equal ones the leftmost.
struct BytePairEncoder {
    /// Words up to this length search all pairs for each merge; longer ones keep a heap.
    private static let shortWord = 48

    private let merges: MergeTable
    private let byteTokens: [UInt32]
    private var ids: [UInt32] = []
    private var ranks: [UInt32] = []

    /// An encoder with working memory of its own.
    ///
    /// - Parameter byteTokens: The token of each of the 256 bytes.
    init(merges: MergeTable, byteTokens: [UInt32]) {
        self.merges = merges
        self.byteTokens = byteTokens
    }

    /// The tokens of one word.
    mutating func encode(_ word: ArraySlice<UInt8>) -> [UInt32] {
        ids.removeAll(keepingCapacity: true)
        for byte in word { ids.append(byteTokens[Int(byte)]) }
        if ids.count > 1 {
            if ids.count <= Self.shortWord { mergeShort() } else { mergeLong() }
        }
        return ids
    }

    private mutating func mergeShort() {
        ranks.removeAll(keepingCapacity: true)
        for index in 0..<(ids.count - 1) { ranks.append(merges.find(ids[index], ids[index + 1]).rank) }
        while true {
            var best = 0
            var bestRank = MergeTable.noRank
            for index in ranks.indices where ranks[index] < bestRank {
                bestRank = ranks[index]
                best = index
            }
            guard bestRank != MergeTable.noRank else { return }
            ids[best] = merges.find(ids[best], ids[best + 1]).result
            ids.remove(at: best + 1)
            ranks.remove(at: best)
            if best > 0 { ranks[best - 1] = merges.find(ids[best - 1], ids[best]).rank }
            if best < ranks.count { ranks[best] = merges.find(ids[best], ids[best + 1]).rank }
        }
    }

    /// Linked symbols and a heap of candidate pairs: O(n log n) for a word of n bytes.
    private mutating func mergeLong() {
        let count = ids.count
        // `next[i]` is `count` at the end; `next[i] < 0` marks a symbol that was merged into the one before it.
        var next = Array(1...count)
        var previous = Array(-1..<(count - 1))
        var heap = CandidateHeap()
        for index in 0..<(count - 1) {
            let rank = merges.find(ids[index], ids[index + 1]).rank
            if rank != MergeTable.noRank { heap.push(.init(rank: rank, position: index)) }
        }
        while let candidate = heap.pop() {
            let left = candidate.position
            let right = next[left]
            guard right >= 0, right < count else { continue }
            let merge = merges.find(ids[left], ids[right])
            guard merge.rank == candidate.rank else { continue }
            ids[left] = merge.result
            let after = next[right]
            next[left] = after
            next[right] = -1
            if after < count {
                previous[after] = left
                let rank = merges.find(ids[left], ids[after]).rank
                if rank != MergeTable.noRank { heap.push(.init(rank: rank, position: left)) }
            }
            let before = previous[left]
            if before >= 0 {
                let rank = merges.find(ids[before], ids[left]).rank
                if rank != MergeTable.noRank { heap.push(.init(rank: rank, position: before)) }
            }
        }
        var kept = 0
        var index = 0
        while index < count {
            ids[kept] = ids[index]
            kept += 1
            index = next[index]
        }
        ids.removeLast(count - kept)
    }
}

/// A pair that could merge when it was pushed.
private struct Candidate {
    let rank: UInt32
    let position: Int

    static func < (a: Candidate, b: Candidate) -> Bool {
        a.rank != b.rank ? a.rank < b.rank : a.position < b.position
    }
}

/// A binary heap with the lowest candidate on top.
private struct CandidateHeap {
    private var elements: [Candidate] = []

    mutating func push(_ candidate: Candidate) {
        var child = elements.count
        elements.append(candidate)
        while child > 0 {
            let parent = (child - 1) / 2
            guard candidate < elements[parent] else { break }
            elements[child] = elements[parent]
            child = parent
        }
        elements[child] = candidate
    }

    mutating func pop() -> Candidate? {
        guard let top = elements.first, let last = elements.popLast() else { return nil }
        guard !elements.isEmpty else { return top }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < elements.count else { break }
            if child + 1 < elements.count, elements[child + 1] < elements[child] { child += 1 }
            guard elements[child] < last else { break }
            elements[parent] = elements[child]
            parent = child
        }
        elements[parent] = last
        return top
    }
}
