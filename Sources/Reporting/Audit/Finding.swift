import Foundation
import OrderedJSON

/// A sign that a run's reward may not be earned, or that it looks as it should.
struct Finding: Equatable {
    /// How it looks.
    enum Sign: String { case warn, fine, note }

    var sign: Sign
    var title: String
    /// The figures, and what they may mean.
    var text: String

    var json: JSONValue { ["sign": .string(sign.rawValue), "title": .string(title), "text": .string(text)] }
}

extension Finding {
    /// What the curves and completions of a run show; each thing that was looked at once.
    static func all(_ metrics: MetricColumns, _ audit: Audit) -> [Finding] {
        [
            againstHeldOut(metrics), parts(audit), duplicates(audit), length(metrics, audit), cutOff(metrics),
            spread(metrics), entropy(metrics), gap(metrics),
        ].compactMap { $0 }
    }

    /// The mean of the first and of the last steps, a fifth of the run each but at least three steps.
    private static func ends(_ points: [(step: Int, value: Double)]) -> (first: Double, last: Double)? {
        guard points.count >= 6 else { return nil }
        let size = max(3, points.count / 5)
        func mean(_ part: ArraySlice<(step: Int, value: Double)>) -> Double {
            part.reduce(0) { $0 + $1.value } / Double(part.count)
        }
        return (mean(points.prefix(size)), mean(points.suffix(size)))
    }

    private static func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
    private static func number(_ value: Double) -> String { String(format: "%.3g", value) }

    private static func againstHeldOut(_ metrics: MetricColumns) -> Finding? {
        guard let reward = ends(metrics.points("reward")) else { return nil }
        let accuracy = metrics.points("eval_accuracy")
        guard let first = accuracy.first, let last = accuracy.last, accuracy.count > 1 else {
            return Finding(
                sign: .note, title: "No held-out curve to compare with",
                text:
                    "Training reward went from \(number(reward.first)) to \(number(reward.last)). Only held-out problems "
                    + "tell whether that is learning: give the recipe data.evaluation.")
        }
        let low = metrics.points("eval_accuracy_low").last?.value ?? last.value
        let high = metrics.points("eval_accuracy_high").last?.value ?? last.value
        let text =
            "Training reward went from \(number(reward.first)) to \(number(reward.last)); held-out accuracy from "
            + "\(percent(first.value)) to \(percent(last.value)) (95 % interval \(percent(low)) to \(percent(high)))."
        let spread = max(abs(reward.first), abs(reward.last), 1e-9)
        let rises = reward.last - reward.first > 0.1 * spread
        if rises, high < first.value || last.value <= first.value {
            return Finding(
                sign: .warn, title: "Reward rises, held-out accuracy does not",
                text: text + " The reward may be gamed, or the model learns the training problems by heart.")
        }
        let best = accuracy.max { $0.value < $1.value } ?? last
        if high < best.value {
            return Finding(
                sign: .warn, title: "Held-out accuracy has fallen from its best",
                text: text + " The best was \(percent(best.value)) at step \(best.step).")
        }
        return Finding(sign: .fine, title: "Reward and held-out accuracy agree", text: text)
    }

    private static func parts(_ audit: Audit) -> Finding? {
        guard audit.parts.count > 1 else { return nil }
        let recent = audit.points.suffix(max(3, audit.points.count / 5))
        let means = audit.parts.map { name in
            let values = recent.compactMap { $0.shares[name] }
            return (name, values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count))
        }
        guard let largest = means.max(by: { $0.1 < $1.1 }), let first = means.first else { return nil }
        let text =
            "Of what the last steps learned from, "
            + means.map { "\($0.0) made \(percent($0.1))" }.joined(separator: ", ") + "."
        guard largest.0 != first.0, largest.1 > 0.5 else {
            return Finding(sign: .fine, title: "The first reward leads", text: text)
        }
        return Finding(
            sign: .warn, title: "\(largest.0) has taken over",
            text: text + " The run now learns this part and hardly \(first.0); lower its weight.")
    }

    private static func duplicates(_ audit: Audit) -> Finding? {
        guard audit.points.count > 2 else { return nil }
        let recent = audit.points.suffix(max(3, audit.points.count / 5)).map(\.duplicates)
        let share = recent.reduce(0, +) / Double(recent.count)
        let start = audit.points.prefix(3).map(\.duplicates).reduce(0, +) / 3
        let text =
            "\(percent(share)) of the last steps' completions nearly repeat one to another prompt; "
            + "\(percent(start)) did in the beginning."
        guard share > 0.2, share > start + 0.1 else {
            return Finding(sign: .fine, title: "Completions differ from prompt to prompt", text: text)
        }
        return Finding(
            sign: .warn, title: "The same completion for many prompts",
            text: text + " A text that pays whatever was asked is the usual face of a gamed reward.")
    }

    private static func length(_ metrics: MetricColumns, _ audit: Audit) -> Finding? {
        guard let length = ends(metrics.points("completions/mean_length")), length.first > 0 else { return nil }
        let recent = audit.points.suffix(max(3, audit.points.count / 5)).compactMap(\.lengthCorrelation)
        let correlation = recent.isEmpty ? 0 : recent.reduce(0, +) / Double(recent.count)
        let ratio = length.last / length.first
        let text =
            "Mean length went from \(number(length.first)) to \(number(length.last)) tokens; its correlation with "
            + "the reward is \(String(format: "%+.2f", correlation)) in the last steps."
        let isDrift = ratio > 1.5 && correlation > 0.3 || ratio < 0.67 && correlation < -0.3
        return Finding(
            sign: isDrift ? .warn : ratio > 1.5 || ratio < 0.67 ? .note : .fine,
            title: isDrift
                ? "Length drifts, and the reward pays for it"
                : ratio > 1.5 || ratio < 0.67 ? "Length has changed" : "Length is stable", text: text)
    }

    private static func cutOff(_ metrics: MetricColumns) -> Finding? {
        guard let share = ends(metrics.points("completions/clipped_ratio"))?.last, share > 0.2 else { return nil }
        return Finding(
            sign: .warn, title: "Many completions are cut off",
            text: "\(percent(share)) of the last steps' completions reached rollout.max_new_tokens before they ended; "
                + "most of them can't earn the reward. Raise the limit, or look for endless texts.")
    }

    private static func spread(_ metrics: MetricColumns) -> Finding? {
        guard let share = ends(metrics.points("frac_reward_zero_std"))?.last, share > 0.6 else { return nil }
        return Finding(
            sign: .note, title: "Most groups teach nothing",
            text: "In \(percent(share)) of the last steps' groups all completions have one reward: the problems have "
                + "become too easy, or still are too hard.")
    }

    private static func entropy(_ metrics: MetricColumns) -> Finding? {
        guard let entropy = ends(metrics.points("entropy")), entropy.first > 0, entropy.last < 0.1 * entropy.first
        else { return nil }
        return Finding(
            sign: .note, title: "Entropy has collapsed",
            text:
                "From \(number(entropy.first)) to \(number(entropy.last)) nats a token: the policy hardly explores any "
                + "more, so little new can be found. More temperature, a KL term or clip.high above 0.2 keep it open.")
    }

    private static func gap(_ metrics: MetricColumns) -> Finding? {
        guard let gap = metrics.points("rollout_logprob_gap").map(\.value).max(), gap > 0 else { return nil }
        return Finding(
            sign: .warn, title: "Recorded log-probabilities differ from the trainer's",
            text: "By up to \(number(gap)) nats; it must be 0. Importance ratios of this run are not what they seem.")
    }
}
