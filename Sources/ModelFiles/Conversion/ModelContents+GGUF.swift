import Foundation
import OrderedJSON

extension ModelContents {
    /// Writes a GGUF file with tokenizer and chat template, as llama.cpp's converter lays it out: norms, biases and routers
    /// in single precision, experts stacked, query and key rows as they are. It appears whole or not at all.
    ///
    /// - Parameter type: How matrices are stored; as they are unless given. Block types stay unless their numbers change.
    ///   One of `BlockEncoding.types` quantises; embedding, vocabulary projection and rows of odd widths as `fitting` says.
    /// - Parameter check: Is called with the finished, still hidden file; when it throws, nothing is left behind.
    /// - Throws: `ModelFileError`, or what `check` throws.
    public func write(
        toGGUF path: String, type: StoredType? = nil,
        check: (_ temporaryPath: String) throws(ModelFileError) -> Void = { _ in }
    ) throws(ModelFileError) {
        let tensors = try ggufTensors(type: type)
        let metadata = try ggufMetadata(name: Self.name(of: path), type: tensors.mainType)
        try AtomicFile.write(
            checked: path,
            { temporaryPath throws(ModelFileError) in
                try GGUFWriter.write(metadata: metadata, tensors: tensors.list, to: temporaryPath)
                try check(temporaryPath)
            })
    }

    private static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        return file.hasSuffix(".gguf") ? String(file.dropLast(5)) : file
    }

    /// The tensors under GGUF's names, in the order of a forward pass.
    private func ggufTensors(
        type: StoredType?
    ) throws(ModelFileError) -> (list: [WritableTensor], mainType: StoredType) {
        var list: [(name: String, tensor: WritableTensor)] = []
        var experts: [String: [Int: Item]] = [:]
        let isTied = configuration["tie_word_embeddings"]?.boolValue == true
        for item in items {
            if let expert = GGUFTensorNames.expert(item.name) {
                experts[expert.ggufName, default: [:]][expert.index] = item
            } else if let name = GGUFTensorNames.ggufName(item.name) {
                // Some folders store a tied head all the same; readers of either format don't look at it.
                if isTied, name == "output.weight", case .folder = origin { continue }
                list.append((name, item.writable(as: Self.type(of: item, name: name, asked: type), name: name)))
            } else if !item.name.hasSuffix("rotary_emb.inv_freq") {
                throw ModelFileError(
                    .unsupported,
                    "\(origin.path): tensor \(quoted(item.name)) has no name in GGUF; only Qwen2, Qwen3 and Qwen3-MoE "
                        + "models can be converted")
            }
        }
        for (name, slices) in experts {
            let ordered = slices.keys.sorted()
            guard ordered == Array(0..<slices.count), let first = slices[0],
                ordered.allSatisfy({
                    slices[$0]?.stored.shape == first.stored.shape
                })
            else {
                throw ModelFileError(
                    .mismatched, "\(origin.path): the experts of \(name) are not all there or of different shapes")
            }
            let kept = ordered.allSatisfy { slices[$0]?.rows == nil && slices[$0]?.stored.type == first.stored.type }
            let width = first.stored.shape.last ?? 1
            let stackType = type?.fitting(name, width: width) ?? first.type(keepingBlocks: kept)
            list.append(
                (
                    name,
                    WritableTensor(
                        stacking: ordered.compactMap { slices[$0]?.writable(as: stackType, name: name) }, name: name)
                ))
        }
        let order = list.indices.sorted { GGUFTensorNames.order(list[$0].name) < GGUFTensorNames.order(list[$1].name) }
        let main = list.first { $0.name.hasSuffix("attn_q.weight") }?.tensor.type ?? .float32
        return (order.map { list[$0].tensor }, type ?? main)
    }

    /// llama.cpp's rule: vectors, norms and routers in single precision.
    private static func type(of item: Item, name: String, asked: StoredType?) -> StoredType {
        if item.stored.shape.count < 2 || name.hasSuffix("_norm.weight") || name.hasSuffix("ffn_gate_inp.weight") {
            return .float32
        }
        return asked?.fitting(name, width: item.stored.shape.last ?? 1) ?? item.type(keepingBlocks: true)
    }

    private func ggufMetadata(name: String, type: StoredType) throws(ModelFileError) -> GGUFMetadata {
        var metadata = try plainMetadata(name: name, type: type)
        // ggml's number of how blocks are laid out.
        if type.codes != nil { metadata.set("general.quantization_version", .uint32(2)) }
        return metadata
    }

    private func plainMetadata(name: String, type: StoredType) throws(ModelFileError) -> GGUFMetadata {
        if case .gguf(let model) = origin {
            var metadata = model.file.metadata
            metadata.set("general.file_type", .uint32(Self.fileType(type)))
            return metadata
        }
        var metadata = try GGUFDescription(configuration, path: origin.path).metadata(name: name)
        metadata.set("general.file_type", .uint32(Self.fileType(type)))
        if case .folder(let folder) = origin {
            try GGUFVocabulary(folder: folder.path, configuration: configuration, generation: folder.generationConfig)?
                .add(to: &metadata)
        }
        return metadata
    }

    /// llama.cpp's `LLAMA_FTYPE` of files that are mostly of a type.
    private static func fileType(_ type: StoredType) -> UInt32 {
        switch type {
        case .float32: 0
        case .float16: 1
        case .q4x0: 2
        case .q4x1: 3
        case .q8x0: 7
        case .q5x0: 8
        case .q5x1: 9
        case .q2k: 10
        case .q3k: 12
        case .q4k: 15
        case .q5k: 17
        case .q6k: 18
        case .bfloat16: 32
        default: 1024
        }
    }
}

extension StoredType {
    /// The type of a matrix in a file that is quantised to this type.
    ///
    /// The embedding and the vocabulary projection keep 8 bits: every token passes through them, and errors there are
    /// errors of the logits. Rows that are no multiple of a block of 256 get Q5_0, as llama.cpp does; of 32, float16.
    public func fitting(_ ggufName: String, width: Int) -> StoredType {
        guard codes != nil else { return self }
        var type = ggufName == "token_embd.weight" || ggufName == "output.weight" ? .q8x0 : self
        if !width.isMultiple(of: type.elementsPerBlock) { type = .q5x0 }
        return width.isMultiple(of: type.elementsPerBlock) ? type : .float16
    }
}

extension AtomicFile {
    /// Gives a body a hidden path beside the target, and the file that it wrote there its name; what it throws leaves
    /// nothing behind.
    static func write(
        checked path: String, _ body: (_ temporaryPath: String) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        let temporaryPath = temporarySibling(of: path)
        do throws(ModelFileError) {
            try body(temporaryPath)
            guard rename(temporaryPath, path) == 0 else { throw .cannot("write", path, errno) }
        } catch {
            unlink(temporaryPath)
            throw error
        }
        synchronizeFolder(parent(of: path))
    }
}
