import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Randomness
import TensorCore
import Testing

/// A small random model that needs no files: Qwen3 or Qwen2, with head widths and groups of their own.
enum SmallModel {
    static func make(_ type: String, precision: ElementType, seed: UInt64 = 3) throws -> QwenModel {
        let configuration: JSONValue = [
            "model_type": .string(type), "vocab_size": 211, "hidden_size": 48, "intermediate_size": 80,
            "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24,
            "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "max_position_embeddings": 512,
            "tie_word_embeddings": .bool(type == "qwen3"), "initializer_range": 0.15,
        ]
        return try QwenModel(
            InitializedWeights(configuration: configuration, path: "small", seed: seed), precision: precision)
    }

    static func adapter(_ model: QwenModel, seed: UInt64) throws -> Adapter {
        let configuration = AdapterConfiguration(r: 5, loraAlpha: 10, targetModules: .allLinear)
        let trainable = try TrainableAdapter(configuration, model: model, seed: seed)
        for place in 0..<trainable.parameters.count where trainable.parameters.values.floats[place] == 0 {
            trainable.parameters.values.floats[place] =
                Float(RandomAddress(seed: seed, purpose: .probe).uniform(at: place) - 0.5) * 0.2
        }
        return trainable.snapshot()
    }
}

@Suite("Engine", .serialized)
struct EngineTests {
    static func prompts(_ count: Int, _ lengths: ClosedRange<Int>) -> [[Int]] {
        let address = RandomAddress(seed: 5, purpose: .probe, step: count)
        var generator = address.generator()
        return (0..<count).map { _ in
            (0..<Int.random(in: lengths, using: &generator)).map { _ in Int.random(in: 0..<211, using: &generator) }
        }
    }

    static func requests(_ prompts: [[Int]], samples: Int, adapters: [Adapter?], temperature: Double = 1)
        -> [GenerationRequest]
    {
        prompts.enumerated().map { index, prompt in
            GenerationRequest(
                prompt: prompt,
                samples: (0..<samples).map {
                    RandomAddress(seed: 11, purpose: .sampling, step: 1, prompt: index, sample: $0)
                },
                adapter: adapters[index % adapters.count],
                parameters: SamplingParameters(temperature: temperature, topP: index % 3 == 0 ? 0.9 : 1),
                maxNewTokens: 5 + index * 7 % 60, endTokens: [7, 13])
        }
    }

    /// Log-probabilities of a completion computed by one pass over the whole sequence, as a trainer does.
    static func score(_ model: QwenModel, _ prompt: [Int], _ completion: Completion, _ adapter: Adapter?, _ t: Float)
        -> [Float]
    {
        let (batch, pages, predictors) = TokenBatch.packing(
            [.init(prompt: prompt, completions: [completion.tokens])], adapter: adapter, groupSize: model.groupSize)
        let hidden = model.hiddenStates(batch, pages: model.makePages(pages, layers: 1))
        let values = model.logProbs(
            hidden, rows: predictors[0][0], targets: completion.tokens.map { Int32($0) }, temperature: t, batch: batch)
        return (0..<completion.tokens.count).map { values.floats[2 * $0] }
    }

    @Test(
        "recorded log-probabilities equal a whole-sequence pass, bit for bit, in a mixed continuous batch",
        arguments: ["qwen2", "qwen3"], [ElementType.float32, .bfloat16])
    func bitEquality(type: String, precision: ElementType) throws {
        let model = try SmallModel.make(type, precision: precision)
        let adapters: [Adapter?] = [
            nil, try SmallModel.adapter(model, seed: 1), try SmallModel.adapter(model, seed: 2),
        ]
        let prompts = Self.prompts(32, 1...90)
        let requests = Self.requests(prompts, samples: 3, adapters: adapters, temperature: 0.8)
        let completions = try Engine(model: model, maxBatch: 13).generate(requests)
        #expect(completions.count == 96)
        for completion in completions {
            let expected = Self.score(
                model, prompts[completion.request], completion, requests[completion.request].adapter, 0.8)
            #expect(completion.logProbs.map(\.bitPattern) == expected.map(\.bitPattern))
        }
    }

    @Test("what a sample is does not depend on the batch, the threads or the memory for keys and values")
    func independence() throws {
        let model = try SmallModel.make("qwen3", precision: .bfloat16)
        let adapter = try SmallModel.adapter(model, seed: 4)
        let requests = Self.requests(Self.prompts(9, 1...70), samples: 4, adapters: [adapter, nil])
        let threads = ComputeDevice.threadCount
        defer { ComputeDevice.threadCount = threads }
        let reference = try Engine(model: model, maxBatch: 64).generate(requests)
        for (batch, count) in [(1, 1), (2, 2), (5, 3), (36, 1)] {
            ComputeDevice.threadCount = count
            #expect(try Engine(model: model, maxBatch: batch).generate(requests) == reference)
        }
        let pageBytes = model.makePages(1).pageBytes
        let narrow = try Engine(model: model, maxBatch: 64, cacheBytes: pageBytes * 8).generate(requests)
        #expect(narrow == reference)
    }

