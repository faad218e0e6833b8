import Foundation
import OrderedJSON
import Recipes
import Rewards

extension Recipe {
    /// The rewards that the recipe names; `nil` for `sft`, which has none.
    ///
    /// - Parameter log: Is told what the rewards' own processes say.
    /// - Throws: `CommandFailure` or `RewardsError` for what can't be set up.
    func rewardSet(log: @escaping @Sendable (String) -> Void) throws -> RewardSet? {
        try kind == .grpo ? Self.set(of: rewards, log: log) : nil
    }

    /// What tells right from wrong in evaluation; `nil` where the recipe leaves that to the rewards of training.
    ///
    /// - Throws: As `rewardSet`.
    func checkerSet(log: @escaping @Sendable (String) -> Void) throws -> RewardSet? {
        try evaluation.rewards.isEmpty ? nil : Self.set(of: evaluation.rewards, log: log)
    }

    private static func set(of rewards: [Reward], log: @escaping @Sendable (String) -> Void) throws -> RewardSet {
        try RewardSet(
            rewards.map { reward in
                RewardSet.Entry(try reward.function(log: log), weight: reward.weight, maxFailed: reward.maxFailed)
            })
    }
}

extension Recipe.Reward {
    /// The function of a reward: a line or two for each type.
    func function(log: @escaping @Sendable (String) -> Void = { _ in }) throws -> any RewardFunction {
        let name = name ?? type
        switch options {
        case let options as Math: return options.function(name)
        case is Task: return TaskReward(name: name, verifier: .withWorkers())
        case let options as Code: return options.function(name)
        case let options as Countdown:
            return CountdownReward(name: name, targetColumn: options.target, numbersColumn: options.numbers)
        case let options as ExactMatch:
            return ExactMatchReward(
                name: name, column: options.column, part: options.part.part, ignoresCase: options.ignoresCase,
                ignoresSpace: options.ignoresSpace)
        case let options as Contains: return try options.function(name)
        case let options as JSONSchema: return try options.function(name)
        case let options as Format:
            guard let form = NamedForm(rawValue: options.pattern) else {
                return try PatternReward(name: name, pattern: options.pattern)
            }
            return FormatReward(name: name, form: form)
        case let options as Overlong:
            return try OverlongReward(name: name, maxTokens: options.maxTokens ?? 0, buffer: options.buffer ?? 0)
        case let options as CosineLength:
            return try CosineLengthReward(
                name: name, judge: options.of ?? "", maxTokens: options.maxTokens ?? 0,
                right: .init(short: options.right[0], long: options.right[1]),
                wrong: .init(short: options.wrong[0], long: options.wrong[1]))
        case let options as Repetition:
            return try RepetitionReward(name: name, ngram: options.ngram, penalty: options.penalty)
        case let options as Plugin:
            return try PluginReward(
                name: name, command: options.command, folder: options.directory, workers: options.workers,
                limits: .init(reply: .seconds(options.timeout), start: .seconds(options.startTimeout)), log: log)
        case let options as HTTP:
            return HTTPReward(name: name, server: try RewardServer(options.url, options: try options.server))
        case let options as Judge: return try options.function(name)
        default: throw CommandFailure("reward \(name): this program has no reward of type \(type)")
        }
    }
}

extension Recipe.Reward.Part {
    fileprivate var part: CompletionPart {
        switch self {
        case .answer: .answer
        case .completion: .completion
        case .tags: .tags
        }
    }
}

extension Recipe.Reward.Math {
    fileprivate func function(_ name: String) -> any RewardFunction {
        MathReward(
            name: name,
            configuration: MathConfiguration(
                goldForm: MathConfiguration.GoldForm(rawValue: goldForm.rawValue) ?? .bare,
                allowSetRelation: allowsSetRelation,
                roundingPlaces: floatRounding == MathConfiguration.significantDigits ? nil : floatRounding,
                prefersPhrase: boxedPriority >= MathConfiguration.priorityOfPhrases,
                rules: Set(rules?.compactMap { ExtractionRule(rawValue: $0.rawValue) } ?? ExtractionRule.allCases)),
            verifier: .withWorkers(timeLimit: .seconds(timeout)))
    }
}

extension Recipe.Reward.Code {
    fileprivate func function(_ name: String) -> any RewardFunction {
        var runner = CodeRunner.Options()
        runner.width = jobs > 0 ? jobs : nil
        runner.allowsWeakSandbox = allowsWeakSandbox
        return CodeReward(
            options: runner, name: name, column: tests, language: language,
            limits: SandboxLimits(seconds: timeout, memory: memory, processes: processes), partial: partial)
    }
}

extension Recipe.Reward.Contains {
    fileprivate func function(_ name: String) throws -> any RewardFunction {
        let rule: ContainsReward.Rule =
            switch rule {
            case .all: .all
            case .any: .any
            case .none: .none
            case .share: .share
            }
        return try ContainsReward(
            name: name, texts: column.map { .column($0) } ?? .fixed(texts), rule: rule, part: part.part,
            ignoresCase: ignoresCase)
    }
}

extension Recipe.Reward.JSONSchema {
    fileprivate func function(_ name: String) throws -> any RewardFunction {
        let source: JSONSchemaReward.Source
        if let column {
            source = .column(column)
        } else {
            let path = schema ?? ""
            guard let data = FileManager.default.contents(atPath: path) else {
                throw CommandFailure("\(path): can't be read; the reward \(name) names it as its schema")
            }
            do { source = .fixed(try Rewards.JSONSchema(try JSONValue(parsing: data))) } catch {
                throw CommandFailure("\(path): \(error)")
            }
        }
        return JSONSchemaReward(name: name, source: source, part: part.part, allowsFence: allowsFence)
    }
}
