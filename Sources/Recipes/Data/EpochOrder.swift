import Randomness
import Synchronization

/// The order of some things in each round: Fisher–Yates with addressed draws. The last round's order is kept.
final class EpochOrder: Sendable {
    private let count: Int
    private let seed: Int
    private let purpose: RandomPurpose
    private let stream: Int
    private let last = Mutex<(epoch: Int, order: [Int])>((-1, []))

    /// An order of places below a count.
    ///
    /// - Parameter stream: Tells orders of one purpose apart.
    init(count: Int, seed: Int, purpose: RandomPurpose = .shuffle, stream: Int = 0) {
        self.count = count
        self.seed = seed
        self.purpose = purpose
        self.stream = stream
    }

    /// Which comes at a place of a round.
    func index(_ place: Int, epoch: Int) -> Int {
        last.withLock { last in
            if last.epoch != epoch { last = (epoch, order(epoch)) }
            return last.order[place]
        }
    }

    private func order(_ epoch: Int) -> [Int] {
        let address = RandomAddress(
            seed: UInt64(bitPattern: Int64(seed)), purpose: purpose, step: epoch, prompt: stream)
        var generator = address.generator()
        var order = Array(0..<count)
        for place in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(place, Int(generator.next().multipliedFullWidth(by: UInt64(place + 1)).high))
        }
        return order
    }
}
