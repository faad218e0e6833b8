import Synchronization
import Testing

@testable import Distribution

/// The order of sums, who computes what, and what messages hold.
@Suite("Sums over ranks")
struct SumTreeTests {
    @Test("every node but the root is half of its parent, and halves join without a gap", arguments: 1...40)
    func shape(pieces: Int) throws {
        let tree = Self.tree(pieces)
        var nodes = [tree.root]
        var leaves: [Int] = []
        while let node = nodes.popLast() {
            guard let (left, right) = tree.halves(of: node) else {
                leaves += node
                continue
            }
            #expect(left.lowerBound == node.lowerBound && left.upperBound == right.lowerBound)
            #expect(right.upperBound == node.upperBound && (0...1).contains(right.count - left.count))
            #expect(tree.parent(of: left)?.parent == node && tree.parent(of: left)?.sibling == right)
            #expect(tree.parent(of: right)?.parent == node && tree.parent(of: right)?.sibling == left)
            nodes += [left, right]
        }
        #expect(leaves.sorted() == Array(0..<pieces))
        #expect(tree.parent(of: tree.root) == nil)
    }

    @Test("neighbours make up the fewest nodes")
    func nodes() {
        let tree = Self.tree(13)
        #expect(tree.nodes(in: 0..<13) == [0..<13])
        #expect(tree.nodes(in: 0..<6) == [0..<6] && tree.nodes(in: 6..<13) == [6..<13])
        #expect(tree.nodes(in: 2..<9) == [2..<3, 3..<6, 6..<9])
        #expect(tree.nodes(in: 5..<5).isEmpty)
    }

