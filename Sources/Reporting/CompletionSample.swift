import OrderedJSON
import Tracking

/// The completions that the page holds: of each step some whole groups; of a long run, every second, fourth, … step and the
/// last. And those of highest reward, of the whole run.
struct CompletionSample {
    private static let (limit, byteLimit, perStep, topCount) = (2400, 8 << 20, 48, 36)

    /// Completions that were recorded.
    private(set) var seen = 0
    /// Those of highest reward, each text once, the highest first.
    private(set) var top: [CompletionCard] = []
    private var every = 1
    private var kept: [CompletionCard] = []
    private var latest: [CompletionCard] = []
    private var bytes = 0

    /// The cards of the page.
    var cards: [CompletionCard] { kept + (latest.first.map { isKept($0.step) } ?? true ? [] : latest) }

    /// Takes in a step's completions.
    mutating func add(_ step: RecordedStep) {
        seen += step.completions.count
        latest = step.completions.prefix(Self.perStep).compactMap { CompletionCard($0) }
        for record in step.completions { rank(record) }
        guard isKept(step.step) else { return }
        kept += latest
        bytes += latest.reduce(0) { $0 + $1.byteCount }
        while kept.count > Self.limit || bytes > Self.byteLimit, every < 1 << 40 {
            every *= 2
            kept = kept.filter { isKept($0.step) }
            bytes = kept.reduce(0) { $0 + $1.byteCount }
        }
    }

    private func isKept(_ step: Int) -> Bool { step % every == 0 || step == 1 }

    /// Keeps a completion if its reward is among the highest; the newest of equals, since they show where the run has gone.
    private mutating func rank(_ record: JSONObject) {
        guard let reward = record["reward"]?.doubleValue, reward.isFinite else { return }
        if top.count >= Self.topCount, let last = top.last?.reward, reward < last { return }
        guard let card = CompletionCard(record) else { return }
        // A step's equal rewards would push each other out: one of each prompt is enough.
        top.removeAll {
            $0.text == card.text || $0.step == card.step && $0.prompt == card.prompt && $0.reward == reward
        }
        let place = top.firstIndex { ($0.reward ?? 0) <= reward } ?? top.endIndex
        top.insert(card, at: place)
        if top.count > Self.topCount { top.removeLast() }
    }
}

/// The held-out completions that the page holds: the same problems at every evaluation, as many as there is room for.
enum HeldOutSample {
    private static let (limit, byteLimit) = (1500, 4 << 20)

    static func cards(_ folder: RunFolder) -> [CompletionCard] {
        var lines = RecordLines(path: folder.evaluations)
        var cards: [CompletionCard] = []
        // Problems from here on are left out.
        var bound = Int.max
        var bytes = 0
        while let record = lines.next() {
            guard let card = CompletionCard(record, isHeldOut: true), card.group < bound, card.sample < 4 else {
                continue
            }
            cards.append(card)
            bytes += card.byteCount
            while cards.count > limit || bytes > byteLimit, bound > 1 {
                bound = max(1, min(bound, 1 + (cards.map(\.group).max() ?? 0)) * 3 / 4)
                cards.removeAll { $0.group >= bound }
                bytes = cards.reduce(0) { $0 + $1.byteCount }
            }
            if bound == 1, cards.count > limit { break }
        }
        return cards
    }
}
