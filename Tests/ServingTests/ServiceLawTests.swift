import Foundation
import InferenceCore
import OrderedJSON
import Serving
import Testing

@Suite("Service laws", .serialized)
struct ServiceLawTests {
    private static func body(_ index: Int, model: String, stream: Bool = false) -> JSONValue {
        let words = Array(repeating: "word\(index)", count: 1 + index * 7 % 40).joined(separator: " ")
        return [
            "model": .string(model), "seed": .integer(index), "n": .integer(1 + index % 3),
            "messages": [
                ["role": "system", "content": "You add numbers."], ["role": "user", "content": .string(words)],
            ],
            "temperature": index % 2 == 0 ? 0 : 1.0, "max_tokens": .integer(3 + index * 5 % 30), "logprobs": true,
            "return_token_ids": true, "stream": .bool(stream),
        ]
    }

    @Test(
        "what is served equals what an engine of its own generates, token for token and bit for bit, in a mixed batch")
    func equalsAlone() async throws {
        let bench = try Workbench()
        try await bench.shelf.publish(try bench.adapter(1), as: "a")
        try await bench.shelf.publish(try bench.adapter(2), as: "b")
        let names = ["tiny", "a", "b"]
        let answers = try await withThrowingTaskGroup(of: (Int, JSONValue).self) { group in
            for index in 0..<24 {
                group.addTask { (index, try await bench.answer(Self.body(index, model: names[index % 3]))) }
            }
            var answers: [Int: JSONValue] = [:]
            for try await (index, answer) in group { answers[index] = answer }
            return answers
        }
        for index in 0..<24 {
            let answer = try #require(answers[index])
            let prompt = try #require(answer["prompt_token_ids"]?.arrayValue).compactMap(\.intValue)
            let version = bench.shelf.lease(names[index % 3])?.version
            #expect(answer["system_fingerprint"]?.stringValue == version?.digest ?? "base")
            let expected = try bench.alone(
                prompt, seed: UInt64(index), samples: 1 + index % 3, adapter: version?.adapter,
                temperature: index % 2 == 0 ? 0 : 1, max: 3 + index * 5 % 30)
            let choices = try #require(answer["choices"]?.arrayValue)
            try #require(choices.count == expected.count)
            for (choice, completion) in zip(choices, expected) {
                #expect(choice["token_ids"]?.arrayValue?.compactMap(\.intValue) == completion.tokens)
                let logProbs = choice["logprobs"]?["content"]?.arrayValue?.compactMap { $0["logprob"]?.doubleValue }
                #expect(logProbs?.map { Float($0).bitPattern } == completion.logProbs.map(\.bitPattern))
                #expect(choice["finish_reason"]?.stringValue == completion.finishReason.rawValue)
            }
        }
        #expect(bench.service.scheduler.samplesInFlight == 0)
    }

