/// Decides how many tokens of prompts a step computes beside the sequences that decode, so that prompts come in fast and no
/// stream waits for a token as long as two steps.
///
/// A step is what those that decode and those that come in will take together once all of them decode: it is the pace that
/// every stream has then anyway. So a burst of questions comes in quickly, and one long document slows nobody to less
/// than half.
///
///     T(n, p) = base + a · n + c · p          seconds of a step of n sequences and p tokens of prompts
///     p = (share · T(decoding + coming, 0) − T(decoding, 0)) / c
///
/// The three numbers are fitted to the steps of late by least squares, drawn a little towards a = c = what a token of a prompt
/// costs by itself. Only the time depends on them; results don't.
struct DecodePace {
    /// Most prompt tokens of a step, and all that is computed when nothing decodes.
    static let most = 512
    /// Fewest: a prompt must get on.
    static let fewest = 8
    /// Prompt tokens beside sequences as long as nothing is known.
    static let first = 32
    /// How long a step with prompts may take, in steps: well below 2, since breaks and other threads of the machine lengthen some by
    /// a third and more.
    static let share = 1.35

    /// What a step is made of, in seconds.
    private struct Cost {
        var base: Double
        var sequence: Double
        var promptToken: Double

        func seconds(_ sequences: Int, _ tokens: Int) -> Double {
            base + sequence * Double(sequences) + promptToken * Double(tokens)
        }
    }

    /// Sums over steps, faded: weights, and products of sequences (n), prompt tokens (p) and seconds (s).
    private struct Sums {
        var weight = 0.0
        var (n, p, s) = (0.0, 0.0, 0.0)
        var (nn, np, pp, ns, ps) = (0.0, 0.0, 0.0, 0.0, 0.0)

        mutating func add(_ sequences: Int, _ tokens: Int, _ seconds: Double) {
            let (x, y, keep) = (Double(sequences), Double(tokens), DecodePace.keep)
            weight = keep * weight + 1
            (n, p, s) = (keep * n + x, keep * p + y, keep * s + seconds)
            (nn, np, pp) = (keep * nn + x * x, keep * np + x * y, keep * pp + y * y)
            (ns, ps) = (keep * ns + x * seconds, keep * ps + y * seconds)
        }
    }

    /// What is kept of the sums at each step: some thirty steps count.
    private static let keep = 0.97
    /// How strongly slopes are drawn to what is expected: as by steps that are two rows from the mean.
    private static let pull = 4.0

    private var sums = Sums()
    /// Seconds of a prompt's token in steps of nothing else, smoothed.
    private var aloneSeconds: Double?

    /// Learns from a step.
    mutating func learn(decoded: Int, prompted: Int, seconds: Double) {
        let seconds = max(seconds, 1e-9)
        guard decoded > 0 else {
            if prompted > 0 {
                let own = seconds / Double(prompted)
                aloneSeconds = aloneSeconds.map { 0.8 * $0 + 0.2 * own } ?? own
            }
            return
        }
        // A step far longer than foreseen tells of the machine only.
        let foreseen = sums.weight > 2 ? cost?.seconds(decoded, prompted) : nil
        sums.add(decoded, prompted, foreseen.map { min(seconds, 1.5 * $0 + 1e-9) } ?? seconds)
    }

    /// Prompt tokens of the next step.
    ///
    /// - Parameter decoding: Sequences that decode.
    /// - Parameter coming: Sequences that will decode beside them when their prompts have been computed.
    /// - Parameter taken: Steps that something else has taken since the last one, such as a break.
    func budget(decoding: Int, coming: Int, taken: Double = 0) -> Int {
        guard decoding > 0 else { return Self.most }
        guard let cost else { return Self.first }
        let room = (Self.share - taken) * cost.seconds(decoding + max(0, coming), 0) - cost.seconds(decoding, 0)
        return Int(min(max(room / cost.promptToken, Double(Self.fewest)), Double(Self.most)))
    }

    /// The fit. Of a prompt's token the larger figure counts, beside sequences or alone: a few tokens may cost next to nothing
    /// where many don't.
    private var cost: Cost? {
        guard sums.weight > 0 else { return nil }
        let (n, p, s) = (sums.n / sums.weight, sums.p / sums.weight, sums.s / sums.weight)
        let expected = aloneSeconds ?? s / (16 + n + p)
        let nn = sums.nn / sums.weight - n * n + Self.pull
        let pp = sums.pp / sums.weight - p * p + Self.pull
        let np = sums.np / sums.weight - n * p
        let ns = sums.ns / sums.weight - n * s + Self.pull * expected
        let ps = sums.ps / sums.weight - p * s + Self.pull * expected
        let determinant = max(nn * pp - np * np, 1e-12)
        let sequence = max(0, (ns * pp - ps * np) / determinant)
        let token = max(0, (ps * nn - ns * np) / determinant)
        return Cost(
            base: max(0, s - sequence * n - token * p), sequence: sequence,
            promptToken: max(token, aloneSeconds ?? 0, 1e-12))
    }
}
