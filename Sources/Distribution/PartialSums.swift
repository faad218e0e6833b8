/// The gradients of an update's pieces on their way to one sum, in the order of a `SumTree`.
///
/// Pieces are computed into one buffer, each from zero. What can be added up on the spot is; the rest is kept, for the
/// pieces' neighbours or for the other ranks.
public final class PartialSums {
    private typealias Buffer = UnsafeMutableBufferPointer<Float>

    private let tree: SumTree
    /// Where pieces are computed, and at last the sum is.
    private let target: UnsafeMutableBufferPointer<Float>
    /// What the target holds.
    private var current: Range<Int>?
    private var stored: [Range<Int>: Buffer] = [:]
    private var free: [Buffer] = []

    /// No sums yet.
    ///
    /// - Parameter target: Where pieces are computed, and at last their sum is; must outlive this.
    public init(pieces: Int, target: UnsafeMutableBufferPointer<Float>) {
        tree = SumTree(pieces: pieces)
        self.target = target
        target.update(repeating: 0)
    }

    deinit { for buffer in free + stored.values { buffer.deallocate() } }

    /// Makes the target zero for the next piece.
    public func begin() {
        guard let current else { return }
        let buffer = free.popLast() ?? .allocate(capacity: target.count)
        _ = buffer.initialize(fromContentsOf: target)
        stored[current] = buffer
        self.current = nil
        target.update(repeating: 0)
    }

    /// Takes in the piece that the target holds now.
    public func end(_ piece: Int) {
        var node = piece..<piece + 1
        while let (parent, sibling) = tree.parent(of: node), let other = stored.removeValue(forKey: sibling) {
            Self.add(UnsafeBufferPointer(other), to: target)
            free.append(other)
            node = parent
        }
        current = node
    }

    /// Adds; two numbers have the same sum in either order.
    private static func add(_ values: UnsafeBufferPointer<Float>, to sums: Buffer) {
        for index in 0..<min(values.count, sums.count) { sums[index] += values[index] }
    }

    /// Makes the target the sum of all ranks' pieces. Each rank adds up one part of the numbers, and tells the others.
    ///
    /// - Throws: `DistributionError`
    public func finish(_ ranks: RankGroup) throws(DistributionError) {
        guard ranks.count > 1 else {
            precondition(current == tree.root || tree.pieces == 0, "PartialSums: pieces are missing")
            return
        }
        begin()
        let nodes = stored.keys.sorted { $0.lowerBound < $1.lowerBound }
        let all = try exchange(nodes, ranks)
        let own = slice(ranks.rank, of: ranks.count)
        for other in 0..<ranks.count where other != ranks.rank && !nodes.isEmpty {
            let part = slice(other, of: ranks.count)
            ranks.send(
                nodes.compactMap { stored[$0].map { UnsafeBufferPointer(rebasing: $0[part]) } }, to: other, on: .sums)
        }
        var sums: [Range<Int>: [Float]] = [:]
        for rank in 0..<ranks.count {
            if rank == ranks.rank {
                for node in nodes { sums[node] = stored[node].map { Array($0[own]) } }
            } else if !all[rank].isEmpty {
                let values = try ranks.take(all[rank].count * own.count, from: rank, on: .sums)
                for (index, node) in all[rank].enumerated() {
                    sums[node] = Array(values[index * own.count..<(index + 1) * own.count])
                }
            }
        }
        try spread(try total(sums, count: own.count), ranks)
    }

    /// Adds up this rank's part of the numbers.
    private func total(_ sums: [Range<Int>: [Float]], count: Int) throws(DistributionError) -> [Float] {
        guard tree.pieces > 0 else { return Array(repeating: 0, count: count) }
        let total = tree.fold(tree.root, known: { sums[$0] }) { left, right in
            var sum = left
            sum.withUnsafeMutableBufferPointer { sum in
                right.withUnsafeBufferPointer { Self.add($0, to: sum) }
            }
            return sum
        }
        guard let total else {
            throw DistributionError(
                .malformed, "the ranks' sums don't cover the \(tree.pieces) pieces of an update; please report it")
        }
        return total
    }

    /// Tells the others this rank's part of the sum, and puts theirs in place.
    private func spread(_ total: [Float], _ ranks: RankGroup) throws(DistributionError) {
        for rank in 0..<ranks.count where rank != ranks.rank {
            total.withUnsafeBufferPointer { ranks.send([$0], to: rank, on: .totals) }
        }
        for rank in 0..<ranks.count {
            let part = slice(rank, of: ranks.count)
            let values = rank == ranks.rank ? total : try ranks.take(part.count, from: rank, on: .totals)
            _ = target[part].update(fromContentsOf: values)
        }
    }

    /// The part of the numbers that a rank adds up.
    private func slice(_ rank: Int, of count: Int) -> Range<Int> {
        target.count * rank / count..<target.count * (rank + 1) / count
    }

    /// Which sums each rank holds.
    private func exchange(
        _ nodes: [Range<Int>], _ ranks: RankGroup
    ) throws(DistributionError) -> [[Range<Int>]] {
        var message = MessageWriter()
        message.add(nodes.flatMap { [$0.lowerBound, $0.upperBound] })
        var all: [[Range<Int>]] = []
        for bytes in try ranks.exchange(message.bytes) {
            var reader = MessageReader(bytes)
            let bounds = try reader.integers()
            all.append(
                try stride(from: 0, to: bounds.count - 1, by: 2).map { index throws(DistributionError) in
                    guard 0 <= bounds[index], bounds[index] < bounds[index + 1], bounds[index + 1] <= tree.pieces else {
                        throw DistributionError(
                            .malformed,
                            "a rank holds the sum of pieces \(bounds[index])…, of \(tree.pieces); please report it")
                    }
                    return bounds[index]..<bounds[index + 1]
                })
        }
        return all
    }
}
