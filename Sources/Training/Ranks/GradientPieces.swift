import Distribution
import QwenModel
import TensorCore

/// The units of an update cut into pieces, each of which one rank computes: what is added up as a whole.
///
/// Within a piece units are added one after the other, and pieces in the order of a `SumTree`. The cut depends on the units
/// and on how many numbers are trained, never on ranks, threads or memory; nor do the gradient's bits.
struct GradientPieces {
    /// Tokens that pieces are filled up to: enough to keep the matrix products efficient.
    static let tokens = 512
    /// Bytes that partial sums may take on a rank, about: where many numbers are trained, pieces are few and large.
    static let sumBytes = 2 << 30

    /// The units of each piece.
    let ranges: [Range<Int>]
    /// Tokens of each piece.
    let sizes: [Int]

    /// - Parameter sizes: Tokens of each unit.
    /// - Parameter parameterCount: Numbers that are trained; 0 where no gradient is wanted.
    init(_ sizes: [Int], parameterCount: Int) {
        let budget = Self.budget(sizes.reduce(0, +), parameterCount: parameterCount)
        let cut = TrainingUnit.packing(Array(sizes.indices), budget: budget) { sizes[$0] }
        ranges = cut.map { $0[0]..<$0[0] + $0.count }
        self.sizes = cut.map { $0.reduce(0) { $0 + sizes[$1] } }
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
            pieces: ranges.count, share: share, parts: parts.ranges,
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
