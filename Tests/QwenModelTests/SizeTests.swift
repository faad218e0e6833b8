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
    }
}
