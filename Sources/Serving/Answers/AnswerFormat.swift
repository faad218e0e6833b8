import Foundation
import InferenceCore
import OrderedJSON
import Tokenization

/// What all answers to one request carry, and how tokens are told.
struct AnswerFormat: Sendable {
    let id: String
    let created: Int
    /// The name of the base or the adapter.
    let model: String
    /// What was computed with: the adapter's digest, or `base`.
    let fingerprint: String
    let tokenizer: Tokenizer

    init(prefix: String, model: String, fingerprint: String, tokenizer: Tokenizer) {
        id = prefix + UUID().uuidString.lowercased().filter { $0 != "-" }
        created = Int(Date().timeIntervalSince1970)
        self.model = model
        self.fingerprint = fingerprint
        self.tokenizer = tokenizer
    }

    /// An answer, or a piece of one.
    func object(_ kind: String, choices: [JSONValue]) -> JSONObject {
        [
            "id": .string(id), "object": .string(kind), "created": .integer(created), "model": .string(model),
            "system_fingerprint": .string(fingerprint), "choices": .array(choices),
        ]
    }

    /// Counts of tokens.
    static func usage(prompt: Int, completion: Int) -> JSONValue {
        [
            "prompt_tokens": .integer(prompt), "completion_tokens": .integer(completion),
            "total_tokens": .integer(prompt + completion),
        ]
    }

    /// A log-probability; JSON has no −∞.
    static func number(_ logProb: Float?) -> JSONValue {
        guard let logProb else { return .null }
        guard logProb.isFinite else { return -9999.0 }
        return .float(logProb)
    }

    /// A token's text; broken characters are shown as U+FFFD.
    func text(_ token: Int) -> String { tokenizer.decode(CollectionOfOne(token)) }

    /// The `logprobs` of a chat's choice.
    func chatLogProbs(_ tokens: [ToldToken]) -> JSONValue {
        func entry(_ token: Int, _ logProb: Float?) -> JSONObject {
            [
                "token": .string(text(token)), "logprob": Self.number(logProb),
                "bytes": .array((tokenizer.bytes(of: token) ?? []).map { .integer(Int($0)) }),
            ]
        }
        return [
            "content": .array(
                tokens.map { told in
                    var object = entry(told.token, told.logProb)
                    object["top_logprobs"] = .array(told.alternatives.map { .object(entry($0.token, $0.logProb)) })
                    return .object(object)
                })
        ]
    }

    /// The `logprobs` of a plain completion's choice.
    ///
    /// - Parameter offset: Characters before the first of the tokens; moved behind the last.
    func textLogProbs(_ tokens: [ToldToken], offset: inout Int) -> JSONValue {
        var (texts, offsets): ([JSONValue], [JSONValue]) = ([], [])
        for told in tokens {
            let text = text(told.token)
            texts.append(.string(text))
            offsets.append(.integer(offset))
            offset += text.unicodeScalars.count
        }
        return [
            "tokens": .array(texts), "token_logprobs": .array(tokens.map { Self.number($0.logProb) }),
            "top_logprobs": .array(
                tokens.map { told in
                    told.logProb == nil
                        ? .null
                        : .object(JSONObject(told.alternatives.map { (text($0.token), Self.number($0.logProb)) }))
                }), "text_offset": .array(offsets),
        ]
    }
}

extension ServingError {
    /// OpenAI's form of the error.
    public var json: JSONValue {
        [
            "error": [
                "message": .string(message), "type": .string(type),
                "param": parameter.map { .string($0) } ?? .null, "code": .string(code.rawValue),
            ]
        ]
    }
}
