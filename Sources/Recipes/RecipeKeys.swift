import OrderedJSON

extension Recipe: RecipeSection {
    static let keys: [Key<Recipe>] = [
        .init(
            "kind", \.kind, .choice(), required: true,
            "What is trained: reinforcement learning or supervised fine-tuning"),
        .init("name", \.name, .text, "The run's name: letters, digits, `.`, `_`, `-`"),
        .init("seed", \.seed, .integer(0...Int.max), "Seed of every random draw of the run"),
        .init(
            "run_dir", \.runDirectory, .optional(.text),
            "Run folder, relative to the working folder; null: `Checkpoints/<name>-<time>`"),
        .init(
            "threads", \.threads, .integer(0...1024),
            "Threads that compute; 0: every processor. Results don't depend on it"),
        .init("model", \.model, .section, required: true, "The model"),
        .init("adapter", \.adapter, .section, "What is trained"),
        .init("data", \.data, .section, required: true, "The problems"),
        .init("rewards", \.rewards, .rewards, "What completions are scored by (grpo)"),
        .init("rollout", \.rollout, .section, "Generation (grpo)"),
        .init("algorithm", \.algorithm, .section, "The objective (grpo)"),
        .init("sft", \.sft, .section, "Supervised fine-tuning (sft)"),
        .init("optimizer", \.optimizer, .section, "The optimizer"),
        .init("schedule", \.schedule, .section, "The learning rate's course"),
        .init(
            "steps", \.steps, .optional(.integer(1...10_000_000)),
            "Optimizer steps; null: 100 for grpo, and `sft.epochs` decides for sft"),
        .init("batch", \.batch, .section, "Packing"),
        .init("evaluation", \.evaluation, .section, "Evaluation on `data.evaluation`"),
        .init("checkpoint", \.checkpoint, .section, "Saving"),
        .init(
            "publish", \.publish, .optional(.place),
            "Where each step's adapter is served: a server's address (its adapter key in TOUCHSTONE_ADMIN_KEY), or a "
                + "folder that a server watches; under the run's name"),
    ]

    /// The sections that don't apply to a kind.
    static func keys(notFor kind: Kind) -> [String] {
        switch kind {
        case .grpo: ["sft"]
        case .sft: ["rewards", "rollout", "algorithm"]
        }
    }

    func check(_ path: [String], _ reader: inout RecipeReader) {
        let isPlainName = name.utf8.allSatisfy {
            (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || "._-".utf8.contains($0)
        }
        if !isPlainName || name.hasPrefix(".") || name.utf8.count > 100 {
            reader.fault(["name"], "expected at most 100 letters, digits, '.', '_' or '-', not beginning with '.'")
        }
        if publish != nil, adapter.kind == .none {
            reader.fault(["publish"], "adapters are published, and adapter.kind none trains none; remove it")
        }
        guard reader.isSound("kind") else { return }
        for key in Self.keys(notFor: kind) where reader.isGiven(key) {
            reader.fault([key], "doesn't apply to kind \(kind.rawValue); remove it")
        }
        switch kind {
        case .grpo: checkGRPO(&reader)
        case .sft: checkSFT(&reader)
        }
        checkEvaluation(&reader)
        if data.evaluation == nil, reader.isSound("data", "evaluation"), reader.isGiven("evaluation", "every"),
            evaluation.every > 0
        {
            reader.fault(
                ["evaluation", "every"], "there is nothing to evaluate on: give data.evaluation, or set this to 0")
        }
        if let steps = steps ?? (kind == .grpo ? 100 : nil), schedule.warmupSteps > steps {
            reader.fault(
                ["schedule", "warmup_steps"], "expected at most steps (\(steps)), got \(schedule.warmupSteps)")
        }
        if reader.isSound("data") { data.checkTogether(kind: kind, seed: seed, &reader) }
        if evaluation.temperature == 0, let samples = evaluation.samples, samples > 1 {
            reader.fault(
                ["evaluation", "samples"], "greedy completions (temperature 0) are all the same; set samples to 1")
        }
    }

    private func checkGRPO(_ reader: inout RecipeReader) {
        if rewards.isEmpty, reader.isSound("rewards") {
            reader.fault(["rewards"], "missing: give at least one, such as - {type: math}")
        }
        if !rewards.isEmpty, reader.isSound("rewards"), rewards.allSatisfy({ $0.weight == 0 }) {
            reader.fault(["rewards"], "every weight is 0, so nothing would be learned")
        }
        let advantage = algorithm.advantage ?? algorithm.objective.advantage
        if rollout.completionsPerPrompt < 2, advantage != .global, reader.isSound("algorithm") {
            reader.fault(
                ["rollout", "completions_per_prompt"],
                "a group of 1 teaches nothing: its mean is its own reward, so the advantage is always 0; expected at "
                    + "least 2, or algorithm.advantage global")
        }
        if rollout.completionsPerPrompt < 2, advantage == .global, algorithm.dynamicSampling.enabled {
            reader.fault(
                ["algorithm", "dynamic_sampling", "enabled"],
                "a group of 1 has no spread, so it would always be replaced; set it to false")
        }
        if algorithm.miniBatches > rollout.promptsPerStep {
            reader.fault(
                ["algorithm", "mini_batches"],
                "expected at most rollout.prompts_per_step (\(rollout.promptsPerStep)), got \(algorithm.miniBatches)")
        }
        if adapter.dropout > 0 {
            reader.fault(
                ["adapter", "dropout"],
                "is for sft: here the ratio of new to old probabilities would measure the dropped inputs, and the first "
                    + "update would not be on-policy; set it to 0")
        }
        if adapter.kind == .none, algorithm.kl.reference == .adapter {
            reader.fault(
                ["algorithm", "kl", "reference"],
                "an adapter can't be the reference where every parameter is trained; use base, start or moving")
        }
        checkExternalRollouts(&reader)
        guard reader.isSound("data", "train"), reader.isSound("rollout", "max_new_tokens") else { return }
        var names: [String: Int] = [:]
        for (index, reward) in rewards.enumerated() {
            let path = ["rewards", String(index)]
            if let first = names.updateValue(index, forKey: reward.name ?? reward.type) {
                reader.fault(path, "has the same name as rewards.\(first); give one of them another `name`")
            }
            reward.section.check(in: self, path, &reader)
        }
    }

    /// Notes evaluation rewards with one name.
    private func checkEvaluation(_ reader: inout RecipeReader) {
        var names: [String: Int] = [:]
        for (index, reward) in evaluation.rewards.enumerated() {
            guard let first = names.updateValue(index, forKey: reward.name ?? reward.type) else { continue }
            reader.fault(
                ["evaluation", "rewards", String(index)],
                "has the same name as evaluation.rewards.\(first); give one of them another `name`")
        }
    }

    private func checkSFT(_ reader: inout RecipeReader) {
        if steps != nil, sft.epochs != nil {
            reader.fault(["steps"], "contradicts sft.epochs; give only one of them")
        }
    }
}
