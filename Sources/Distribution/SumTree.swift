/// The order in which the gradients of an update's pieces are added up: a tree that their number alone fixes.
///
///     sum(a..<b) = sum(a..<m) + sum(m..<b)        m − a: the largest power of two below b − a
///
/// Neighbours are added pairwise, then the pairs, and so on. Floating-point sums depend on their order; with a fixed one
/// they are the same bits whichever rank computed which piece, and whenever it did. A rank needs to hold only the sums of
/// complete subtrees: of neighbouring pieces there are about log₂ of their number.
public struct SumTree: Sendable, Hashable {
    /// The pieces of the update.
    public let pieces: Int

    /// A tree.
    public init(pieces: Int) { self.pieces = pieces }

    /// The node of all pieces.
    public var root: Range<Int> { 0..<pieces }

    /// The two halves of a node; `nil` for a single piece.
    public static func halves(of node: Range<Int>) -> (left: Range<Int>, right: Range<Int>)? {
        guard node.count > 1 else { return nil }
        let middle = node.lowerBound + (1 << (Int.bitWidth - 1 - (node.count - 1).leadingZeroBitCount))
        return (node.lowerBound..<middle, middle..<node.upperBound)
    }

    /// The node above, and its other half; `nil` for the root, and for what is no node.
    public func parent(of node: Range<Int>) -> (parent: Range<Int>, sibling: Range<Int>)? {
        var range = root
        while let (left, right) = Self.halves(of: range) {
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
            guard pieces.clamped(to: node) != node, let (left, right) = Self.halves(of: node) else { return [node] }
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
        guard let (left, right) = Self.halves(of: node), let first = fold(left, known: known, add: add),
            let second = fold(right, known: known, add: add)
        else { return nil }
        return add(first, second)
    }
}
