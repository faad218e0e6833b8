import ModelFiles
import QwenModel
import TensorCore
import Testing

extension QwenTests {
    /// Blocks kept as they are in a GGUF file.
    @Suite(
        "Quantised weights in memory",
        .enabled(if: ReferenceData.hasBlocks, Comment(rawValue: ReferenceData.absence)))
    struct StoredWeights {
        static let files = ["qwen2-mixed", "qwen3-bf16-q8"]

        private static func source(_ name: String) throws -> GGUFModel {
            try GGUFModel(path: ReferenceData.root + "/gguf/\(name).gguf")
        }

        /// Log-probabilities, and with a trainable adapter its gradient too.
        private static func outcome(_ model: QwenModel) throws -> [[Float]] {
            var dice = Dice(8)
            let groups = lawGroups(&dice)
            let adapter = try LawCase.trainable(model, seed: 2)
            let seeds = groups.map { $0.completions.map { dice.floats($0.count, 1) } }
            let alone = completionLogProbs(groups, model: model, adapter: nil).flatMap { $0.flatMap { $0 } }
            let trained = completionLogProbs(
                groups, model: model, adapter: adapter.snapshot(), parameters: adapter.parameters, seeds: seeds
            ).flatMap { $0.flatMap { $0 } }
            return [alone, trained, adapter.parameters.gradients.toArray()]
        }

        @Test("log-probabilities and gradients are those of expanded weights, bit for bit", arguments: files)
        func sameBits(name: String) throws {
            let source = try Self.source(name)
            let stored = try QwenModel(source, precision: .bfloat16, weights: .stored)
            let expanded = try QwenModel(source, precision: .bfloat16, weights: .expanded)
            for level in ComputeDevice.KernelLevel.allCases {
                guard
                    let (actual, expected) = try ComputeDevice.with(
                        level, { (try Self.outcome(stored), try Self.outcome(expanded)) })
                else { continue }
                for (index, what) in ["log-probabilities", "with adapter", "gradients"].enumerated() {
                    expectSameBits(actual[index], expected[index], "\(name), \(level), \(what)")
                    #expect(expected[index].contains { $0 != 0 } && expected[index].allSatisfy(\.isFinite))
                }
            }
        }

        @Test("matrices take about the bytes that they take in the file", arguments: files)
        func bytes(name: String) throws {
            let source = try Self.source(name)
            let inFile = source.tensors.values.filter { $0.shape.count == 2 }.reduce(0) { $0 + $1.byteCount }
            let stored = try QwenModel(source, precision: .bfloat16).weightBytes
            // What a file keeps in single precision is bfloat16 here, so less is possible.
            #expect(Double(stored) <= 1.04 * Double(inFile), "\(stored) bytes, \(inFile) in the file")
            let configuration = try QwenConfiguration(source.configuration, path: source.path)
            #expect(
                configuration.weightBytes(.bfloat16, storedIn: source) == stored + 4 * configuration.vectorCount,
                "told from types alone")
            #expect(try stored < QwenModel(source, precision: .bfloat16, weights: .expanded).weightBytes)
        }

        @Test("single precision expands, whatever was asked for")
        func singlePrecision() throws {
            let source = try Self.source("qwen2-mixed")
            let models = try [WeightStorage.stored, .expanded].map {
                try QwenModel(source, precision: .float32, weights: $0)
            }
            #expect(models[0].weightBytes == models[1].weightBytes)
        }

        @Test("quantised weights can't be trained themselves, and the error says what to do")
        func training() throws {
            let source = try Self.source("qwen2-mixed")
            let model = try QwenModel(source, precision: .bfloat16)
            let error = #expect(throws: QwenModelError.self) { try FullParameters(model: model, source: source) }
            #expect(error?.code == .unsupported)
            #expect(
                error?.message
                    == "\(source.path): weight 'model.embed_tokens.weight' is kept quantised and can't be trained; load "
                    + "the model with its weights expanded")
        }
    }
}
