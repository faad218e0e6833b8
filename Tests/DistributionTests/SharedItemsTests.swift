import Foundation
import Synchronization
import Testing

@testable import Distribution

/// Items that one rank reads and all work on.
@Suite("Shared items")
struct SharedItemsTests {
    /// Reads the numbers below a count as items.
    private static func numbers(_ count: Int) -> @Sendable () -> [UInt8]? {
        let next = Mutex(0)
        return {
            next.withLock { next in
                defer { next += 1 }
                return next < count ? [UInt8](String(next).utf8) : nil
            }
        }
    }

    @Test(
        "every item is worked on once, and results come in order, whatever a rank holds and asks for", arguments: 1...4)
    func order(ranks: Int) throws {
        for count in [0, 1, 7, 500] {
            let results = try Threads.run(ranks: ranks) { group -> [String] in
                let items = SharedItems(group, read: Self.numbers(count))
                var (held, texts, isDrained) = ([SharedItems.Item](), [String](), false)
                while !isDrained || !held.isEmpty {
                    if !isDrained {
                        let taken = try items.take(held: held.count, wanted: 3 + group.rank, enough: 2)
                        isDrained = taken == nil
                        held += taken ?? []
                    }
                    // Finished in another order than begun, in two parts.
                    if let item = held.popLast() {
                        items.put(item.bytes + [0x62], number: item.number, part: 1)
                        items.put(item.bytes + [0x61], number: item.number, part: 0, isLast: false)
                    }
                    texts += (try items.collect() ?? []).map { String(decoding: $0, as: UTF8.self) }
                }
                while group.isFirst, let more = try items.collect(waits: true) {
                    texts += more.map { String(decoding: $0, as: UTF8.self) }
                }
                _ = try group.exchange([])
                return texts
            }
            #expect(results[0] == (0..<count).flatMap { ["\($0)a", "\($0)b"] })
            for others in results.dropFirst() { #expect(others.isEmpty) }
        }
    }

    @Test("ranks get equal shares of what is known, and less the less is left")
    func shares() throws {
        let supply = ItemSupply(ranks: 2) { _ in }
        supply.start(Self.numbers(40))
        while !supply.isEnd(40) { Thread.sleep(forTimeInterval: 0.01) }
        var sizes: [Int] = []
        while let items = try supply.take(ItemDemand(held: 0, wanted: 100, enough: 1)) { sizes.append(items.count) }
        #expect(sizes.prefix(3) == [10, 8, 6] && sizes.reduce(0, +) == 40 && sizes.last == 1)
        #expect(sizes == sizes.sorted(by: >))
    }

    @Test("a rank that gives up ends the others, wherever they wait; what it had handed in is not lost")
    func givingUp() throws {
        let ends = try Threads.run(ranks: 3) { group -> [String] in
            let items = SharedItems(group, read: Self.numbers(100))
            do {
                while let taken = try items.take(held: 0, wanted: 1, enough: 1) {
                    if group.rank == 1, let first = taken.first {
                        items.put(first.bytes, number: first.number)
                        throw CancellationError()
                    }
                    for item in taken where item.number > 0 { items.put(item.bytes, number: item.number) }
                    _ = try items.collect()
                    Thread.sleep(forTimeInterval: 0.005)
                }
                while group.isFirst, try items.collect(waits: true) != nil {}
                _ = try group.exchange([])
                return ["not told"]
            } catch {
                let rest = items.abandon()
                _ = group.close(farewell: "")
                return ["\((error as? DistributionError)?.code.rawValue ?? "own")"]
                    + rest.map { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(ends.map { $0[0] } == ["ended", "own", "ended"])
        let numbers = ends[0].dropFirst().compactMap { Int($0) }
        #expect(numbers == numbers.sorted())
    }

    @Test("what reading fails with is thrown on the first rank; the others find no more items")
    func reading() throws {
        struct Unreadable: Error {}
        let outcomes = try Threads.run(ranks: 2) { group -> String in
            let items = SharedItems(group) { throw Unreadable() }
            do {
                return try items.take(held: 0, wanted: 1, enough: 1) == nil ? "none" : "some"
            } catch { return "\(error)" }
        }
        #expect(outcomes == ["Unreadable()", "none"])
    }

    @Test("results are put in order of items and parts, each as soon as its turn has come")
    func results() {
        func result(_ item: Int, _ part: Int) -> OrderedResults.Result {
            OrderedResults.Result(item: item, part: part, isLast: part == 1, bytes: [UInt8(10 * item + part)])
        }
        var results = OrderedResults()
        for (item, part) in [(1, 0), (0, 1)] {
            results.add(result(item, part))
            #expect(results.take().isEmpty)
        }
        results.add(result(0, 0))
        #expect(results.take() == [[0], [1], [10]] && results.finished == 1)
        results.add(result(3, 0))
        #expect(results.take().isEmpty)
        results.add(result(1, 1))
        #expect(results.take() == [[11]] && results.finished == 2)
        #expect(results.drain() == [[30]] && results.drain().isEmpty)
    }
}
