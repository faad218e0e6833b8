import ModelFiles

/// Writes small GGUF files for tests, correct ones and, where a test changes a part, wrong ones.
struct GGUFBuilder {
    /// A metadata value as it is written: the number of its type and its bytes.
    struct Value {
        var type: UInt32
        var bytes: [UInt8]

        static func uint32(_ value: UInt32) -> Value { Value(type: 4, bytes: littleEndian(value)) }
        static func uint64(_ value: UInt64) -> Value { Value(type: 10, bytes: littleEndian(value)) }
        static func float32(_ value: Float) -> Value { Value(type: 6, bytes: littleEndian(value.bitPattern)) }
        static func float64(_ value: Double) -> Value { Value(type: 12, bytes: littleEndian(value.bitPattern)) }
        static func bool(_ value: Bool) -> Value { Value(type: 7, bytes: [value ? 1 : 0]) }
        static func string(_ value: String) -> Value { Value(type: 8, bytes: text(value)) }
        static func array(_ elements: [Value], type: UInt32? = nil, count: UInt64? = nil) -> Value {
            Value(
                type: 9,
                bytes: littleEndian(type ?? elements.first?.type ?? 0)
                    + littleEndian(count ?? UInt64(elements.count)) + elements.flatMap(\.bytes))
        }
        static func strings(_ values: [String]) -> Value { array(values.map(Value.string), type: 8) }
        static func int32s(_ values: [Int32]) -> Value {
            array(values.map { Value(type: 5, bytes: littleEndian(UInt32(bitPattern: $0))) }, type: 5)
        }
    }

    struct Tensor {
        var name: String
        /// Innermost first, as in the file.
        var dimensions: [UInt64]
        var type: UInt32 = 0
        /// `nil`: where it belongs.
        var offset: UInt64?
        var data: [UInt8]

        init(_ name: String, _ dimensions: [UInt64], type: UInt32 = 0, offset: UInt64? = nil, data: [UInt8]? = nil) {
            self.name = name
            self.dimensions = dimensions
            self.type = type
            self.offset = offset
            let count = dimensions.reduce(UInt64(1)) { $0.multipliedReportingOverflow(by: $1).partialValue }
            self.data = data ?? [UInt8](repeating: 0, count: count > 10_000 ? 0 : Int(count) * 4)
        }
    }

    var magic = Array("GGUF".utf8)
    var version: UInt32 = 3
    var metadata: [(String, Value)] = []
    var tensors: [Tensor] = []
    var tensorCount: UInt64?
    var keyCount: UInt64?
    var alignment = 32

    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    static func text(_ value: String) -> [UInt8] { littleEndian(UInt64(value.utf8.count)) + Array(value.utf8) }

    subscript(key: String) -> Value? {
        get { metadata.first { $0.0 == key }?.1 }
        set {
            let index = metadata.firstIndex { $0.0 == key }
            switch (index, newValue) {
            case (let index?, let value?): metadata[index].1 = value
            case (let index?, nil): metadata.remove(at: index)
            case (nil, let value?): metadata.append((key, value))
            case (nil, nil): break
            }
        }
    }

    var bytes: [UInt8] {
        var head = magic + Self.littleEndian(version)
        head += Self.littleEndian(tensorCount ?? UInt64(tensors.count))
        head += Self.littleEndian(keyCount ?? UInt64(metadata.count))
        for (key, value) in metadata { head += Self.text(key) + Self.littleEndian(value.type) + value.bytes }
        var data: [UInt8] = []
        for tensor in tensors {
            data += [UInt8](repeating: 0, count: (alignment - data.count % alignment) % alignment)
            head += Self.text(tensor.name) + Self.littleEndian(UInt32(tensor.dimensions.count))
            head += tensor.dimensions.flatMap { Self.littleEndian($0) }
            head += Self.littleEndian(tensor.type) + Self.littleEndian(tensor.offset ?? UInt64(data.count))
            data += tensor.data
        }
        head += [UInt8](repeating: 0, count: (alignment - head.count % alignment) % alignment)
        return head + data
    }

    var file: MappedFile { MappedFile(copying: bytes, path: "m.gguf") }

    func open() throws -> GGUFFile { try GGUFFile(file) }

    /// A whole tiny Qwen model with tokenizer, about 2 KB.
    static func tinyModel(_ architecture: String = "qwen3moe") -> GGUFBuilder {
        var builder = GGUFBuilder()
        builder.metadata = [
            ("general.architecture", .string(architecture)),
            ("\(architecture).block_count", .uint32(1)),
            ("\(architecture).context_length", .uint32(64)),
            ("\(architecture).embedding_length", .uint32(4)),
            ("\(architecture).feed_forward_length", .uint32(8)),
            ("\(architecture).attention.head_count", .uint32(2)),
            ("\(architecture).attention.head_count_kv", .uint32(1)),
            ("\(architecture).attention.layer_norm_rms_epsilon", .float32(1e-6)),
            ("\(architecture).rope.freq_base", .float32(1e6)),
            ("\(architecture).expert_count", .uint32(2)),
            ("\(architecture).expert_used_count", .uint32(1)),
            ("\(architecture).expert_feed_forward_length", .uint32(2)),
            ("tokenizer.ggml.model", .string("gpt2")),
            ("tokenizer.ggml.pre", .string("qwen2")),
            ("tokenizer.ggml.tokens", .strings(["a", "b", "ab", "<|im_end|>"])),
            ("tokenizer.ggml.token_type", .int32s([1, 1, 1, 3])),
            ("tokenizer.ggml.merges", .strings(["a b"])),
            ("tokenizer.ggml.eos_token_id", .uint32(3)),
            ("tokenizer.ggml.add_bos_token", .bool(false)),
            ("tokenizer.chat_template", .string("{{ messages[0].content }}")),
            ("nested", .array([.array([.uint32(1)]), .array([.uint32(2), .uint32(3)])], type: 9)),
        ]
        builder.tensors = [
            Tensor("token_embd.weight", [4, 5]),
            Tensor("blk.0.attn_q.weight", [4, 4]),
            Tensor("blk.0.ffn_up_exps.weight", [4, 2, 2], data: (0..<64).map { UInt8($0) }),
            Tensor("blk.0.ffn_down.weight", [32], type: 8, data: [UInt8](repeating: 1, count: 34)),
            Tensor("output_norm.weight", [4]),
        ]
        return builder
    }
}
