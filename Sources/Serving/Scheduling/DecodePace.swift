/// Decides how many tokens of prompts a step computes beside the sequences that decode, so that prompts come in fast and no
/// stream waits for a token as long as two steps.
///
/// A step is what those that decode and those that come in will take together once all of them decode: it is the pace that
/// every stream has then anyway. So a burst of questions comes in quickly, and one long document slows nobody to less
/// than half.
///
///     prompt tokens = (share · T(decoding + coming) − T(decoding)) / c
///
/// T(n) are the seconds of a step that decodes n sequences, c the seconds that a prompt's token adds; both are learnt from
/// the steps. Only the time depends on it; results don't.
struct DecodePace {
    /// Most prompt tokens of a step, and all that is computed when nothing decodes.
    static let most = 512
    /// Fewest: a prompt must get on.
    static let fewest = 8
    /// Prompt tokens beside sequences as long as nothing is known.
    static let first = 32
    /// How long a step with prompts may take, in steps: below 2, since no step takes exactly what was foreseen.
    static let share = 1.6

    /// Seconds of a step that decodes so many sequences, smoothed.
    private var decodeSeconds: [Int: Double] = [:]
    /// Seconds that a prompt's token adds to a step, smoothed: beside sequences, and without any.
    private var besideSeconds: Double?
    private var aloneSeconds: Double?

    /// Seconds that a prompt's token adds to a step: the larger figure, since a few tokens beside sequences cost next to
    /// nothing where many don't.
    private var promptTokenSeconds: Double? { [besideSeconds, aloneSeconds].compactMap(\.self).max() }

    /// Learns from a step.
    mutating func learn(decoded: Int, prompted: Int, seconds: Double) {
        let seconds = max(seconds, 1e-9)
        switch (decoded, prompted) {
        case (0, 0): return
        case (_, 0): decodeSeconds[decoded] = Self.floor(decodeSeconds[decoded], seconds)
        case (0, _): aloneSeconds = Self.mean(aloneSeconds, seconds / Double(prompted))
        default:
            if let decode = decodeSeconds[decoded] {
                let beside = max(seconds - decode, 1e-9) / Double(prompted)
                besideSeconds = Self.mean(besideSeconds, min(beside, 4 * (promptTokenSeconds ?? beside)))
            } else if let promptTokenSeconds {
                // In a burst no step decodes alone.
                decodeSeconds[decoded] = max(seconds - promptTokenSeconds * Double(prompted), seconds / 8)
            }
        }
    }

    /// Prompt tokens of the next step.
    ///
    /// - Parameter decoding: Sequences that decode.
    /// - Parameter coming: Sequences that will decode beside them when their prompts have been computed.
    func budget(decoding: Int, coming: Int) -> Int {
        guard decoding > 0 else { return Self.most }
        guard let now = stepSeconds(decoding), let then = stepSeconds(decoding + coming), let promptTokenSeconds else {
            return Self.first
        }
        let tokens = (Self.share * max(then, now) - now) / promptTokenSeconds
        return Int(min(max(tokens, Double(Self.fewest)), Double(Self.most)))
    }

    /// Seconds of a step that decodes so many: on the line through what is known below and above. Beyond all that is known
    /// the line goes on, to twice as many at most, and only if it was drawn through sizes far from each other.
    private func stepSeconds(_ count: Int) -> Double? {
        let known = decodeSeconds.keys.sorted()
        guard let first = known.first, let last = known.last else { return nil }
        func line(_ low: Int, _ high: Int, at place: Int) -> Double? {
            guard let start = decodeSeconds[low], let end = decodeSeconds[high] else { return nil }
            guard low < high else { return start }
            return end + max(0, end - start) / Double(high - low) * Double(place - high)
        }
        switch count {
        case ...first: return decodeSeconds[first]
        case last...: return last < 2 * first ? decodeSeconds[last] : line(first, last, at: min(count, 2 * last))
        default: return line(known.last { $0 <= count } ?? first, known.first { $0 >= count } ?? last, at: count)
        }
    }

    private static func mean(_ old: Double?, _ new: Double) -> Double { old.map { 0.8 * $0 + 0.2 * new } ?? new }

    /// Falls faster than it rises: a slow step may tell of the machine only.
    private static func floor(_ old: Double?, _ new: Double) -> Double {
        guard let old else { return new }
        return old + (new < old ? 0.5 : 0.1) * (new - old)
    }
}
