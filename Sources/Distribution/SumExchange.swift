/// Sums of gradients on their way between ranks, one part of the numbers after the other.
///
/// Of each part every rank adds up one slice, and tells the others. A part can be sent as soon as nothing will be added to
/// it any more; so most of them are on their way while the rest is still computed.
///
/// Every message begins with the number of the shared work that it belongs to; one that holds nothing else says that its
/// sender gives up.
final class SumExchange {
    private let group: RankGroup
    private let round: Int
    private let tree: SumTree
    private let target: UnsafeMutableBufferPointer<Float>
    /// For each part and each rank the numbers that the rank adds up.
    private let slices: [[[Range<Int>]]]
    /// What this rank has of its own slice: for each part the sums of its nodes.
    private var own: [[Range<Int>: [Float]]] = []
    private var peers: [Peer]
    /// Parts of which this rank has told its slice of the total.
    private var told = 0
    private var isAbandoned = false

    /// What another rank has sent.
    private struct Peer {
        /// Of which nodes it holds sums.
        var nodes: [Range<Int>]?
        /// Its sums of the next part's slice, node after node.
        var values: [Float]?
    }

    /// - Parameter parts: The numbers that are sent together, in the order in which they are sent.
    /// - Parameter target: Where the totals go.
    init(_ share: WorkShare, tree: SumTree, parts: [[Range<Int>]], target: UnsafeMutableBufferPointer<Float>) {
        (group, round) = (share.group, share.claim.round)
        (self.tree, self.target) = (tree, target)
        let ranks = group.count
        slices = parts.map { part in (0..<ranks).map { Self.slice($0, of: ranks, in: part) } }
        peers = Array(repeating: Peer(), count: ranks)
    }

    /// Numbers of a part that a rank adds up.
    private static func slice(_ rank: Int, of ranks: Int, in part: [Range<Int>]) -> [Range<Int>] {
        let count = part.reduce(0) { $0 + $1.count }
        let (first, end) = (count * rank / ranks, count * (rank + 1) / ranks)
        var slice: [Range<Int>] = []
        var place = 0
        for range in part {
            let inside = (first..<end).clamped(to: place..<place + range.count)
            let start = range.lowerBound - place
            if !inside.isEmpty { slice.append(start + inside.lowerBound..<start + inside.upperBound) }
            place += range.count
        }
        return slice
    }

    private static func count(_ ranges: [Range<Int>]) -> Int { ranges.reduce(0) { $0 + $1.count } }

    private var others: [Int] { (0..<group.count).filter { $0 != group.rank } }

    // MARK: Sending

    /// Tells the others of which nodes this rank holds sums.
    func open(_ nodes: [Range<Int>]) {
        var message = MessageWriter()
        message.add(round)
        message.add(nodes.flatMap { [$0.lowerBound, $0.upperBound] })
        for other in others { group.send(message.bytes, to: other, on: .sums) }
    }

    /// How many parts have been sent.
    var sent: Int { own.count }

    /// Sends the next part of this rank's sums; its numbers in the target are free then for the total.
    func send(_ sums: [(node: Range<Int>, values: UnsafeMutableBufferPointer<Float>)]) {
        let part = slices[sent]
        for other in others where !sums.isEmpty && !part[other].isEmpty {
            group.send(message(sums.flatMap { sum in part[other].map { sum.values[$0] } }), to: other, on: .sums)
        }
        own.append(
            Dictionary(
                uniqueKeysWithValues: sums.map { sum in
                    (sum.node, part[group.rank].flatMap { Array(sum.values[$0]) })
                }))
    }

    /// Lets the others know that this rank has failed.
    func abandon() {
        guard !isAbandoned else { return }
        isAbandoned = true
        for other in others {
            for channel in [Channel.sums, .totals] { group.send(message([]), to: other, on: channel) }
        }
    }

