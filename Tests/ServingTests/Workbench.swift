import Foundation
import InferenceCore
import ModelFiles
import OrderedJSON
import QwenModel
import Randomness
import Serving
import TextGeneration
import Tokenization

/// The bundled model with a service over it.
struct Workbench {
    static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let modelPath = package.appendingPathComponent("Checkpoints/tiny-qwen3").path

    let served: ServedModel
    let shelf: AdapterShelf
    let service: ModelService

    init(limits: ServingLimits = ServingLimits(maxBatch: 12), options: ModelService.Options = .init()) throws {
        let opened = try OpenedModel(Self.modelPath, precision: .float32)
        served = ServedModel(
            names: ["tiny"], model: opened.model, tokenizer: try opened.requireTokenizer(),
            templates: try ChatTemplates(opened.location), endTokens: opened.endTokens)
        shelf = AdapterShelf(model: opened.model, baseNames: ["tiny"])
        service = ModelService(
            served, shelf: shelf,
            scheduler: Scheduler(model: opened.model, limits: limits, breaks: shelf.breaks), options: options)
    }

    /// A random adapter that changes what the model says.
    static func trainable(_ model: QwenModel, seed: UInt64) throws -> TrainableAdapter {
        let configuration = AdapterConfiguration(r: 4, loraAlpha: 8, targetModules: .allLinear)
        let trainable = try TrainableAdapter(configuration, model: model, seed: seed)
        for place in 0..<trainable.parameters.count where trainable.parameters.values.floats[place] == 0 {
            trainable.parameters.values.floats[place] =
                Float(RandomAddress(seed: seed, purpose: .probe).uniform(at: place) - 0.5) * 0.1
        }
        return trainable
    }

    func adapter(_ seed: UInt64) throws -> Adapter { try Self.trainable(served.model, seed: seed).snapshot() }

    /// The answer to a body that does not stream.
    func answer(_ body: JSONValue, chat: Bool = true) async throws -> JSONValue {
        let bytes = Array(body.text().utf8)
        switch try await chat ? service.chat(bytes) : service.complete(bytes) {
        case .whole(let value): return value
        case .stream: throw ServingError(.failed, "the answer is a stream")
        }
    }

    /// The pieces of a stream.
    func pieces(_ body: JSONValue, chat: Bool = true) async throws -> [JSONValue] {
        let bytes = Array(body.text().utf8)
        switch try await chat ? service.chat(bytes) : service.complete(bytes) {
        case .whole: throw ServingError(.failed, "the answer is not a stream")
        case .stream(let stream):
            var pieces: [JSONValue] = []
            for await piece in stream { pieces.append(try JSONValue(parsing: piece)) }
            return pieces
        }
    }

    /// What `touchstone generate` does with the same prompt, seed and adapter: an engine of its own, nothing else in it.
    func alone(_ prompt: [Int], seed: UInt64, samples: Int, adapter: Adapter?, temperature: Double, max: Int) throws
        -> [Completion]
    {
        try Engine(model: served.model).generate([
            GenerationRequest(
                prompt: prompt,
                samples: (0..<samples).map { RandomAddress(seed: seed, purpose: .sampling, sample: $0) },
                adapter: adapter, parameters: SamplingParameters(temperature: temperature), maxNewTokens: max,
                endTokens: served.endTokens)
        ])
    }
}
