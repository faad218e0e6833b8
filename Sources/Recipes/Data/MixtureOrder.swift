import Randomness
import Synchronization

/// The sources of a block's places in the order of each block; the last block's is kept.
final class MixtureOrder: Sendable {
    private let owners: [Int]
    private let order: EpochOrder
    private let last = Mutex<(block: Int, slots: [(source: Int, before: Int)])>((-1, []))

    init(owners: [Int], seed: Int) {
        self.owners = owners
        order = EpochOrder(count: owners.count, seed: seed, purpose: .mixture)
    }

    /// The source of a place, and how many places of the block before it have the same.
    func slot(_ place: Int, block: Int) -> (source: Int, before: Int) {
        last.withLock { last in
            if last.block != block {
                var seen: [Int: Int] = [:]
                last = (
                    block,
                    owners.indices.map { place in
                        let source = owners[order.index(place, epoch: block)]
                        defer { seen[source, default: 0] += 1 }
                        return (source, seen[source, default: 0])
                    }
                )
            }
            return last.slots[place]
        }
    }
}
