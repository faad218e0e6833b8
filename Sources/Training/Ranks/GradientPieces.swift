import Distribution
import QwenModel
import TensorCore

/// The units of an update cut into pieces, each of which one rank computes: what is added up as a whole.
///
/// Within a piece units are added one after the other, and pieces in the order of a `SumTree`. Pieces begin where the shares of
/// two, three and four ranks do, as nearly as units allow. The cut depends on the units and on how many numbers are trained,
/// never on ranks, threads or memory; nor do the gradient's bits.
struct GradientPieces {
    /// Tokens that pieces are filled up to: enough to keep the matrix products efficient.
    static let tokens = 512
    /// Bytes that partial sums may take on a rank, about: where many numbers are trained, pieces are few and large.
    static let sumBytes = 2 << 30

    /// The units of each piece.
    let ranges: [Range<Int>]
    /// Tokens of each piece.
    let sizes: [Int]
    /// The order in which pieces are added up.
    let tree: SumTree

    /// - Parameter sizes: Tokens of each unit.
    /// - Parameter parameterCount: Numbers that are trained; 0 where no gradient is wanted.
    init(_ sizes: [Int], parameterCount: Int) {
        let depth = Self.depth(parameterCount: parameterCount)
        let row = CostRow(sizes.map { Double($0) })
        let budget = Self.budget(Int(row.total), parameterCount: parameterCount)
        let starts = ShareStarts.worthwhile(tokens: Int(row.total)).map {
            row.boundary(nearest: $0 * row.total, in: 0...sizes.count)
        }
        var ranges = Self.filled(sizes, budget: budget, starts: Set(starts))
        if ranges.count > 1 << depth { ranges = Self.filled(sizes, budget: budget, starts: []) }
        self.ranges = ranges
        self.sizes = ranges.map { sizes[$0].reduce(0, +) }
        tree = SumTree(
            costs: self.sizes.map { Double($0) },
            depth: max(
                SumTree.leastDepth(pieces: ranges.count), min(depth, SumTree.leastDepth(pieces: ranges.count) + 1)))
    }

    /// Neighbouring units filled up to a budget, beginning anew at some of them.
    private static func filled(_ sizes: [Int], budget: Int, starts: Set<Int>) -> [Range<Int>] {
        let bounds = (starts.union([0, sizes.count])).sorted()
        return zip(bounds, bounds.dropFirst()).flatMap { start, end in
            TrainingUnit.packing(Array(start..<end), budget: budget) { sizes[$0] }.map { $0[0]..<$0[0] + $0.count }
        }
    }

    /// Tokens that pieces of an update are filled up to; a unit that is longer is a piece of its own.
    static func budget(_ tokens: Int, parameterCount: Int) -> Int {
        let most = 1 << depth(parameterCount: parameterCount)
        return max(Self.tokens, (tokens + most - 1) / most)
    }

    /// How many sums of pieces are held at most beside the gradient, or one more.
    static func depth(parameterCount: Int) -> Int {
        min(max(1, sumBytes / max(1, parameterCount * MemoryLayout<Float>.size)), 30)
    }

    /// How many sums of pieces an update holds at a time beside the gradient, about: one more where pieces are far from full, and
    /// one where they are very unequal.
    static func sums(tokens: Int, parameterCount: Int) -> Int {
        let full = max(1, (tokens + Self.tokens - 1) / Self.tokens)
        guard full > 1 else { return 0 }
        let pieces = full + ShareStarts.worthwhile(tokens: tokens).count
        return min(SumTree.leastDepth(pieces: pieces), depth(parameterCount: parameterCount))
    }

    /// Computes all pieces, and makes the parameters' gradient the sum of theirs.
    ///
    /// - Parameter parameters: What is trained; `nil`: only the results are wanted.
    /// - Parameter body: Adds a piece's gradient to that of the parameters; tells the milestones of the piece's last backward
    ///   pass, so that other ranks get what is finished while the rest is computed.
    /// - Returns: The pieces' results, in order.
    func run<Value: Portable>(
        _ ranks: RankGroup, parameters: ParameterSet?,
        _ body: (_ piece: Int, _ reached: (_ milestone: Int) -> Void) throws(TrainingError) -> Value
    ) throws(TrainingError) -> [Value] {
        guard let parameters else {
            return try ranks.map(costs: costs) { piece throws(TrainingError) in try body(piece) { _ in } }
        }
        let (share, parts) = (ranks.share(costs: costs), GradientParts(parameters))
        let sums = PartialSums(
            tree: tree, share: share, parts: parts.ranges,
            target: UnsafeMutableBufferPointer(start: parameters.gradients.floats, count: parameters.count))
        return try ranks.map(share, closing: sums) { piece throws(TrainingError) in
            sums.begin()
            let result = try body(piece) { sums.finished(parts.finished(at: $0), of: piece) }
            sums.end(piece)
            return result
        }
    }

    private var costs: [Double] { sizes.map { Double($0) } }
}

/// The trained numbers in parts that travel between ranks while others are still computed.
struct GradientParts {
    /// Numbers of a part at least: below, a message takes longer than its bytes.
    static let least = 1 << 12
    /// Parts at most.
    static let most = 32

    /// The numbers of each part, in the order in which a backward pass finishes them.
    private(set) var ranges: [[Range<Int>]] = []
    /// For each part the milestone at which all of it is finished; `nil`: at the end of the pass.
    private var milestones: [Int?] = []

    init(_ parameters: ParameterSet) {
        let enough = max(Self.least, parameters.count / Self.most)
        var count = enough
        for stage in parameters.gradientStages {
            if count >= enough {
                ranges.append([])
                milestones.append(nil)
                count = 0
            }
            ranges[ranges.count - 1] += stage.ranges
            milestones[milestones.count - 1] = stage.milestone
            count += stage.ranges.reduce(0) { $0 + $1.count }
        }
    }

    /// How many parts are finished when a backward pass reaches a milestone.
    func finished(at milestone: Int) -> Int { milestones.prefix { $0.map { $0 >= milestone } ?? false }.count }
}
