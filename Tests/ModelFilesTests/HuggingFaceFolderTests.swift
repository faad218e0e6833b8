import FileTesting
import Foundation
import ModelFiles
import Testing

@Suite("Hugging Face folders")
struct HuggingFaceFolderTests {
    @Test(
        "every reference model opens, in one file or in shards",
        .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    func referenceModels() throws {
        let models = ReferenceData.folders(in: ReferenceData.models)
        #expect(models.count > 5)
        for model in models {
            let folder = try HuggingFaceFolder(path: model)
            #expect(folder.config["hidden_size"]?.intValue ?? 0 > 0 && folder.generationConfig != nil)
            #expect(folder.tensorNames.contains("model.embed_tokens.weight"))
            for name in folder.tensorNames { #expect(try folder.tensor(named: name)?.name == name) }
            #expect(try folder.tensor(named: "nothing") == nil)
        }
    }

    @Test(
        "a folder that is something else is told plainly",
        arguments: [
            ([], "has no config.json; expected a Hugging Face model folder. It holds nothing"),
            (
                ["adapter_config.json"],
                "is an adapter (it has adapter_config.json), not a model; give its base model's folder"
            ),
            (["qwen.gguf"], "has no config.json but a GGUF file; give the file itself: FOLDER/qwen.gguf"),
            (
                ["config.json"],
                "has no weights; expected model.safetensors or model.safetensors.index.json. It holds config.json"
            ),
            (
                ["config.json", "qwen.gguf"],
                "has no safetensors but a GGUF file; give the file itself: FOLDER/qwen.gguf"
            ),
            (
                ["config.json", "pytorch_model.bin"],
                "has its weights only as PyTorch pickles (pytorch_model.bin), which are not read because they may run code; "
                    + "expected model.safetensors or model.safetensors.index.json. Convert them with save_pretrained"
            ),
        ])
    func otherFolders(names: [String], message: String) throws {
        let folder = try TemporaryFolder()
        for name in names { try folder.write("{}", name) }
        let error = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder.path) }
        let expected = folder.path + " " + message.replacingOccurrences(of: "FOLDER", with: folder.path)
        #expect(error?.message == expected)
    }

    @Test("a path that is a file or nothing is told")
    func notAFolder() throws {
        let folder = try TemporaryFolder()
        try folder.write("", "m.gguf")
        let file = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder.path + "/m.gguf") }
        #expect(file?.message.hasSuffix("is a file, not a folder; it is a GGUF file: open it as one") == true)
        let nothing = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder.path + "/no") }
        #expect(nothing?.message.hasSuffix("does not exist") == true)
    }

    @Test(
        "an index may name only files of its folder",
        arguments: [
            "../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", "a..safetensors", "x.bin", "",
            "a\\u0000.safetensors", "a\\\\b.safetensors",
        ])
    func shardNames(shard: String) {
        let text = #"{"weight_map":{"t":"\#(shard)"}}"#
        let error = #expect(throws: ModelFileError.self) {
            try SafetensorsIndex(MappedFile(copying: Array(text.utf8), path: "index"))
        }
        #expect(error?.message.contains("expected the name of a .safetensors file in the same folder") == true)
    }

    @Test("a tensor or file that the index names must be there")
    func missingTensors() throws {
        let folder = try TemporaryFolder()
        try folder.write("{}", "config.json")
        try SafetensorsWriter.write(
            [WritableTensor(name: "a", shape: [1], floats: [1])], to: folder.path + "/s.safetensors")
        for (map, complaint) in [
            (#""a":"s.safetensors","b":"s.safetensors""#, #"tensor "b" lies in s.safetensors, but that file has none"#),
            (#""a":"t.safetensors""#, "the index names t.safetensors, which is not there"),
            ("", "has no weight_map with tensors in it"),
            (#""a":"s.safetensors","a":"s.safetensors""#, #"the key "a" appears twice"#),
        ] {
            try folder.write(#"{"weight_map":{\#(map)}}"#, "model.safetensors.index.json")
            let error = #expect(throws: ModelFileError.self) { try HuggingFaceFolder(path: folder.path) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
        try folder.write(#"{"weight_map":{"a":"s.safetensors"}}"#, "model.safetensors.index.json")
        #expect(try HuggingFaceFolder(path: folder.path).tensor(named: "a")?.shape == [1])
    }
}
