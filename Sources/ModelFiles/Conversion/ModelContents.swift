import OrderedJSON

/// A model as it is to be written: the configuration, the tensors one at a time, and where the tokenizer's files are.
///
/// It is what a Hugging Face folder and a GGUF file have in common; `write(toFolder:)` and `write(toGGUF:)` make either.
public struct ModelContents {
    /// Where the configuration, tokenizer and chat template come from.
    public enum Origin: Sendable {
        /// A Hugging Face folder.
        case folder(HuggingFaceFolder)
        /// A GGUF file.
        case gguf(GGUFModel)

        /// For messages.
        public var path: String {
            switch self {
            case .folder(let folder): folder.path
            case .gguf(let model): model.file.file.path
            }
        }

        /// config.json, or what stands for it.
        public var configuration: JSONValue {
            switch self {
            case .folder(let folder): folder.config
            case .gguf(let model): model.configuration
            }
        }

        /// A tensor by its Hugging Face name.
        public func tensor(named name: String) throws(ModelFileError) -> StoredTensor? {
            switch self {
            case .folder(let folder): try folder.tensor(named: name)
            case .gguf(let model): model.tensors[name]
            }
        }

        /// The Hugging Face names of all tensors, in the order of the files or of the bytes of the names.
        public var tensorNames: [String] {
            switch self {
            case .folder(let folder): folder.tensorNames
            case .gguf(let model): model.tensors.keys.sorted { SortedByBytes($0) < SortedByBytes($1) }
            }
        }
    }

    /// Fills a buffer with the rows of a range in single precision.
    public typealias Rows = (Range<Int>, UnsafeMutableBufferPointer<Float>) throws(ModelFileError) -> Void

    /// One tensor: a stored one, or numbers made from it.
    public struct Item {
        /// Its Hugging Face name.
        public let name: String
        /// The stored tensor, whose shape and type it has.
        public let stored: StoredTensor
        /// Makes its numbers, where they are not the stored ones.
        public let rows: Rows?

        /// A tensor of a model.
        public init(name: String, stored: StoredTensor, rows: Rows? = nil) {
            self.name = name
            self.stored = stored
            self.rows = rows
        }

        /// The type in which it is written unless another is asked for: as it is stored, but half precision for what is
        /// stored in blocks and must be made anew or has no place in safetensors.
        func type(keepingBlocks: Bool) -> StoredType {
            stored.type.elementsPerBlock == 1 || keepingBlocks && rows == nil ? stored.type : .float16
        }

        func writable(as type: StoredType, name: String) -> WritableTensor {
            guard let rows else { return WritableTensor(converting: stored, to: type, name: name) }
            return WritableTensor(name: name, shape: stored.shape, type: type, rows: rows)
        }
    }

    /// Where the configuration, tokenizer and chat template come from.
    public let origin: Origin
    /// The configuration, in Hugging Face's keys.
    public var configuration: JSONValue
    /// The tensors.
    public var items: [Item]

    /// A model without changes.
    ///
    /// - Throws: `ModelFileError` for tensors of types that can't be read.
    public init(_ origin: Origin) throws(ModelFileError) {
        self.origin = origin
        configuration = origin.configuration
        items = []
        for name in origin.tensorNames {
            guard let tensor = try origin.tensor(named: name) else { continue }
            items.append(Item(name: name, stored: tensor))
        }
    }

    /// The one type for all numbers of a folder if none is asked for: that of the weight matrices.
    func folderType() -> StoredType? {
        guard case .gguf = origin else { return nil }
        let matrix = items.first { $0.name == "model.layers.0.self_attn.q_proj.weight" } ?? items.first
        return matrix?.type(keepingBlocks: false)
    }
}

/// The file formats that models and adapters are converted between.
public enum ModelFormat: String, CaseIterable, Sendable {
    /// A Hugging Face folder.
    case safetensors
    /// A GGUF file.
    case gguf
}
