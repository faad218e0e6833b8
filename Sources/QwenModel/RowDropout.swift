import Randomness
import TensorCore

/// Dropout on the inputs of adapters while they are trained.
///
///     x̃[n,c] = x[n,c] / (1 − p) with probability 1 − p, else 0
///
/// Each draw is a function of the seed, the update, the module, and which token of which sequence a row is. So the mask
/// of a token is the same however sequences are packed, cut into micro-batches and computed again.
///
/// Source: Srivastava et al. 2014; on the input of A as PEFT's `lora_dropout` has it.
public struct RowDropout: Sendable {
    /// Which token a row is, whatever batch it is in.
    public struct Place: Sendable, Hashable {
        /// The prompt or row of data within the update.
        public var unit: Int
        /// The completion, from 1; 0 for the prompt that completions share.
        public var sample: Int
        /// The position in the sequence.
        public var position: Int

        /// A place.
        public init(unit: Int, sample: Int, position: Int) {
            (self.unit, self.sample, self.position) = (unit, sample, position)
        }
    }

    /// p.
    public let rate: Double
    /// Of the run.
    public let seed: UInt64
    /// The update: its masks are its own.
    public let step: Int
    /// Of each row.
    public let places: [Place]
    /// The number of the first row.
    private var start = 0

    /// Dropout for rows.
    ///
    /// - Parameter rate: p, from 0 and below 1.
    public init(rate: Double, seed: UInt64, step: Int, places: [Place]) {
        precondition((0..<1).contains(rate), "RowDropout: rate \(rate), expected from 0 and below 1")
        (self.rate, self.seed, self.step, self.places) = (rate, seed, step, places)
    }

    /// The dropout of chosen rows, numbered as they come from `start`.
    func selecting(_ rows: [Int], from start: Int = 0) -> RowDropout {
        var result = RowDropout(rate: rate, seed: seed, step: step, places: rows.map { places[$0 - self.start] })
        result.start = start
        return result
    }

    /// What the input of a module's A is multiplied by, `[rows, width]`.
    func mask(_ rows: Range<Int>, module: String, width: Int) -> Tensor {
        let mask = Tensor(shape: [rows.count, width])
        // Sixteen bits decide: p is rounded to a multiple of 1/65,536.
        let threshold = UInt32((rate * 65_536).rounded())
        let kept = 65_536 / Float(65_536 - min(threshold, 65_535))
        // FNV-1a: the same for a name in every run.
        let tag = module.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        parallelFor(rows.count, pieces: 4) { range in
            for row in range {
                let place = places[rows.lowerBound + row - start]
                let line = RandomAddress(
                    seed: seed ^ tag, purpose: .adapterDropout, step: step, prompt: place.unit, sample: place.sample)
                let address = RandomAddress(
                    seed: line.word(at: place.position), purpose: .adapterDropout, step: step, prompt: place.unit,
                    sample: place.sample)
                Self.fill(mask.floats + row * width, width, address, threshold: threshold, kept: kept)
            }
        }
        return mask
    }

    /// One row of a mask: eight numbers a draw.
    private static func fill(
        _ row: UnsafeMutablePointer<Float>, _ width: Int, _ address: RandomAddress, threshold: UInt32, kept: Float
    ) {
        for start in stride(from: 0, to: width, by: 8) {
            let bits = address.bits(at: start / 8)
            for lane in 0..<min(8, width - start) {
                let value = (bits[lane / 2] >> (lane % 2 == 0 ? 0 : 16)) & 0xFFFF
                row[start + lane] = value < threshold ? 0 : kept
            }
        }
    }
}

extension RandomAddress {
    /// 64 random bits.
    fileprivate func word(at position: Int) -> UInt64 {
        let bits = bits(at: position)
        return UInt64(bits.x) << 32 | UInt64(bits.y)
    }
}
