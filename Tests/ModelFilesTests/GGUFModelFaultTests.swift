import ModelFiles
import Testing

@Suite("Faulty models in GGUF files")
struct GGUFModelFaultTests {
    /// A sound file whose model or tokenizer can't be used, and the error it must give.
    struct Fault: Sendable, CustomTestStringConvertible {
        let key: String
        let value: GGUFBuilder.Value?
        let code: ModelFileError.Code
        let message: String
        var testDescription: String { message }

        init(_ key: String, _ value: GGUFBuilder.Value?, _ code: ModelFileError.Code, _ message: String) {
            (self.key, self.value, self.code, self.message) = (key, value, code, message)
        }
    }

    static let faults = [
        Fault(
            "general.architecture", .string("llama"), .unsupported,
            "general.architecture is 'llama', expected one of qwen2, qwen3, qwen3moe"),
        Fault(
            "general.architecture", nil, .missing,
            "metadata key 'general.architecture' is not there, but it is needed"),
        Fault("general.type", .string("adapter"), .unsupported, "general.type is 'adapter', expected 'model'"),
        Fault(
            "split.count", .uint32(3), .unsupported,
            "one of 3 parts of a split model; join them with llama.cpp's llama-gguf-split --merge"),
        Fault(
            "qwen3moe.block_count", nil, .missing,
            "metadata key 'qwen3moe.block_count' is not there, but it is needed"),
        Fault(
            "qwen3moe.block_count", .uint32(0), .malformed,
            "qwen3moe.block_count is 0 (uint32), expected an integer from 1 up to, not including, 2147483648"),
        Fault(
            "qwen3moe.context_length", .uint64(.max), .malformed,
            "qwen3moe.context_length is a number too large (uint64), expected an integer from 1 up to, not including, "
                + "2147483648"),
        Fault(
            "qwen3moe.attention.layer_norm_rms_epsilon", .float32(.nan), .malformed,
            "qwen3moe.attention.layer_norm_rms_epsilon is nan (float32), expected a number greater than 0 (float32)"),
        Fault(
            "qwen3moe.embedding_length", .uint32(6), .mismatched,
            "tensor 'token_embd.weight' has shape [5, 4], expected [tokens, 6]"),
        Fault(
            "qwen3moe.attention.head_count", .uint32(3), .malformed,
            "qwen3moe.attention.key_length is not there, and embedding_length 4 is not a multiple of head_count 3"),
        Fault(
            "qwen3moe.attention.value_length", .uint32(3), .unsupported,
            "qwen3moe.attention.value_length is 3, expected 2, the width of a key"),
        Fault(
            "qwen3moe.expert_count", .uint32(3), .mismatched,
            "tensor 'blk.0.ffn_up_exps.weight' has shape [2, 2, 4], expected [3, rows, columns] for 3 experts"),
        Fault(
            "qwen3moe.expert_used_count", .uint32(3), .malformed,
            "qwen3moe.expert_used_count is 3 (uint32), expected an integer from 1 up to, not including, 3"),
        Fault(
            "qwen3moe.rope.scaling.type", .string("longrope"), .unsupported,
            "qwen3moe.rope.scaling.type is 'longrope', expected none, linear or yarn"),
        Fault(
            "qwen3moe.rope.scaling.type", .string("yarn"), .missing,
            "metadata key 'qwen3moe.rope.scaling.factor' is not there, but it is needed"),
        Fault(
            "tokenizer.ggml.tokens", .strings(["a", "b", "c", "d", "e", "f"]), .mismatched,
            "the tokenizer has 6 tokens, but 'token_embd.weight' only 5 rows"),
        Fault(
            "tokenizer.ggml.model", .string("llama"), .unsupported,
            "tokenizer.ggml.model is 'llama', expected 'gpt2' (byte-level BPE)"),
        Fault(
            "tokenizer.ggml.merges", .string("a b"), .malformed,
            "tokenizer.ggml.merges is 'a b', expected an array of strings"),
        Fault(
            "tokenizer.ggml.token_type", .int32s([1]), .malformed,
            "tokenizer.ggml.token_type has 1 entries, but there are 4 tokens"),
        Fault(
            "tokenizer.ggml.token_type", .int32s([1, 1, 7, 1]), .malformed,
            "tokenizer.ggml.token_type of token 2 is 7, expected 1 to 6"),
        Fault(
            "tokenizer.ggml.eos_token_id", .uint32(4), .malformed,
            "tokenizer.ggml.eos_token_id is 4 (uint32), expected an integer from 0 up to, not including, 4"),
        Fault(
            "tokenizer.ggml.add_bos_token", .uint32(1), .malformed,
            "tokenizer.ggml.add_bos_token is 1 (uint32), expected a bool"),
    ]

    @Test("each fault is an error that names it", arguments: faults)
    func eachFault(fault: Fault) throws {
        var builder = GGUFBuilder.tinyModel()
        builder[fault.key] = fault.value
        let file = try builder.open()
        let error = #expect(throws: ModelFileError.self) {
            _ = try GGUFModel(file)
            _ = try GGUFTokenizer(file)
        }
        #expect(error?.code == fault.code)
        #expect(error?.message == "m.gguf: " + fault.message)
    }

    @Test("a model without an embedding is refused")
    func noEmbedding() throws {
        var builder = GGUFBuilder.tinyModel()
        builder.tensors.removeFirst()
        let file = try builder.open()
        let error = #expect(throws: ModelFileError.self) { try GGUFModel(file) }
        #expect(error?.code == .missing)
        #expect(error?.message == "m.gguf: tensor 'token_embd.weight' is not there, but it is needed")
    }
}
