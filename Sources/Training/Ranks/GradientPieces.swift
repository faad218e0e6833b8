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
    /// - Parameter body: Adds a piece's gradient to that of the parameters.
    /// - Returns: The pieces' results, in order.
    func run<Value: Portable>(
        _ ranks: RankGroup, parameters: ParameterSet?, _ body: (_ piece: Int) throws(TrainingError) -> Value
    ) throws(TrainingError) -> [Value] {
        let sums = parameters.map {
            PartialSums(
                pieces: ranges.count,
                target: UnsafeMutableBufferPointer(start: $0.gradients.floats, count: $0.count))
        }
        let results = try ranks.map(costs: sizes.map { Double($0) }) { piece throws(TrainingError) in
            sums?.begin()
            let result = try body(piece)
            sums?.end(piece)
            return result
        }
        do { try sums?.finish(ranks) } catch { throw TrainingError(.ranks, "\(error)", cause: error) }
        return results
    }
}
