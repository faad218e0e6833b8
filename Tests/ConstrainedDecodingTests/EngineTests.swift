import Foundation
import InferenceCore
import OrderedJSON
import QwenModel
import Randomness
import TensorCore
import Testing
import TextGeneration

@testable import ConstrainedDecoding

@Suite("Constrained engine", .serialized)
struct EngineTests {
    private static let modelPath = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Checkpoints/tiny-qwen3").path

    private let opened: OpenedModel
    private let constraints: AnswerConstraints

    init() throws {
        opened = try OpenedModel(Self.modelPath, precision: .float32)
        constraints = AnswerConstraints(try opened.requireTokenizer())
    }

    private func request(
        _ seed: UInt64, temperature: Double, limit: Int = 300, topP: Double = 1, _ constraint: TokenConstraint?
    ) -> GenerationRequest {
        var request = GenerationRequest(
            prompt: [72, 101, 108, 108, 111, Int(seed % 200)],
            samples: [
                RandomAddress(seed: seed, purpose: .sampling), RandomAddress(seed: seed, purpose: .sampling, sample: 1),
            ],
            parameters: SamplingParameters(temperature: temperature, topP: topP), maxNewTokens: limit,
            endTokens: opened.endTokens)
        request.constraint = constraint.map { ConstraintCursor($0) }
        return request
    }

    @Test("whatever the temperature, what ends with a stop parses and validates", arguments: [0, 0.7, 2, 100])
    func fuzz(temperature: Double) throws {
        let tokenizer = try opened.requireTokenizer()
        let engine = Engine(model: opened.model)
        var (stopped, requests, schemas) = (0, [GenerationRequest](), [JSONValue]())
        for seed in UInt64(0)..<40 {
            var generator = SchemaGenerator(seed: 0xE0_0000 + seed)
            let schema = generator.document()
            guard let constraint = try? constraints.constraint(.schema(schema)) else { continue }
            schemas.append(schema)
            requests.append(request(seed, temperature: temperature, topP: seed % 3 == 0 ? 0.8 : 1, constraint))
        }
        for completion in try engine.generate(requests) where completion.finishReason == .stop {
            stopped += 1
            let text = tokenizer.decode(completion.tokens, skipSpecialTokens: true)
            let schema = schemas[completion.request]
            #expect(completion.tokens.last.map(opened.endTokens.contains) == true)
            #expect(
                try SchemaValidator(document: schema).accepts(JSONValue(parsing: text)), "\(text) of \(schema.text())")
        }
        #expect(stopped > 5, "\(stopped)")
    }

    @Test("a constrained answer alters no bit of its neighbours, and they none of it")
    func invariance() throws {
        let constraint = try constraints.constraint(.object)
        let schema = try constraints.constraint(
            .schema(["type": "array", "items": ["type": "integer"], "maxItems": 9]))
        let mixed = (0..<9).map { seed in
            request(UInt64(seed), temperature: 1.2, limit: 60, [nil, constraint, schema][seed % 3])
        }
        let together = try Engine(model: opened.model).generate(mixed)
        for (index, request) in mixed.enumerated() {
            let alone = try Engine(model: opened.model).generate([request])
            for (one, other) in zip(alone, together.filter { $0.request == index }) {
                #expect(one.tokens == other.tokens)
                #expect(one.logProbs.map(\.bitPattern) == other.logProbs.map(\.bitPattern))
            }
        }
    }

    @Test("log-probabilities are the unconstrained model's, bit for bit, and so are a prompt's")
    func logProbs() throws {
        let constraint = try constraints.constraint(.object)
        let completion = try Engine(model: opened.model).generate([request(3, temperature: 1, limit: 40, constraint)])[
            0]
        let prompt = request(3, temperature: 1, nil).prompt
        let heard = Heard()
        var scoring = GenerationRequest(
            prompt: prompt + completion.tokens, samples: [RandomAddress(seed: 0, purpose: .sampling)],
            parameters: SamplingParameters(temperature: 1), maxNewTokens: 1, endTokens: [])
        scoring.onPrompt = { heard.add($0) }
        scoring.cacheKey = "base"
        let engine = Engine(model: opened.model)
        // Pieces of any size tell the same.
        engine.promptBudget = 7
        for _ in 0..<2 {
            heard.reset()
            _ = try engine.generate([scoring])
            #expect(heard.tokens.map(\.token) == scoring.prompt)
            #expect(heard.tokens.first?.logProb == nil)
            #expect(
                heard.tokens.dropFirst(prompt.count).map { $0.logProb?.bitPattern }
                    == completion.logProbs.map { $0.bitPattern })
        }
    }
}

/// What was told of a prompt.
private final class Heard: @unchecked Sendable {
    private(set) var tokens: [PromptToken] = []
    func add(_ piece: [PromptToken]) { tokens += piece }
    func reset() { tokens = [] }
}
