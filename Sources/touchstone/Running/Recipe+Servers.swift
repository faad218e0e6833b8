import Foundation
import OrderedJSON
import Recipes
import Rewards

extension Recipe.Reward.HTTP {
    /// How the server is asked.
    var server: RewardServer.Options {
        get throws {
            .init(
                timeout: timeout, retries: retries, concurrency: concurrency, key: try Self.key(keyVariable))
        }
    }

    /// The key in an environment variable.
    fileprivate static func key(_ variable: String?) throws -> String? {
        guard let variable else { return nil }
        guard let key = ProcessInfo.processInfo.environment[variable], !key.isEmpty else {
            throw CommandFailure("the environment variable \(variable) is not set; a reward's key_variable names it")
        }
        return key
    }
}

extension Recipe.Reward.Judge {
    /// The judge.
    func function(_ name: String) throws -> any RewardFunction {
        let options = RewardServer.Options(
            timeout: timeout, retries: retries, concurrency: concurrency,
            key: try Recipe.Reward.HTTP.key(keyVariable))
        var base = url[...]
        while base.hasSuffix("/") { base.removeLast() }
        let address = base.hasSuffix("/chat/completions") ? String(base) : base + "/chat/completions"
        let template = try PromptTemplate(prompt)
        let question = JudgeReward.Question(
            model: model, system: system, pattern: pattern, worst: range[0], best: range[1], temperature: temperature,
            maxTokens: maxTokens
        ) { sample throws(RewardFailure) in try template.filled { name throws(RewardFailure) in try sample.text(name) }
        }
        return try JudgeReward(name: name, server: try RewardServer(address, options: options), question: question)
    }
}

extension RewardSample {
    /// What a placeholder of a judge's prompt stands for: `prompt` is the last user message, or the whole prompt where
    /// there are no messages; other names but `completion` are columns.
    fileprivate func text(_ name: String) throws(RewardFailure) -> String {
        switch name {
        case "completion": return completion
        case "prompt":
            let asked = messages.arrayValue?.last { $0["role"]?.stringValue == "user" }
            return asked?["content"]?.stringValue ?? prompt
        default:
            guard let value = columns[name], !value.isNull else {
                throw RewardFailure(.badRow, "column \"\(name)\" is missing; the judge's prompt needs it")
            }
            return value.stringValue ?? value.text()
        }
    }
}