    @Test("a stream's pieces are the whole answer")
    func streams() async throws {
        let bench = try Workbench()
        for index in 0..<6 {
            let whole = try await bench.answer(Self.body(index, model: "tiny"))
            let pieces = try await bench.pieces(Self.body(index, model: "tiny", stream: true))
            for choice in try #require(whole["choices"]?.arrayValue) {
                let own = pieces.compactMap { piece in
                    piece["choices"]?.arrayValue?.first { $0["index"] == choice["index"] }
                }
                func text(_ key: String) -> String { own.compactMap { $0["delta"]?[key]?.stringValue }.joined() }
                #expect(text("content") == choice["message"]?["content"]?.stringValue)
                #expect(text("reasoning_content") == choice["message"]?["reasoning_content"]?.stringValue ?? "")
                #expect(own.last?["finish_reason"] == choice["finish_reason"])
                let tokens = own.flatMap { $0["token_ids"]?.arrayValue ?? [] }
                #expect(tokens == choice["token_ids"]?.arrayValue)
                #expect(own.first?["delta"]?["role"] == "assistant")
            }
        }
    }

    @Test("keys and values of a beginning are used again, and never across a replaced adapter")
    func neverStale() async throws {
        let bench = try Workbench()
        let words = Array(repeating: "seven", count: 60).joined(separator: " ")
        let body: JSONValue = [
            "model": "a", "prompt": .string(words), "max_tokens": 12, "temperature": 0, "return_token_ids": true,
            "logprobs": 2,
        ]
        var digests: Set<String> = []
        for round in 0..<6 {
            let version = try await bench.shelf.publish(try bench.adapter(UInt64(round % 3 + 1)), as: "a")
            digests.insert(version.digest)
            for _ in 0..<2 {
                let answer = try await bench.answer(body, chat: false)
                let prompt = try #require(answer["prompt_token_ids"]?.arrayValue).compactMap(\.intValue)
                let expected = try bench.alone(
                    prompt, seed: 0, samples: 1, adapter: version.adapter, temperature: 0, max: 12)[0]
                let choice = answer["choices"]?[0]
                #expect(choice?["token_ids"]?.arrayValue?.compactMap(\.intValue) == expected.tokens)
                let logProbs = choice?["logprobs"]?["token_logprobs"]?.arrayValue?.compactMap(\.doubleValue)
                #expect(logProbs?.map { Float($0).bitPattern } == expected.logProbs.map(\.bitPattern))
                #expect(answer["system_fingerprint"]?.stringValue == version.digest)
            }
        }
        #expect(digests.count == 3)
        // Six of twelve requests found their beginning: the second of each version.
        #expect(bench.service.scheduler.load.reusedTokens >= 6 * 256)
    }

    @Test("replacing an adapter many times takes no more memory for keys and values than replacing it once")
    func flatMemory() async throws {
        let bench = try Workbench()
        let words = Array(repeating: "seven", count: 60).joined(separator: " ")
        var pages: [Int] = []
        for round in 0..<12 {
            try await bench.shelf.publish(try bench.adapter(UInt64(round + 1)), as: "a")
            for model in ["a", "tiny"] {
                let body: JSONValue = [
                    "model": .string(model), "prompt": .string(words), "max_tokens": 12, "temperature": 0,
                ]
                _ = try await bench.answer(body, chat: false)
            }
            while bench.service.scheduler.load.sequences > 0 { try await Task.sleep(for: .milliseconds(2)) }
            pages.append(bench.service.scheduler.load.pages)
        }
        #expect(pages[0] > 8 && Set(pages.dropFirst()).count == 1, "\(pages)")
    }

    @Test("the likeliest token of a greedy answer is the one that is told, with the same bits")
    func alternatives() async throws {
        let bench = try Workbench()
        let answer = try await bench.answer([
            "model": "tiny", "messages": [["role": "user", "content": "What is 3 + 4?"]], "temperature": 0,
            "max_tokens": 10, "logprobs": true, "top_logprobs": 5,
        ])
        let tokens = try #require(answer["choices"]?[0]?["logprobs"]?["content"]?.arrayValue)
        try #require(!tokens.isEmpty)
        for token in tokens {
            let best = try #require(token["top_logprobs"]?.arrayValue)
            #expect(best.count == 5)
            #expect(best[0]["token"] == token["token"] && best[0]["logprob"] == token["logprob"])
            let values = best.compactMap { $0["logprob"]?.doubleValue }
            #expect(values == values.sorted(by: >))
        }
    }

    @Test("a request keeps the version it began with, and unloading waits for it")
    func keepsVersion() async throws {
        let bench = try Workbench()
        let first = try await bench.shelf.publish(try bench.adapter(1), as: "a")
        let body: JSONValue = [
            "model": "a", "prompt": "12 + 30 = ", "max_tokens": 200, "temperature": 0, "ignore_eos": true,
            "return_token_ids": true, "stream": true,
        ]
        guard case .stream(let stream) = try await bench.service.complete(Array(body.text().utf8)) else {
            throw ServingError(.failed, "no stream")
        }
        try await bench.shelf.publish(try bench.adapter(2), as: "a")
        let ended = Task { () -> ContinuousClock.Instant in
            try await bench.shelf.unload("a")
            return .now
        }
        var tokens: [Int] = []
        for await piece in stream {
            let value = try JSONValue(parsing: piece)
            #expect(value["system_fingerprint"]?.stringValue == first.digest)
            tokens += value["choices"]?[0]?["token_ids"]?.arrayValue?.compactMap(\.intValue) ?? []
        }
        let streamEnd = ContinuousClock.now
        let prompt = bench.served.tokenizer.encode("12 + 30 = ")
        let expected = try Engine(model: bench.served.model).generate([
            GenerationRequest(
                prompt: prompt, samples: [.init(seed: 0, purpose: .sampling)], adapter: first.adapter,
                parameters: .greedy, maxNewTokens: 200, endTokens: [])
        ])
        #expect(tokens == expected[0].tokens)
        // The last event is yielded just before the job is let go of.
        #expect(try await ended.value > streamEnd - .milliseconds(500))
        #expect(bench.shelf.lease("a") == nil)
    }
}