    @Test("an engine is empty after its work and gives the same again")
    func reuse() throws {
        let model = try SmallModel.make("qwen2", precision: .float32)
        let engine = Engine(model: model, maxBatch: 6)
        let requests = Self.requests(Self.prompts(7, 2...40), samples: 2, adapters: [nil])
        var seen: [Completion] = []
        let first = try engine.generate(requests) { seen.append($0) }
        #expect(engine.isIdle)
        #expect(Set(seen) == Set(first))
        #expect(try engine.generate(requests) == first)
    }

    @Test("end tokens, stop questions, token limits and the context end completions with their reasons")
    func ends() throws {
        let model = try SmallModel.make("qwen2", precision: .float32)
        let engine = Engine(model: model, maxBatch: 8, maxContext: 40)
        let address = [RandomAddress(seed: 1, purpose: .sampling)]
        func run(_ prompt: [Int], max: Int, ends: Set<Int> = [], stop: (@Sendable (Int, [Int]) -> Bool)? = nil) throws
            -> Completion
        {
            try engine.generate([
                GenerationRequest(
                    prompt: prompt, samples: address, parameters: .init(), maxNewTokens: max, endTokens: ends,
                    isStopped: stop)
            ])[0]
        }
        let free = try run([1, 2, 3], max: 20)
        #expect(free.tokens.count == 20 && free.finishReason == .length)
        let ended = try run([1, 2, 3], max: 20, ends: [free.tokens[4]])
        #expect(ended.finishReason == .stop)
        #expect(ended.tokens == Array(free.tokens.prefix(ended.tokens.count)))
        #expect(ended.tokens.last == free.tokens[4])
        let stopped = try run([1, 2, 3], max: 20, stop: { _, tokens in tokens.count == 6 })
        #expect(stopped.tokens == Array(free.tokens.prefix(6)) && stopped.finishReason == .stop)
        let full = try run(Array(repeating: 5, count: 30), max: 500)
        #expect(full.tokens.count == 10 && full.finishReason == .length)
    }

    @Test("requests that can't be served are refused with what to do, before anything runs")
    func refusals() throws {
        let model = try SmallModel.make("qwen2", precision: .float32)
        let engine = Engine(model: model, maxContext: 64)
        let good = GenerationRequest(
            prompt: [1], samples: [RandomAddress(seed: 1, purpose: .sampling)], parameters: .init(), maxNewTokens: 4,
            endTokens: [])
        func message(_ change: (inout GenerationRequest) -> Void) -> String? {
            var request = good
            change(&request)
            do {
                _ = try engine.generate([good, request])
                return nil
            } catch { return "\(error)" }
        }
        #expect(message { $0.prompt = [] } == "a prompt has no tokens; it needs at least one")
        #expect(message { $0.prompt = [211] } == "prompt token 211 is outside the vocabulary of 211")
        #expect(message { $0.prompt = [-1] } == "prompt token -1 is outside the vocabulary of 211")
        #expect(message { $0.maxNewTokens = 0 } == "max_new_tokens is 0, expected at least 1")
        #expect(message { $0.samples = [] } == "a request asks for no samples; it needs at least one")
        #expect(
            message { $0.prompt = Array(repeating: 1, count: 64) }
                == "a prompt has 64 tokens, the context holds 64; shorten it or raise the limit")
        #expect(message { $0.parameters.temperature = -1 }?.hasPrefix("sampling: temperature is -1") == true)
        #expect(engine.isIdle)
    }
}

@Suite("Adapter registry")
struct AdapterRegistryTests {
    @Test("versions rise, digests follow content alone, removal keeps numbers from being used again")
    func versions() throws {
        let model = try SmallModel.make("qwen3", precision: .float32)
        let (a, b) = (try SmallModel.adapter(model, seed: 1), try SmallModel.adapter(model, seed: 2))
        let registry = AdapterRegistry()
        let first = registry.publish(a, as: "math")
        let second = registry.publish(b, as: "math")
        let again = registry.publish(try SmallModel.adapter(model, seed: 1), as: "other")
        #expect((first.version, second.version, again.version) == (1, 2, 1))
        #expect(first.digest == again.digest && first.digest != second.digest && first.digest.count == 64)
        #expect(registry.current("math")?.digest == second.digest)
        #expect(registry.all.map(\.name) == ["math", "other"])
        #expect(registry.remove("math") && !registry.remove("math"))
        #expect(registry.current("math") == nil)
        #expect(registry.publish(a, as: "math").version == 3)
    }

    @Test("equal contents are one adapter in memory, as long as somebody holds it")
    func sharedContents() throws {
        let model = try SmallModel.make("qwen3", precision: .float32)
        let registry = AdapterRegistry()
        let first = registry.publish(try SmallModel.adapter(model, seed: 1), as: "a")
        let equal = registry.publish(try SmallModel.adapter(model, seed: 1), as: "b")
        #expect(equal.adapter === first.adapter && equal.name == "b" && equal.version == 1)
        let other = registry.publish(try SmallModel.adapter(model, seed: 2), as: "a")
        #expect(other.adapter !== first.adapter)
        weak var held: Adapter? = nil
        do {
            let alone = registry.publish(try SmallModel.adapter(model, seed: 3), as: "c")
            held = alone.adapter
            #expect(held != nil)
        }
        #expect(registry.remove("c"))
        #expect(held == nil)
    }
}
