import CKernels

/// How the rows of a batch form sequences: which positions they stand at, which pages hold their keys and values, and
/// which sequence of the same batch they continue.
public final class SequenceLayout: Sendable {
    /// Consecutive rows of one sequence.
    public struct Segment: Sendable {
        /// Its rows in the batch.
        public let rows: Range<Int>
        /// The position of its first row.
        public let firstPosition: Int
        /// The pages of positions 0–31, 32–63, … up to its last.
        public let pages: [Int32]
        /// The segment of this batch that holds all positions before `firstPosition`: a prompt that several completions
        /// share. `nil`: these positions are in the pages already, or there are none.
        public let parent: Int?

        /// A segment.
        public init(rows: Range<Int>, firstPosition: Int, pages: [Int32], parent: Int? = nil) {
            self.rows = rows
            self.firstPosition = firstPosition
            self.pages = pages
            self.parent = parent
        }
    }

    /// A few rows of a segment whose queries one kernel call attends.
    struct Tile: Sendable {
        let segment: Int
        let rows: Range<Int>
    }

    /// The segments, a parent before those that continue it.
    public let segments: [Segment]
    /// The position of each row.
    public let positions: [Int32]
    /// Rows.
    public var count: Int { positions.count }
    let tiles: [Tile]
    /// The segments that continue another, with the number of that one.
    let continuations: [(segment: Int, parent: Int)]
    /// Segments tied by parents, each set in order: the backward pass treats one as a whole.
    let families: [[Int]]

    /// A layout of segments that cover the rows in order.
    ///
    /// - Parameter groupSize: Query heads that share a head of keys and values.
    public init(segments: [Segment], groupSize: Int) {
        self.segments = segments
        var positions: [Int32] = []
        var tiles: [Tile] = []
        var families: [[Int]] = []
        var familyOf: [Int] = []
        let tileRows = max(1, Int(CK_QUERIES) / groupSize)
        for (index, segment) in segments.enumerated() {
            precondition(segment.rows.lowerBound == positions.count, "SequenceLayout: segment \(index) leaves a gap")
            let end = segment.firstPosition + segment.rows.count
            precondition(
                segment.pages.count * KeyValuePages.pageSize >= end,
                "SequenceLayout: segment \(index) has \(segment.pages.count) pages for \(end) positions")
            positions += (segment.firstPosition..<end).map { Int32($0) }
            for start in stride(from: segment.rows.lowerBound, to: segment.rows.upperBound, by: tileRows) {
                tiles.append(Tile(segment: index, rows: start..<min(start + tileRows, segment.rows.upperBound)))
            }
            if let parent = segment.parent {
                precondition(
                    parent < index && segments[parent].parent == nil && segments[parent].firstPosition == 0
                        && segments[parent].rows.count == segment.firstPosition,
                    "SequenceLayout: segment \(index) cannot continue segment \(parent)")
                familyOf.append(familyOf[parent])
                families[familyOf[parent]].append(index)
            } else {
                familyOf.append(families.count)
                families.append([index])
            }
        }
        self.positions = positions
        self.tiles = tiles
        continuations = segments.enumerated().compactMap { index, segment in segment.parent.map { (index, $0) } }
        self.families = families
    }

    /// The row of the batch that holds each position of a segment, from position 0.
    func keyRows(of segment: Segment) -> [Int] {
        let prefix = segment.parent.map { Array(segments[$0].rows) } ?? []
        precondition(prefix.count == segment.firstPosition, "the backward pass needs every position in the batch")
        return prefix + segment.rows
    }
}
