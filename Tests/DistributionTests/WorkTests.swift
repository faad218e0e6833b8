import Testing

@testable import Distribution

/// Who gets which piece of work, and what ranks tell one another.
@Suite("Shared work")
struct WorkTests {
    @Test("every piece is given out once, whoever asks", arguments: [1, 2, 3, 5])
    func once(ranks: Int) {
        for pieces in [0, 1, 4, 17] {
            var table = WorkTable(costs: (0..<pieces).map { Double(1 + $0 % 3) }, ranks: ranks)
            var taken: [Int] = []
            var turn = 0
            while !table.isFinished {
                // Rank 0 asks twice as often.
                turn += 1
                if let piece = table.take(turn % 2 == 0 ? 0 : turn / 2 % ranks) { taken.append(piece) }
            }
            #expect(taken.sorted() == Array(0..<pieces))
        }
    }

    @Test("shares are neighbours of about equal cost")
    func shares() {
        #expect(CostRow([1, 1, 1, 1]).shares(2) == [0..<2, 2..<4])
        #expect(CostRow([3, 1, 1, 1]).shares(2) == [0..<1, 1..<4])
        #expect(CostRow([1, 1, 1, 3]).shares(2) == [0..<3, 3..<4])
        #expect(CostRow([1]).shares(3) == [0..<0, 0..<1, 1..<1])
        #expect(CostRow([]).shares(2) == [0..<0, 0..<0])
        let costs = (0..<50).map { Double(1 + $0 * 7 % 5) }
        for ranks in 1...8 {
            let shares = CostRow(costs).shares(ranks)
            #expect(shares.flatMap { Array($0) } == Array(costs.indices))
            let sums = shares.map { $0.reduce(0) { $0 + costs[$1] } }
            #expect((sums.max() ?? 0) - (sums.min() ?? 0) <= 10)
        }
    }

    @Test("who has finished takes the last piece of the rank that has most left")
    func stealing() {
        var table = WorkTable(costs: [1, 1, 1, 1, 1, 1], ranks: 3)
        #expect(table.shares == [0..<2, 2..<4, 4..<6])
        #expect([table.take(0), table.take(0), table.take(1)] == [0, 1, 2])
        #expect([table.take(0), table.take(0), table.take(0)] == [5, 3, 4])
        #expect(table.take(0) == nil && table.take(2) == nil && !table.isFinished)
        #expect(table.take(1) == nil && table.isFinished)
        #expect(table.take(3) == nil && table.take(-1) == nil)
    }

    @Test("with the longest first everybody takes the longest piece left, and equal ones in order")
    func longestFirst() {
        var table = WorkTable(costs: [1, 5, 3, 5, 2], ranks: 2, order: .longestFirst)
        #expect([table.take(0), table.take(0), table.take(1), table.take(0), table.take(1)] == [1, 3, 2, 4, 0])
        #expect(table.take(0) == nil && !table.isFinished && table.take(1) == nil && table.isFinished)
    }

    @Test("a rank begins half its share, but enough to be busy, never more than its share; one by itself begins all")
    func portions() {
        #expect(Portion.begun(of: 1000, ranks: 2, enough: 32) == 250)
        #expect(Portion.begun(of: 100, ranks: 2, enough: 32) == 32)
        #expect(Portion.begun(of: 32, ranks: 2, enough: 32) == 16)
        #expect(Portion.begun(of: 7, ranks: 3, enough: 1) == 2 && Portion.begun(of: 0, ranks: 3, enough: 32) == 0)
        #expect(Portion.begun(of: 1000, ranks: 1, enough: 1) == 1000)
    }

    @Test("ranks that take from one share take everything once")
    func claims() throws {
        let taken = try Threads.run(ranks: 4) { group in
            try (0..<3).map { round in
                let share = group.share(
                    costs: (0..<20 + round).map { Double($0) }, order: round == 1 ? .longestFirst : .neighbours)
                var own: [Int] = []
                while let piece = try share.next() { own.append(piece) }
                // Nobody may be a round ahead when shares are compared below.
                _ = try group.exchange([UInt8(round)])
                return own
            }
        }
        for round in 0..<3 { #expect(taken.flatMap { $0[round] }.sorted() == Array(0..<20 + round)) }
    }

    @Test("every rank hears that all is given out, and of no later work", arguments: [1, 3])
    func exhausted(ranks: Int) throws {
        _ = try Threads.run(ranks: ranks) { group in
            let (first, second) = (group.share(costs: [1, 1, 1, 1]), group.share(costs: [1]))
            #expect(!second.isExhausted)
            while try first.next() != nil {}
            // What is told goes before what is exchanged.
            _ = try group.exchange([])
            #expect(first.isExhausted && !second.isExhausted)
            _ = try group.exchange([])
            while try second.next() != nil {}
            _ = try group.exchange([])
            #expect(second.isExhausted)
        }
    }

    @Test("every rank hears every rank, in order")
    func exchange() throws {
        let heard = try Threads.run(ranks: 3) { group in
            try (0..<5).map { round in try group.exchange([UInt8(group.rank), UInt8(round)]) }
        }
        for rank in 0..<3 { for round in 0..<5 { #expect(heard[rank][round] == (0..<3).map { [$0, UInt8(round)] }) } }
    }

    @Test("who waits for a rank that has said farewell is told, and hears why")
    func farewell() throws {
        let results = try Threads.run(ranks: 2) { group -> [String] in
            guard group.rank == 0 else { return group.close(farewell: "the disk is full") }
            #expect {
                try group.exchange([1])
            } throws: { ($0 as? DistributionError)?.code == .ended }
            return group.close(farewell: "")
        }
        #expect(results == [["", "the disk is full"], ["", ""]])
    }

    @Test("values come back as the bits that were sent")
    func messages() throws {
        var writer = MessageWriter()
        writer.add(Int.min)
        writer.add(-0.0)
        writer.add("Grüße, 世界\0")
        writer.add([Float(bitPattern: 0x7FC0_1234), -.infinity, Float.leastNonzeroMagnitude])
        writer.add([Int.max, -1])
        writer.add([Claim(round: 3, costs: [0.1]), Claim(round: 4, costs: [])])
        var reader = MessageReader(writer.bytes)
        #expect(try reader.integer() == .min)
        #expect(try reader.number().sign == .minus)
        #expect(try reader.text() == "Grüße, 世界\0")
        #expect(try reader.floats().map(\.bitPattern) == [0x7FC0_1234, 0xFF80_0000, 1])
        #expect(try reader.integers() == [.max, -1])
        let claims = try reader.values(Claim.self)
        #expect(claims.map(\.round) == [3, 4] && claims[0].costs == [0.1])
        #expect(reader.isAtEnd)
    }

    @Test("a message that is cut off or announces more than it has is refused")
    func hostile() throws {
        var writer = MessageWriter()
        writer.add([1.0 as Float, 2])
        for length in 0..<writer.bytes.count {
            var reader = MessageReader(Array(writer.bytes.prefix(length)))
            #expect(throws: DistributionError.self) { try reader.floats() }
        }
        for count in [-1, 3, Int.max, Int.min] {
            var writer = MessageWriter()
            writer.add(count)
            writer.add(0)
            var (floats, integers, text) = (
                MessageReader(writer.bytes), MessageReader(writer.bytes), MessageReader(writer.bytes)
            )
            #expect(throws: DistributionError.self) { try floats.floats() }
            #expect(throws: DistributionError.self) { try integers.integers() }
            if count != 3 { #expect(throws: DistributionError.self) { try text.text() } }
        }
    }
}
