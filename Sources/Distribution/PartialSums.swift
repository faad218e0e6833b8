/// The gradients of an update's pieces on their way to one sum, in the order of a `SumTree`.
///
/// Pieces are computed into one buffer, each from zero. What can be added up on the spot is; the rest is kept, for the
/// pieces' neighbours or for the other ranks. The numbers are sent in parts: while a rank computes its last piece, each part
/// is sent when it is finished.
public final class PartialSums {
    private typealias Buffer = UnsafeMutableBufferPointer<Float>

    private let tree: SumTree
    private let parts: [[Range<Int>]]
    private let share: WorkShare
    /// Where pieces are computed, and at last the sum is.
    private let target: UnsafeMutableBufferPointer<Float>
    /// What the target holds.
    private var current: Range<Int>?
    private var stored: [Range<Int>: Buffer] = [:]
    private var free: [Buffer] = []
    private var sending: Sending?
    /// Why sums could not be taken in while a piece was computed.
    private var failure: DistributionError?

    /// What this rank sends, when it is known that no more pieces come.
    private struct Sending {
        let exchange: SumExchange
        /// What is added to the target's numbers before they are sent.
        let siblings: [Buffer]
        let sums: [(node: Range<Int>, values: Buffer)]
    }

    /// No sums yet.
    ///
    /// - Parameter tree: The order in which pieces are added up; the same on all ranks.
    /// - Parameter share: Who computes which of them.
    /// - Parameter parts: The numbers in the order in which a piece finishes them; every number once, the same on all ranks.
    /// - Parameter target: Where pieces are computed, and at last their sum is; must outlive this.
    public init(
        tree: SumTree, share: WorkShare, parts: [[Range<Int>]], target: UnsafeMutableBufferPointer<Float>
    ) {
        (self.tree, self.share, self.parts, self.target) = (tree, share, parts, target)
        precondition(
            parts.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } } == target.count,
            "PartialSums: the parts don't cover the numbers")
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

    /// Sends the first parts of a piece that is being computed, if it is this rank's last.
    ///
    /// - Parameter count: Parts that are finished.
    public func finished(_ count: Int, of piece: Int) {
        guard share.group.count > 1, failure == nil, sending != nil || share.isExhausted else { return }
        let sending = sending ?? begun(with: piece)
        send(sending, upTo: count)
        do throws(DistributionError) { try sending.exchange.advance(waits: false) } catch { failure = error }
    }

    /// Takes in the piece that the target holds now.
    public func end(_ piece: Int) {
        if let sending { return send(sending, upTo: parts.count) }
        let (node, siblings) = path(of: piece)
        for sibling in siblings {
            guard let other = stored.removeValue(forKey: sibling) else { continue }
            Self.add(other, to: target, 0..<target.count)
            free.append(other)
        }
        current = node
    }

    /// Makes the target the sum of all ranks' pieces, when this rank has no more.
    ///
    /// - Returns: Whether it is; not if a rank gave up.
    /// - Throws: `DistributionError`
    public func close() throws(DistributionError) -> Bool {
        guard share.group.count > 1, tree.pieces > 0 else {
            precondition(current == tree.root || tree.pieces == 0, "PartialSums: pieces are missing")
            return true
        }
        if let failure { throw failure }
        let sending = sending ?? begun(with: nil)
        send(sending, upTo: parts.count)
        return try sending.exchange.finish()
    }

    /// Lets the other ranks know that this one has failed, so that they don't wait for its sums.
    public func abandon() {
        guard share.group.count > 1 else { return }
        (sending?.exchange ?? SumExchange(share, tree: tree, parts: parts, target: target)).abandon()
    }

    /// The node that a piece makes up with what is stored, and what is added to it, in order.
    private func path(of piece: Int) -> (node: Range<Int>, siblings: [Range<Int>]) {
        var node = piece..<piece + 1
        var siblings: [Range<Int>] = []
        while let (parent, sibling) = tree.parent(of: node), stored[sibling] != nil {
            siblings.append(sibling)
            node = parent
        }
        return (node, siblings)
    }

    /// Begins to send.
    ///
    /// - Parameter piece: What the target will hold when it has been computed; `nil`: it holds what it holds.
    private func begun(with piece: Int?) -> Sending {
        let (node, siblings) = piece.map { path(of: $0) } ?? (current, [])
        var sums = stored.filter { !siblings.contains($0.key) }.map { (node: $0.key, values: $0.value) }
        if let node { sums.append((node, target)) }
        sums.sort { $0.node.lowerBound < $1.node.lowerBound }
        let begun = Sending(
            exchange: SumExchange(share, tree: tree, parts: parts, target: target),
            siblings: siblings.compactMap { stored[$0] }, sums: sums)
        begun.exchange.open(sums.map(\.node))
        sending = begun
        return begun
    }

    private func send(_ sending: Sending, upTo count: Int) {
        while sending.exchange.sent < count {
            for range in parts[sending.exchange.sent] {
                for sibling in sending.siblings { Self.add(sibling, to: target, range) }
            }
            sending.exchange.send(sending.sums)
        }
    }

    /// Adds; two numbers have the same sum in either order.
    private static func add(_ values: Buffer, to sums: Buffer, _ range: Range<Int>) {
        for index in range { sums[index] += values[index] }
    }
}
