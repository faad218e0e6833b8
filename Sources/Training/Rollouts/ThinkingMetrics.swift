import InferenceCore
import OrderedJSON

extension [ScoredGroup] {
    /// Figures about thoughts, and where some prompts think and others don't, about each of the two modes.
    ///
    /// - Parameter areMixed: Whether both modes may occur.
    func thinkingMetrics(areMixed: Bool, _ checker: Checker) -> JSONObject {
        let thinking = filter(\.prompt.thinks)
        var metrics = thinking.flatMap(\.completions).thoughtMetrics(prefix: "thinking/")
        guard areMixed else { return metrics }
        metrics["thinking/share"] = .double(Double(thinking.count) / Double(Swift.max(count, 1)))
        for (name, groups) in [("thinking", thinking), ("non_thinking", filter { !$0.prompt.thinks })] {
            let rewards = groups.flatMap(\.report.combined).compactMap { $0 }
            if !rewards.isEmpty { metrics["\(name)/reward"] = .double(rewards.reduce(0, +) / Double(rewards.count)) }
            let rates = groups.compactMap(checker.passRate)
            if !rates.isEmpty { metrics["\(name)/pass_rate"] = .double(rates.reduce(0, +) / Double(rates.count)) }
            guard !groups.isEmpty else { continue }
            metrics.merge(CompletionMetrics(groups.flatMap(\.completions)).metrics(prefix: "\(name)/"))
        }
        return metrics
    }
}

extension [Completion] {
    /// Lengths of thoughts and answers in tokens, and how thoughts ended; empty where none was looked for.
    ///
    /// - Parameter prefix: Before each name.
    func thoughtMetrics(prefix: String) -> JSONObject {
        let thoughts = compactMap(\.thought)
        guard !thoughts.isEmpty else { return [:] }
        var metrics = JSONObject()
        func add(_ kind: String, _ lengths: [Int]) {
            guard let least = lengths.min(), let most = lengths.max() else { return }
            metrics["\(prefix)mean_\(kind)"] = .double(Double(lengths.reduce(0, +)) / Double(lengths.count))
            metrics["\(prefix)min_\(kind)"] = .integer(least)
            metrics["\(prefix)max_\(kind)"] = .integer(most)
        }
        func share(_ matches: (Thought) -> Bool) -> JSONValue {
            .double(Double(thoughts.count(where: matches)) / Double(thoughts.count))
        }
        add("thought_length", thoughts.compactMap(\.tokens?.count))
        add("answer_length", thoughts.compactMap(\.answer?.count))
        metrics["\(prefix)none_ratio"] = share { $0.tokens == nil }
        metrics["\(prefix)hand_off_ratio"] = share { $0.handOff != nil }
        metrics["\(prefix)unfinished_ratio"] = share { $0.answer == nil }
        return metrics
    }
}
