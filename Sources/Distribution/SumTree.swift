/// The order in which the gradients of an update's pieces are added up: a tree that their costs alone fix.
///
///     sum(a..<b) = sum(a..<m) + sum(m..<b)        m: where the costs of a..<b are halved, as nearly as pieces allow
///
/// Floating-point sums depend on their order; with a fixed one they are the same bits whichever rank computed which piece, and
/// whenever it did. A rank needs to hold only the sums of complete subtrees. Where ranks compute shares of equal cost, two of
/// them compute one each, and few more make up the share of any other number of ranks.
public struct SumTree: Sendable, Hashable {
    /// The pieces of the update.
    public let pieces: Int
    /// Where each node of several pieces is cut.
    private let middles: [Range<Int>: Int]

    /// A tree.
    ///
    /// - Parameter costs: What each piece takes, in any unit, at least 0.
    /// - Parameter depth: How many halves of halves there may be; at least the logarithm of the number of pieces, and unless
    ///   given one more: then the sums that are held at a time are few however unequal pieces are.
    public init(costs: [Double], depth: Int? = nil) {
        pieces = costs.count
        let least = Self.leastDepth(pieces: pieces)
        let ends = CostRow(costs)
        var middles: [Range<Int>: Int] = [:]
        var nodes = [(node: 0..<pieces, depth: max(least, depth ?? least + 1))]
        while let (node, depth) = nodes.popLast() {
            guard node.count > 1 else { continue }
            let most = depth > Int.bitWidth - 2 ? .max : 1 << (depth - 1)
            let middle = ends.boundary(
                nearest: (ends.before(node.lowerBound) + ends.before(node.upperBound)) / 2,
                in: max(
                    node.lowerBound + 1, node.upperBound - min(most, node.count))...min(
                        node.upperBound - 1, node.lowerBound + min(most, node.count)))
            middles[node] = middle
            nodes += [(node.lowerBound..<middle, depth - 1), (middle..<node.upperBound, depth - 1)]
        }
        self.middles = middles
    }

    /// Halves of halves that so many pieces need at least.
    public static func leastDepth(pieces: Int) -> Int {
        pieces > 1 ? Int.bitWidth - (pieces - 1).leadingZeroBitCount : 0
    }

    /// The node of all pieces.
    public var root: Range<Int> { 0..<pieces }

    /// The two halves of a node; `nil` for a single piece, and for what is no node.
    public func halves(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
        middles[node].map { (node.lowerBound..<$0, $0..<node.upperBound) }
    }

    /// The node above, and its other half; `nil` for the root, and for what is no node.
    public func parent(of node: Range<Int>) -> (parent: Range<Int>, sibling: Range<Int>)? {
        var range = root
        while let (left, right) = halves(of: range) {
            if node == left { return (range, right) }
            if node == right { return (range, left) }
            range = node.lowerBound < right.lowerBound ? left : right
        }
        return nil
    }

    /// The fewest nodes that neighbouring pieces make up.
    public func nodes(in pieces: Range<Int>) -> [Range<Int>] {
        func nodes(_ node: Range<Int>) -> [Range<Int>] {
            guard !pieces.clamped(to: node).isEmpty else { return [] }
            guard pieces.clamped(to: node) != node, let (left, right) = halves(of: node) else { return [node] }
            return nodes(left) + nodes(right)
        }
        return nodes(root)
    }

    /// Computes a node from sums that there are.
    ///
    /// - Parameter known: The sum of a node, if it is there.
    /// - Parameter add: left + right.
    /// - Returns: `nil` where a piece is missing.
    public func fold<Sum>(
        _ node: Range<Int>, known: (Range<Int>) -> Sum?, add: (_ left: Sum, _ right: Sum) -> Sum
    ) -> Sum? {
        if let sum = known(node) { return sum }
        guard let (left, right) = halves(of: node), let first = fold(left, known: known, add: add),
            let second = fold(right, known: known, add: add)
        else { return nil }
        return add(first, second)
    }
}
