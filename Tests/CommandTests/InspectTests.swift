import FileTesting
import OrderedJSON
import Testing

@testable import touchstone

@Suite(.enabled(if: Reference.isPresent, Reference.missing))
struct InspectTests {
    private func inspect(_ path: String) throws -> JSONValue {
        try Program.lines(["inspect", path, "--json"], [])[0]
    }

    @Test("a model folder tells its architecture, size, number types and tokenizer")
    func model() throws {
        let model = try inspect(Reference.model)
        #expect(model["kind"] == "model" && model["format"] == "huggingface" && model["architecture"] == "qwen3")
        #expect(model["parameters"] == 112_064 && model["bytes"] == 448_256)
        #expect(model["dtypes"] == ["F32": ["tensors": 24, "parameters": 112_064, "bytes": 448_256]])
        #expect(model["tokenizer"]?["vocabulary"] == 392)
        #expect(model["tokenizer"]?["eos"] == ["id": 368, "text": "<|im_end|>"])
        #expect(try inspect(Reference.path("fixtures/models/qwen3_sharded"))["tokenizer"] == .null)
    }

    @Test("a GGUF file tells the same of its model")
    func gguf() throws {
        let model = try inspect(Reference.path("fixtures/gguf/qwen2-mixed.gguf"))
        #expect(model["kind"] == "model" && model["format"] == "gguf" && model["architecture"] == "qwen2")
        #expect(model["dtypes"]?["Q4_K"]?["tensors"] == 2)
        #expect(model["tokenizer"]?["vocabulary"] == 392)
    }

    @Test("an adapter tells its rank, targets and norms")
    func adapter() throws {
        let adapter = try inspect("\(Reference.model)/adapters/lora")
        #expect(adapter["kind"] == "adapter" && adapter["rank"] == 4 && adapter["alpha"] == .double(8))
        #expect(adapter["target_modules"]?.arrayValue?.contains("q_proj") == true)
        #expect(adapter["modules"]?.objectValue?.count == 14)
        #expect(adapter["parameters"] == 8960)
    }

    @Test("the norm of an update is that of the product B·A")
    func productNorm() {
        // A = [[1, 2, 0], [0, 1, -1]], B = [[1, 1], [2, 0]]: B·A = [[1, 3, -1], [2, 4, 0]].
        let norm = AdapterInspection.productNorm([1, 2, 0, 0, 1, -1], [1, 1, 2, 0], rank: 2)
        #expect(abs(norm - 31.0.squareRoot()) < 1e-12)
    }

    @Test("data tells its rows, columns and faults")
    func data() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("{\"a\":1,\"b\":\"x\"}\n\n{\"a\":null}\nno\n", "rows.jsonl")
        let data = try inspect(path)
        #expect(data["kind"] == "data" && data["rows"] == 2 && data["faults"] == 1)
        #expect(data["first_fault"] == "line 4 is not a JSON object")
        #expect(data["columns"] == ["a": ["integer": 1, "null": 1], "b": ["text": 1]])
    }

    @Test("tokenizer folders, safetensors files and text output work")
    func others() throws {
        #expect(try inspect(Reference.path("fixtures/tokenizer/tiny"))["kind"] == "tokenizer")
        let tensors = try inspect("\(Reference.model)/model.safetensors")
        #expect(tensors["kind"] == "safetensors" && tensors["shapes"]?["model.norm.weight"] == "F32 [64]")
        let text = try Program.run(["inspect", Reference.model])
        #expect(text.output.hasPrefix("kind: model\n"))
        #expect(text.output.contains("\n  vocabulary: 392\n"))
    }
}
