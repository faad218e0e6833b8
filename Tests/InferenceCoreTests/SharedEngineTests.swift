import Foundation
import QwenModel
import Randomness
import Synchronization
import TensorCore
import Testing

@testable import InferenceCore

/// What an engine must keep to when it serves many who know nothing of each other.
@Suite("Shared engine", .serialized)
struct SharedEngineTests {
    private static func requests(_ adapters: [Adapter?], keyed: Bool) -> [GenerationRequest] {
        // Prompts that begin alike, of many lengths around the page.
        let beginning = EngineTests.prompts(1, 150...150)[0]
        let prompts = (0..<12).map { index in
            Array(beginning.prefix(20 + index * 11)) + (index % 2 == 0 ? [] : [index, 3])
        }
        var requests = EngineTests.requests(prompts, samples: 2, adapters: adapters)
        for index in requests.indices where keyed { requests[index].cacheKey = "\(index % adapters.count)" }
        return requests
    }

    @Test(
        "beginnings that are used again change no bit, with much memory or little",
        arguments: [ElementType.float32, .bfloat16])
    func prefixes(precision: ElementType) throws {
        let model = try SmallModel.make("qwen3", precision: precision)
        let adapters: [Adapter?] = [nil, try SmallModel.adapter(model, seed: 1)]
        let reference = try Engine(model: model).generate(Self.requests(adapters, keyed: false))
        let pageBytes = model.makePages(1).pageBytes
        for pages in [10_000, 64] {
            let engine = Engine(model: model, maxBatch: 6, cacheBytes: pages * pageBytes)
            for _ in 0..<3 {
                #expect(try engine.generate(Self.requests(adapters, keyed: true)) == reference)
                #expect(engine.load.pages == engine.load.cachedPages)
            }
            #expect(engine.load.reusedTokens > 2000)
            engine.cancelAll()
            #expect(engine.load.pages == 0)
        }
    }

    @Test("what an adapter has computed is forgotten when nobody holds the adapter, and what the base has is kept")
    func forgetting() throws {
        let model = try SmallModel.make("qwen3", precision: .float32)
        let engine = Engine(model: model, maxBatch: 6)
        _ = try engine.generate(Self.requests([nil], keyed: true))
        let ofBase = engine.load.cachedPages
        #expect(ofBase > 0)
        for round in 0..<6 {
            var requests = Self.requests([try SmallModel.adapter(model, seed: UInt64(round))], keyed: true)
            for index in requests.indices { requests[index].cacheKey = "adapter \(round)" }
            let reused = engine.load.reusedTokens
            let first = try engine.generate(requests)
            // As long as somebody holds it, it is used again.
            #expect(try engine.generate(requests) == first)
            #expect(engine.load.reusedTokens > reused && engine.load.cachedPages > ofBase)
            requests = []
            _ = engine.advance()
            #expect(engine.load.cachedPages == ofBase && engine.load.pages == ofBase)
        }
    }

    @Test("a cancelled request leaves nothing behind and the others as they are")
    func cancel() throws {
        let model = try SmallModel.make("qwen3", precision: .float32)
        let requests = Self.requests([nil], keyed: false)
        let reference = try Engine(model: model).generate(requests)
        for delay in [0, 1, 3, 8, 20] {
            let engine = Engine(model: model, maxBatch: 5)
            engine.promptBudget = 16
            for request in requests { try engine.submit(request) }
            var completions: [Completion] = []
            for step in 0... where !engine.isIdle {
                if step == delay { for index in [0, 3, 11] { engine.cancel(index) } }
                completions += engine.advance().completions
                if engine.isIdle { break }
            }
            let kept = completions.filter { ![0, 3, 11].contains($0.request) }
            #expect(Set(kept) == Set(reference.filter { ![0, 3, 11].contains($0.request) }))
            #expect(engine.load.pages == 0)
        }
    }

    @Test("a damaged adapter ends its own request alone")
    func failure() throws {
        let model = try SmallModel.make("qwen3", precision: .float32)
        let broken = try SmallModel.adapter(model, seed: 1)
        let factors = broken.factors.mapValues { old in
            let b = old.b.copy()
            for place in 0..<b.count { b.floats[place] = .nan }
            return Adapter.Factors(a: old.a, b: b, scaling: old.scaling)
        }
        var requests = Self.requests([nil], keyed: false)
        let reference = try Engine(model: model).generate(requests)
        requests[4].adapter = Adapter(factors: factors)
        let engine = Engine(model: model, maxBatch: 7)
        for request in requests { try engine.submit(request) }
        var (completions, failures): ([Completion], [Int]) = ([], [])
        while !engine.isIdle {
            let outcome = engine.advance()
            completions += outcome.completions
            failures += outcome.failures.map(\.request)
            #expect(outcome.failures.allSatisfy { $0.error.code == .invalidLogits })
        }
        #expect(failures == [4])
        #expect(Set(completions) == Set(reference.filter { $0.request != 4 }))
        #expect(engine.load.pages == 0)
    }

    @Test(
        "the hand-off follows at once, with the model's log-probabilities, and every token is told", arguments: [0, 6])
    func handOff(budget: Int) throws {
        let model = try SmallModel.make("qwen2", precision: .float32)
        let told = Mutex<[GeneratedToken]>([])
        var request = EngineTests.requests([[5, 6, 9]], samples: 1, adapters: [nil])[0]
        request.maxNewTokens = 20
        request.endTokens = []
        request.alternatives = 3
        let free = try Engine(model: model).generate([request])[0]
        request.onToken = { token in told.withLock { $0.append(token) } }
        request.thought = ThoughtLimits(opening: 9, closing: 2, handOff: [1, 2, 3], budget: budget, answerTokens: 7)
        let completion = try Engine(model: model).generate([request])[0]
        #expect(completion.tokens.prefix(budget) == free.tokens.prefix(budget))
        #expect(Array(completion.tokens[budget..<budget + 3]) == [1, 2, 3])
        #expect(completion.tokens.count == budget + 10 && completion.finishReason == .length)
        #expect(
            completion.thought
                == Thought(
                    tokens: 0..<budget, handOff: budget..<budget + 3, answer: budget + 3..<budget + 10))
        #expect(told.withLock { $0.map(\.token) } == completion.tokens)
        #expect(told.withLock { $0.map(\.logProb) } == completion.logProbs)
        for token in told.withLock({ $0 }) {
            let logProbs = token.alternatives.map(\.logProb)
            #expect(logProbs.count == 3 && logProbs == logProbs.sorted(by: >))
        }
        let expected = EngineTests.score(model, [5, 6, 9], completion, nil, 1)
        #expect(completion.logProbs.map(\.bitPattern) == expected.map(\.bitPattern))
    }
}
