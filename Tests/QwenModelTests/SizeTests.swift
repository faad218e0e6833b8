import FileTesting
import ModelFiles
import Testing

@testable import QwenModel
@testable import TensorCore

extension QwenTests {
    @Suite("Sizes", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    struct SizeTests {
        @Test(
            "the sizes told from a configuration alone are those of the model",
            arguments: ["qwen2_tied", "qwen2_untied_gqa", "qwen3_tied", "qwen3_untied", "qwen3_moe", "qwen3_moe_step2"])
        func shapes(name: String) throws {
            let folder = try HuggingFaceFolder(path: ReferenceData.root + "/models/\(name)")
            let model = try QwenModel(folder, precision: .bfloat16)
            let configuration = model.configuration
            #expect(
                configuration.linearShapes
                    == model.linearLayers.map { .init(name: $0.name, inputs: $0.inputs, outputs: $0.outputs) })
            let stored = try folder.tensorNames.reduce(0) { try $0 + (folder.tensor(named: $1)?.count ?? 0) }
            #expect(configuration.parameterCount == stored)
            let packed = model.linearLayers.map(\.weight) + (configuration.tieWordEmbeddings ? [] : [model.embed.table])
            #expect(
                configuration.weightBytes(.bfloat16)
                    == packed.reduce(0) { $0 + $1.storage.byteCount } + 4 * configuration.vectorCount)
            #expect(configuration.keyValueBytes(.bfloat16) * KeyValuePages.pageSize == model.makePages(1).pageBytes)
        }

        @Test("published models have the parameters that they are published with, in billions")
        func published() {
            let expected: [String: Double] = [
                "Qwen2.5-0.5B": 0.494, "Qwen2.5-1.5B": 1.544, "Qwen2.5-3B": 3.086, "Qwen2.5-7B": 7.616,
                "Qwen2.5-14B": 14.770, "QwQ-32B": 32.764, "Qwen2.5-72B": 72.706, "Qwen3-0.6B": 0.596,
                "Qwen3-1.7B": 1.721, "Qwen3-4B": 4.022, "Qwen3-8B": 8.191, "Qwen3-14B": 14.768,
                "Qwen3-30B-A3B": 30.532, "Qwen3-32B": 32.762, "Qwen3-235B-A22B": 235.094,
            ]
            #expect(KnownModel.all.count == expected.count)
            for model in KnownModel.all {
                let billions = Double(model.configuration.parameterCount) / 1e9
                #expect(
                    abs(billions - expected[model.name, default: 0]) < 0.0006, "\(model.name): \(billions)")
            }
        }

        @Test("the bytes of a quantised model are those of its file as it is kept")
        func quantized() throws {
            let folder = try TemporaryFolder()
            let source = try HuggingFaceFolder(path: ReferenceData.root + "/models/qwen3_untied")
            for type in [StoredType.q8x0, .q4x0] {
                let path = "\(folder.path)/\(type.rawValue).gguf"
                try ModelContents(.folder(source)).write(toGGUF: path, type: type)
                let file = try GGUFModel(GGUFFile(MappedFile(path: path)))
                let configuration = try QwenConfiguration(file.configuration, path: path)
                #expect(
                    configuration.weightBytes(quantized: type)
                        == configuration.weightBytes(.bfloat16, storedIn: file))
            }
        }
    }
}
