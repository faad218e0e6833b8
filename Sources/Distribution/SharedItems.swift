/// Items that the first rank reads one after the other, that all ranks work on side by side, and whose results the first
/// rank gets in the order of the items.
///
/// Ranks ask for items when they have room, and are given fewer the fewer are left, so that all end at about the same time.
/// Which rank works on an item must not change its result. One thread of a rank calls this at a time.
public final class SharedItems {
    /// An item.
    public struct Item: Sendable, Hashable {
        /// Its number, from 0.
        public let number: Int
        /// What was read.
        public let bytes: [UInt8]
    }

    private let group: RankGroup
    /// On the first rank, what gives out items.
    private let supply: ItemSupply?
    private let others: [Int]
    private var results = OrderedResults()
    private var hasAsked = false
    private var hasEnded = false

    /// Begins to read; all ranks call this.
    ///
    /// - Parameter read: The next item, or `nil` at the end; called by a thread of the first rank alone.
    public init(_ group: RankGroup, read: @escaping @Sendable () throws -> [UInt8]?) {
        self.group = group
        others = (0..<group.count).filter { $0 != group.rank }
        guard group.isFirst else {
            supply = nil
            return
        }
        let supply = ItemSupply(ranks: group.count) { answer in
            var message = MessageWriter()
            message.add(answer.items?.count ?? -1)
            for item in answer.items ?? [] {
                message.add(item.number)
                message.add(octets: item.bytes)
            }
            group.send(message.bytes, to: answer.rank, on: .items)
        }
        self.supply = supply
        group.serve(.ask) { message, rank in
            var reader = MessageReader(message)
            // A question that can't be read is of another version, which the first exchange tells.
            if let demand = try? ItemDemand(from: &reader) { supply.ask(demand, rank: rank) }
        }
        supply.start(read)
    }

    /// Further items for this rank. One that holds none waits for them; another gets what is there, if anything.
    ///
    /// - Parameter held: Items that this rank has begun and not finished.
    /// - Parameter wanted: Items that it has room for.
    /// - Parameter enough: Items at a time that it computes efficiently.
    /// - Returns: `nil` when there are no more.
    /// - Throws: What reading has failed with, on the first rank; `DistributionError` (`lost`, `ended`).
    public func take(held: Int, wanted: Int, enough: Int) throws -> [Item]? {
        guard !hasEnded else { return nil }
        let demand = ItemDemand(held: held, wanted: wanted, enough: enough)
        if let supply { return try supply.take(demand) }
        if !hasAsked {
            var message = MessageWriter()
            demand.write(to: &message)
            group.send(message.bytes, to: 0, on: .ask)
            hasAsked = true
        }
        guard let answer = try group.next(from: [0], on: .items, waits: held == 0) else { return [] }
        hasAsked = false
        return try items(answer)
    }

    private func items(_ message: [UInt8]) throws(DistributionError) -> [Item]? {
        var reader = MessageReader(message)
        let count = try reader.integer()
        hasEnded = count < 0
        var items: [Item] = []
        for _ in 0..<max(0, count) { items.append(Item(number: try reader.integer(), bytes: try reader.octets())) }
        return hasEnded ? nil : items
    }

    /// Hands in a result.
    ///
    /// - Parameter number: The item's.
    /// - Parameter part: Which of the item's results it is, from 0.
    /// - Parameter isLast: Whether the item has no further ones.
    public func put(_ result: [UInt8], number: Int, part: Int = 0, isLast: Bool = true) {
        let result = OrderedResults.Result(item: number, part: part, isLast: isLast, bytes: result)
        guard !group.isFirst else { return results.add(result) }
        var message = MessageWriter()
        result.write(to: &message)
        group.send(message.bytes, to: 0, on: .results)
    }

    /// On the first rank the results whose turn it is; on the others nothing.
    ///
    /// - Parameter waits: Whether to wait for some, which a rank does that has nothing else to do.
    /// - Returns: `nil` when all results of all items have been taken.
    /// - Throws: `DistributionError`: `ended` when a rank has given up, `lost`.
    public func collect(waits: Bool = false) throws(DistributionError) -> [[UInt8]]? {
        guard let supply else {
            try group.check([0])
            return []
        }
        while true {
            while let message = try group.next(from: others, on: .results, waits: false) { try add(message) }
            let ready = results.take()
            supply.finish(results.finished)
            if !ready.isEmpty || !waits { return ready }
            if supply.isEnd(results.finished) { return nil }
            guard let message = try group.next(from: others, on: .results, waits: true) else {
                throw DistributionError(.malformed, "results are missing that no rank owes; please report it")
            }
            try add(message)
        }
    }

    private func add(_ message: [UInt8]) throws(DistributionError) {
        var reader = MessageReader(message)
        results.add(try OrderedResults.Result(from: &reader))
    }

    /// Ends the work before its end.
    ///
    /// - Returns: On the first rank the results that have been handed in out of turn, in order.
    public func abandon() -> [[UInt8]] {
        supply?.close()
        while let message = try? group.next(from: others, on: .results, waits: false) { try? add(message) }
        return results.take() + results.drain()
    }
}
