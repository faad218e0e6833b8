import Testing

@testable import Distribution

/// The order of sums, who computes what, and what messages hold.
@Suite("Sums over ranks")
struct SumTreeTests {
    @Test("every node but the root is half of its parent, and halves join without a gap", arguments: 1...40)
    func shape(pieces: Int) throws {
        let tree = SumTree(pieces: pieces)
        var nodes = [tree.root]
        var leaves: [Int] = []
        while let node = nodes.popLast() {
            guard let (left, right) = SumTree.halves(of: node) else {
                leaves += node
                continue
            }
            #expect(left.lowerBound == node.lowerBound && left.upperBound == right.lowerBound)
            #expect(right.upperBound == node.upperBound && left.count >= right.count)
            #expect(tree.parent(of: left)?.parent == node && tree.parent(of: left)?.sibling == right)
            #expect(tree.parent(of: right)?.parent == node && tree.parent(of: right)?.sibling == left)
            nodes += [left, right]
        }
        #expect(leaves.sorted() == Array(0..<pieces))
        #expect(tree.parent(of: tree.root) == nil)
    }

    @Test("neighbours make up the fewest nodes")
    func nodes() {
        let tree = SumTree(pieces: 13)
        #expect(tree.nodes(in: 0..<13) == [0..<13])
        #expect(tree.nodes(in: 0..<8) == [0..<8] && tree.nodes(in: 8..<13) == [8..<13])
        #expect(tree.nodes(in: 3..<11) == [3..<4, 4..<8, 8..<10, 10..<11])
        #expect(tree.nodes(in: 5..<5).isEmpty)
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

    /// Numbers of very different sizes.
    private func values(_ piece: Int) -> [Float] {
        (0..<Self.width).map { index in
            let mixed = UInt32(truncatingIfNeeded: (piece &+ 1) &* 2_654_435_761 &+ index &* 40_503)
            return Float(mixed % 20_011) / Float(1 + mixed % 977) - 7
        }
    }

    private func reference(_ pieces: Int) -> [UInt32] {
        func sum(_ node: Range<Int>) -> [Float] {
            guard let (left, right) = SumTree.halves(of: node) else { return values(node.lowerBound) }
            return zip(sum(left), sum(right)).map { $0 + $1 }
        }
        return sum(0..<pieces).map(\.bitPattern)
    }

    /// Has threads compute pieces and add them up.
    private func sums(_ pieces: Int, ranks: Int, _ own: @escaping @Sendable (Int) -> [Int]) throws -> [[UInt32]] {
        try Threads.run(ranks: ranks) { group in
            var gradients = [Float](repeating: .nan, count: Self.width)
            try gradients.withUnsafeMutableBufferPointer { target in
                let sums = PartialSums(pieces: pieces, target: target)
                for piece in own(group.rank) {
                    sums.begin()
                    for (index, value) in values(piece).enumerated() { target[index] += value }
                    sums.end(piece)
                }
                try sums.finish(group)
            }
            return gradients.map(\.bitPattern)
        }
    }
}
