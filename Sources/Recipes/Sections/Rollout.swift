extension Recipe {
    /// How completions are generated during training.
    public struct Rollout: Hashable, Sendable {
        /// How many prompts a step has.
        public var promptsPerStep = 16
        /// How many completions each prompt gets: the group.
        public var completionsPerPrompt = 8
        /// How many tokens a completion may have.
        public var maxNewTokens = 128
        /// How many tokens a prompt may have; longer ones are refused. `nil`: as many as the model takes.
        public var maxPromptTokens: Int?
        /// What the logits are divided by.
        public var temperature = 1.0
        /// Only the most probable tokens with this much probability together.
        public var topP = 1.0
        /// Only so many of the most probable tokens; 0: all.
        public var topK = 0
        /// Only tokens at least this probable, relative to the most probable.
        public var minP = 0.0
        /// Divides the positive logits of tokens that occurred already; 1: off.
        public var repetitionPenalty = 1.0
        /// Texts that end a completion.
        public var stop: [String] = []
        /// What the chat template gets as `enable_thinking`.
        public var enableThinking = false
        /// Which prompts are thought about, and for how long.
        public var thinking = Thinking()
        /// How many completions are generated at the same time; 0: all of a step.
        public var maxBatch = 0
        /// Where completions come from.
        public var engine = Engine()
    }
}

extension Recipe.Rollout: RecipeSection {
    static let keys: [Key<Self>] = [
        .init("prompts_per_step", \.promptsPerStep, .integer(1...65536), "Prompts of each step"),
        .init(
            "completions_per_prompt", \.completionsPerPrompt, .integer(1...4096),
            "Completions of each prompt: the group"),
        .init("max_new_tokens", \.maxNewTokens, .integer(1...1_048_576), "Tokens a completion may have"),
        .init(
            "max_prompt_tokens", \.maxPromptTokens, .optional(.integer(1...1_048_576)),
            "Tokens a prompt may have; longer ones are refused. null: as many as the model takes"),
        .init("temperature", \.temperature, .number(.over(0, to: 100)), "Divides the logits"),
        .init("top_p", \.topP, .number(.over(0, to: 1)), "Nucleus sampling; 1: off"),
        .init("top_k", \.topK, .integer(0...10_000_000), "Only the k most probable tokens; 0: off"),
        .init("min_p", \.minP, .number(.from(0, to: 1)), "Only tokens this probable relative to the best; 0: off"),
        .init(
            "repetition_penalty", \.repetitionPenalty, .number(.over(0, to: 100)),
            "Makes repeated tokens less likely; 1: off"),
        .init("stop", \.stop, .list(of: .text, count: 0...64, "texts"), "Texts that end a completion"),
        .init("enable_thinking", \.enableThinking, .flag, "Given to the chat template"),
        .init("thinking", \.thinking, .section, "Which prompts are thought about, and for how long"),
        .init("max_batch", \.maxBatch, .integer(0...65536), "Completions generated at the same time; 0: all of a step"),
        .init("engine", \.engine, .section, "Where completions come from"),
    ]

    func check(_ path: [String], _ reader: inout RecipeReader) {
        for (name, tokens) in [("budget", thinking.budget), ("answer_tokens", thinking.answerTokens)] {
            guard let tokens, tokens > maxNewTokens else { continue }
            reader.fault(
                path + ["thinking", name],
                "expected at most max_new_tokens (\(maxNewTokens)), which thought and answer share, got \(tokens)")
        }
        if thinkingShare == 0, thinking.share == nil, thinking.budget != nil || thinking.answerTokens != nil {
            reader.fault(
                path + ["thinking"],
                "limits thoughts, but there are none: give thinking.share, or enable_thinking: true")
        }
    }
}