    /// A message of numbers.
    private func message(_ values: [Slice<UnsafeMutableBufferPointer<Float>>]) -> [UInt8] {
        var head = MessageWriter()
        head.add(round)
        let size = head.bytes.count + values.reduce(0) { $0 + $1.count } * MemoryLayout<Float>.size
        return [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
            func append(_ source: UnsafeRawBufferPointer) {
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[count...]).copyMemory(
                    from: source)
                count += source.count
            }
            head.bytes.withUnsafeBytes { append($0) }
            for values in values { append(UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: values))) }
        }
    }

    // MARK: Adding up

    /// Adds up what has come from all ranks.
    ///
    /// - Parameter waits: Whether to wait for all that this rank has sent itself.
    /// - Throws: `DistributionError`
    func advance(waits: Bool) throws(DistributionError) {
        while told < sent, !isAbandoned {
            for other in others {
                guard try hasArrived(slices[told][group.rank], from: other, waits: waits) else { return }
            }
            try total()
        }
    }

    /// Waits for the totals of the others.
    ///
    /// - Returns: Whether all are in place; not if a rank gave up.
    /// - Throws: `DistributionError`
    func finish() throws(DistributionError) -> Bool {
        try advance(waits: true)
        for part in slices {
            for other in others where !part[other].isEmpty {
                guard !isAbandoned, let message = try receive(from: other, on: .totals, waits: true) else {
                    return false
                }
                place(try floats(message, count: Self.count(part[other]), from: other), in: part[other])
            }
        }
        return !isAbandoned
    }

    /// Makes the total of the next part's slice, and tells it.
    private func total() throws(DistributionError) {
        let slice = slices[told][group.rank]
        let count = Self.count(slice)
        var sums = own[told]
        for other in others {
            guard let nodes = peers[other].nodes, let values = peers[other].values else { continue }
            for (index, node) in nodes.enumerated() {
                sums[node] = Array(values[index * count..<(index + 1) * count])
            }
            peers[other].values = nil
        }
        own[told] = [:]
        told += 1
        guard count > 0 else { return }
        let total = tree.fold(tree.root, known: { sums[$0] }) { left, right in
            var sum = left
            for index in sum.indices { sum[index] += right[index] }
            return sum
        }
        guard let total else {
            throw DistributionError(
                .malformed, "the ranks' sums don't cover the \(tree.pieces) pieces of an update; please report it")
        }
        place(total, in: slice)
        let message = message(slice.map { target[$0] })
        for other in others { group.send(message, to: other, on: .totals) }
    }

    private func place(_ values: [Float], in slice: [Range<Int>]) {
        var first = 0
        for range in slice {
            _ = target[range].update(fromContentsOf: values[first..<first + range.count])
            first += range.count
        }
    }

    // MARK: Receiving

    /// Whether a rank's sums of the next part's slice are there.
    private func hasArrived(
        _ slice: [Range<Int>], from other: Int, waits: Bool
    ) throws(DistributionError) -> Bool {
        if peers[other].nodes == nil {
            guard let message = try receive(from: other, on: .sums, waits: waits) else { return false }
            peers[other].nodes = try nodes(message)
        }
        guard let held = peers[other].nodes?.count, held > 0, !slice.isEmpty, peers[other].values == nil else {
            return true
        }
        guard let message = try receive(from: other, on: .sums, waits: waits) else { return false }
        peers[other].values = try floats(message, count: held * Self.count(slice), from: other)
        return true
    }

    /// The next message of this exchange from a rank; `nil` if none is there, or the rank has given up.
    private func receive(
        from other: Int, on channel: Channel, waits: Bool
    ) throws(DistributionError) -> [UInt8]? {
        while let message = try group.next(from: [other], on: channel, waits: waits) {
            var reader = MessageReader(message)
            let place = try reader.integer()
            // Left of an exchange that was given up.
            guard place >= round else { continue }
            guard place == round else {
                throw DistributionError(
                    .malformed,
                    "\(group.name(of: other)) adds up work \(place), \(group.name(of: group.rank)) \(round); please report it"
                )
            }
            guard !reader.isAtEnd else {
                // Those who wait for this rank must hear it too.
                abandon()
                return nil
            }
            return message
        }
        return nil
    }

    private func nodes(_ message: [UInt8]) throws(DistributionError) -> [Range<Int>] {
        var reader = MessageReader(message)
        _ = try reader.integer()
        let bounds = try reader.integers()
        return try stride(from: 0, to: bounds.count - 1, by: 2).map { index throws(DistributionError) in
            guard 0 <= bounds[index], bounds[index] < bounds[index + 1], bounds[index + 1] <= tree.pieces else {
                throw DistributionError(
                    .malformed, "a rank holds the sum of pieces \(bounds[index])…, of \(tree.pieces); please report it")
            }
            return bounds[index]..<bounds[index + 1]
        }
    }

    private func floats(_ message: [UInt8], count: Int, from other: Int) throws(DistributionError) -> [Float] {
        let head = MemoryLayout<Int>.size
        guard message.count - head == count * MemoryLayout<Float>.size else {
            throw DistributionError(
                .malformed,
                "\(group.name(of: other)) sent \(message.count - head) bytes of sums, expected "
                    + "\(count * MemoryLayout<Float>.size); please report it")
        }
        return [Float](unsafeUninitializedCapacity: count) { floats, initialized in
            message.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(floats).copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[head...]))
            }
            initialized = count
        }
    }
}
