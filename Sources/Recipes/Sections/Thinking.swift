extension Recipe.Rollout {
    /// Which prompts are thought about, and for how long.
    public struct Thinking: Hashable, Sendable {
        /// The share of prompts whose template is given `enable_thinking: true`; `nil`: all or none, as
        /// `rollout.enable_thinking` says.
        public var share: Double?
        /// How many tokens a thought may have; `nil`: as many as there is room for.
        public var budget: Int?
        /// How many tokens the answer may have where there may be a thought; `nil`: as many as are left.
        public var answerTokens: Int?
        /// What ends a thought over its budget; `nil`: Qwen3's own sentence.
        public var handOff: String?
    }

    /// The share of prompts that are thought about.
    public var thinkingShare: Double { thinking.share ?? (enableThinking ? 1 : 0) }
}

extension Recipe.Rollout.Thinking: RecipeSection {
    static let keys: [Key<Self>] = [
        .init(
            "share", \.share, .optional(.number(.from(0, to: 1))),
            "Share of the prompts that are thought about, drawn for each; all completions of a prompt alike. null: all or "
                + "none, as `enable_thinking` says"),
        .init(
            "budget", \.budget, .optional(.integer(0...1_048_576)),
            "Tokens a thought may have; then `hand_off` is put in, which is not learned. null: as many as there is room for"
        ),
        .init(
            "answer_tokens", \.answerTokens, .optional(.integer(1...1_048_576)),
            "Tokens the answer may have where there may be a thought; null: as many as are left of `max_new_tokens`"),
        .init(
            "hand_off", \.handOff, .optional(.text),
            "Text that ends a thought over its budget, with `</think>` in it once; null: Qwen3's own sentence"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        if let handOff, handOff.split(separator: "</think>", omittingEmptySubsequences: false).count != 2 {
            reader.fault(path + ["hand_off"], "expected a text with </think> in it once, to end the thought")
        }
        if handOff != nil, budget == nil {
            reader.fault(path + ["hand_off"], "without a budget no thought is ended; give thinking.budget")
        }
        if share == 0, budget != nil || answerTokens != nil {
            reader.fault(
                path + ["share"], "is 0, so there are no thoughts to limit; remove the other keys, or raise it")
        }
    }
}

extension Recipe.Evaluation {
    /// Whether an evaluation thinks.
    public enum Thinking: String, CaseIterable, Sendable {
        /// All problems are thought about.
        case on = "true"
        /// None is.
        case off = "false"
        /// Each is asked both ways.
        case both
    }
}

extension Recipe {
    /// The ways in which an evaluation asks each problem: thinking, not thinking, or both.
    public var evaluationThinking: [Bool] {
        switch evaluation.thinking {
        case .on?: [true]
        case .off?: [false]
        case .both?: [true, false]
        case nil: rollout.thinkingShare >= 1 ? [true] : rollout.thinkingShare <= 0 ? [false] : [true, false]
        }
    }
}

extension ValueType where Value == Recipe.Evaluation.Thinking {
    /// `true`, `false` or `both`.
    static var thinking: Self {
        Self(name: "true, false or `both`") { value, path, reader in
            let word = value.scalar?.boolValue.map { String($0) } ?? value.scalar?.stringValue ?? ""
            if let choice = Value(rawValue: word) { return choice }
            reader.unexpected(value, path, "true, false or both")
            return nil
        } write: {
            $0 == .both ? .string($0.rawValue) : .bool($0 == .on)
        }
    }
}