    @Test("nodes are cut where their costs are halved, so that shares of two ranks are nodes")
    func costs() throws {
        let costs: [Double] = [700, 350, 350, 700, 0, 100, 600, 50]
        let tree = SumTree(costs: costs)
        #expect(try #require(tree.halves(of: 0..<8)) == (0..<3, 3..<8))
        #expect(try #require(tree.halves(of: 0..<3)) == (0..<1, 1..<3))
        // Of two places that are equally near, the first.
        #expect(try #require(tree.halves(of: 3..<8)) == (3..<4, 4..<8))
        #expect(tree.halves(of: 2..<3) == nil && tree.halves(of: 1..<4) == nil)
        for seed in 1...50 {
            let costs = (0..<seed).map { Double(($0 &* 7919 &+ seed &* 31) % 997) }
            let tree = SumTree(costs: costs, depth: 30)
            for share in CostRow(costs).shares(2) where !share.isEmpty { #expect(tree.nodes(in: share) == [share]) }
        }
    }

    @Test("halves of halves are no more than allowed, however unequal the pieces are", arguments: [2, 5, 8, 9, 30])
    func depth(pieces: Int) {
        let least = SumTree.leastDepth(pieces: pieces)
        #expect(1 << least >= pieces && 1 << (least - 1) < pieces)
        let costs = (0..<pieces).map { Double(sign: .plus, exponent: $0, significand: 1) }
        for (depth, most) in [(nil, least + 1), (least, least), (0, least), (30, 30)] {
            let tree = SumTree(costs: costs, depth: depth)
            func deepest(_ node: Range<Int>) -> Int {
                tree.halves(of: node).map { 1 + max(deepest($0.left), deepest($0.right)) } ?? 0
            }
            #expect(deepest(tree.root) <= most)
        }
    }

    @Test("a sum is the same bits whoever computes which piece, and in whatever order", arguments: [1, 2, 3, 4, 7])
    func bits(ranks: Int) throws {
        for pieces in [1, 2, 5, 8, 13] {
            let expected = reference(pieces)
            for seed in 0..<4 {
                // Any order and any rank will do: a simple mixture of both.
                let order = (0..<pieces).sorted { ($0 &* 7919 &+ seed) % 13 < ($1 &* 7919 &+ seed) % 13 }
                let results = try sums(pieces, ranks: ranks) { rank in
                    order.filter { ($0 &* 31 &+ seed) % ranks == rank }
                }
                for result in results { #expect(result == expected) }
            }
        }
    }

    @Test(
        "a sum is the same bits when parts of it are sent before a rank's last piece is finished", arguments: [2, 3, 4])
    func overlapped(ranks: Int) throws {
        for pieces in [1, 2, 5, 8, 13] {
            let expected = reference(pieces)
            let early = Mutex(0)
            let results = try Threads.run(ranks: ranks) { group in
                let share = group.share(costs: Array(repeating: 1, count: pieces))
                return try gradients { target in
                    let sums = PartialSums(tree: Self.tree(pieces), share: share, parts: Self.parts, target: target)
                    while let piece = try share.next() {
                        sums.begin()
                        // Part after part is finished, as in a backward pass.
                        for (index, part) in Self.parts.enumerated() {
                            for place in part.joined() { target[place] += value(piece, place) }
                            if share.isExhausted { early.withLock { $0 += 1 } }
                            if index != 1 { sums.finished(index + 1, of: piece) }
                        }
                        sums.end(piece)
                    }
                    let isWhole = try sums.close()
                    #expect(isWhole)
                }
            }
            #expect(early.withLock { $0 } > 0)
            for result in results { #expect(result == expected) }
        }
    }

    @Test("where a rank gives up nobody waits for it, and the next sum is right")
    func abandoned() throws {
        let expected = reference(8)
        let results = try Threads.run(ranks: 3) { group in
            for failing in [2, 0, 1] {
                for stage in 0..<3 {
                    let share = group.share(costs: Array(repeating: 1, count: 8))
                    var target = [Float](repeating: 0, count: Self.width)
                    try target.withUnsafeMutableBufferPointer { target in
                        let sums = PartialSums(tree: Self.tree(8), share: share, parts: Self.parts, target: target)
                        var isFirst = true
                        while let piece = try share.next() {
                            if group.rank == failing, stage == 0 { break }
                            sums.begin()
                            // One gives up in the middle of a piece, when some parts may be on their way.
                            sums.finished(2, of: piece)
                            if group.rank == failing, stage == 1, !isFirst || share.isExhausted { break }
                            sums.end(piece)
                            isFirst = false
                        }
                        if group.rank == failing { return sums.abandon() }
                        let isWhole = try sums.close()
                        #expect(!isWhole)
                    }
                    _ = try group.exchange([])
                }
            }
            let share = group.share(costs: Array(repeating: 1, count: 8))
            return try gradients { target in
                let sums = PartialSums(tree: Self.tree(8), share: share, parts: Self.parts, target: target)
                while let piece = try share.next() {
                    sums.begin()
                    for place in 0..<Self.width { target[place] += value(piece, place) }
                    sums.end(piece)
                }
                let isWhole = try sums.close()
                #expect(isWhole)
            }
        }
        for result in results { #expect(result == expected) }
    }

    @Test("the sum is that of the tree, not of another order")
    func order() {
        let bits = reference(5)
        var sum = [Float](repeating: 0, count: Self.width)
        for piece in 0..<5 { for (index, value) in values(piece).enumerated() { sum[index] += value } }
        #expect(sum.map(\.bitPattern) != bits)
        let close = zip(sum, bits).allSatisfy { abs($0 - Float(bitPattern: $1)) < 1e-5 * abs($0) + 1e-2 }
        #expect(close)
    }

    private static let width = 1003
    /// The numbers in the order in which they are finished; one part is smaller than the number of ranks.
    private static let parts: [[Range<Int>]] = [[900..<1003, 3..<100], [400..<899], [899..<900], [0..<3, 100..<400]]

    /// Numbers of very different sizes.
    private func value(_ piece: Int, _ index: Int) -> Float {
        let mixed = UInt32(truncatingIfNeeded: (piece &+ 1) &* 2_654_435_761 &+ index &* 40_503)
        return Float(mixed % 20_011) / Float(1 + mixed % 977) - 7
    }

    private func values(_ piece: Int) -> [Float] { (0..<Self.width).map { value(piece, $0) } }

    private static func tree(_ pieces: Int) -> SumTree { SumTree(costs: Array(repeating: 1, count: pieces)) }

    private func reference(_ pieces: Int) -> [UInt32] {
        let tree = Self.tree(pieces)
        func sum(_ node: Range<Int>) -> [Float] {
            guard let (left, right) = tree.halves(of: node) else { return values(node.lowerBound) }
            return zip(sum(left), sum(right)).map { $0 + $1 }
        }
        return sum(0..<pieces).map(\.bitPattern)
    }

    /// What some work leaves in the gradients.
    private func gradients(_ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows -> [UInt32] {
        var gradients = [Float](repeating: .nan, count: Self.width)
        try gradients.withUnsafeMutableBufferPointer { try body($0) }
        return gradients.map(\.bitPattern)
    }

    /// Has threads compute pieces and add them up.
    private func sums(_ pieces: Int, ranks: Int, _ own: @escaping @Sendable (Int) -> [Int]) throws -> [[UInt32]] {
        try Threads.run(ranks: ranks) { group in
            try gradients { target in
                let sums = PartialSums(
                    tree: Self.tree(pieces), share: group.share(costs: []), parts: Self.parts, target: target)
                for piece in own(group.rank) {
                    sums.begin()
                    for (index, value) in values(piece).enumerated() { target[index] += value }
                    sums.end(piece)
                }
                let isWhole = try sums.close()
                #expect(isWhole)
            }
        }
    }
}
