/// Puts results, which come in any order, into the order of the items they belong to. An item may have several parts.
struct OrderedResults {
    /// A result.
    struct Result: Portable, Hashable {
        /// The item's number, from 0.
        let item: Int
        /// Which of the item's parts it is, from 0.
        let part: Int
        /// Whether the item has no further parts.
        let isLast: Bool
        let bytes: [UInt8]
    }

    private struct Place: Hashable, Comparable {
        var item = 0
        var part = 0

        static func < (a: Place, b: Place) -> Bool { (a.item, a.part) < (b.item, b.part) }
    }

    private var waiting: [Place: Result] = [:]
    private var next = Place()

    /// Items whose results have all been taken.
    var finished: Int { next.item }

    /// Takes in a result.
    mutating func add(_ result: Result) { waiting[Place(item: result.item, part: result.part)] = result }

    /// The results whose turn it is.
    mutating func take() -> [[UInt8]] {
        var ready: [[UInt8]] = []
        while let result = waiting.removeValue(forKey: next) {
            ready.append(result.bytes)
            next = result.isLast ? Place(item: next.item + 1) : Place(item: next.item, part: next.part + 1)
        }
        return ready
    }

    /// What is there although something before it is not, in order.
    mutating func drain() -> [[UInt8]] {
        defer { waiting = [:] }
        return waiting.sorted { $0.key < $1.key }.map(\.value.bytes)
    }
}

extension OrderedResults.Result {
    init(from message: inout MessageReader) throws(DistributionError) {
        (item, part, isLast) = (try message.integer(), try message.integer(), try message.integer() != 0)
        bytes = try message.octets()
    }

    func write(to message: inout MessageWriter) {
        message.add(item)
        message.add(part)
        message.add(isLast ? 1 : 0)
        message.add(octets: bytes)
    }
}
