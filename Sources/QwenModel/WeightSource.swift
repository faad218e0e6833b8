import ModelFiles
import OrderedJSON
import TensorCore

/// Where weights come from, under their Hugging Face names.
public protocol WeightSource: Sendable {
    /// For messages.
    var path: String { get }
    /// The config.json, or what stands for it.
    var configuration: JSONValue { get }
    /// A weight, if it is there.
    func weight(named name: String) throws(ModelFileError) -> StoredTensor?
}

extension HuggingFaceFolder: WeightSource {
    /// The config.json.
    public var configuration: JSONValue { config }
    /// A tensor of the folder's safetensors files.
    public func weight(named name: String) throws(ModelFileError) -> StoredTensor? { try tensor(named: name) }
}

extension GGUFModel: WeightSource {
    /// The file's path.
    public var path: String { file.file.path }
    /// A tensor by its Hugging Face name.
    public func weight(named name: String) throws(ModelFileError) -> StoredTensor? { tensors[name] }
}

/// How a model's matrices are kept in memory.
public enum WeightStorage: String, Sendable, CaseIterable {
    /// Blocks of a GGUF file stay the codes they are, and are expanded to bfloat16 where a product needs them: the memory
    /// of the file, and the same bits as `expanded`. All else, and everything in single precision, is expanded.
    case stored
    /// Every number in the precision of the model: for weights that are trained themselves.
    case expanded
}

extension BlockFormat {
    init(_ codes: CodeFormat, of type: StoredType) {
        self.init(
            bits: codes.bits, bias: codes.bias, groupSize: codes.groupSize, blockSize: type.elementsPerBlock,
            hasScales: codes.hasScales, hasMinima: codes.hasMinima)
    }
}

/// Reads weights into the forms that operations want, checking every shape.
struct WeightReader {
    let source: any WeightSource
    let precision: ElementType
    var weights = WeightStorage.expanded

    func stored(_ name: String, shape: [Int]) throws -> StoredTensor {
        guard let tensor = try source.weight(named: name) else {
            throw QwenModelError(.missingWeight, "\(source.path): weight '\(name)' is missing")
        }
        guard tensor.shape == shape else {
            throw QwenModelError(
                .mismatched, "\(source.path): weight '\(name)' is \(tensor.shape), the configuration asks for \(shape)")
        }
        guard tensor.type != .int32, tensor.type != .int64 else {
            throw QwenModelError(.mismatched, "\(source.path): weight '\(name)' holds integers")
        }
        return tensor
    }

    func vector(_ name: String, _ count: Int) throws -> Tensor {
        Tensor(try stored(name, shape: [count]).floats(), shape: [count])
    }

    func matrix(_ name: String, rows: Int, columns: Int) throws -> PackedMatrix {
        let tensor = try stored(name, shape: [rows, columns])
        // Packed, the file's own bytes are not needed beside it.
        defer { tensor.discard(0..<tensor.count) }
        if weights == .stored, precision == .bfloat16, let codes = tensor.type.codes {
            return PackedMatrix(rows: rows, columns: columns, blocks: BlockFormat(codes, of: tensor.type)) { row, out in
                tensor.readCodes(
                    row * columns..<(row + 1) * columns, codes: out.codes, factors: out.factors,
                    minimumFactors: out.minimumFactors, scales: out.scales, minima: out.minima)
            }
        }
        return PackedMatrix(rows: rows, columns: columns, type: precision) { range, buffer in
            // The type was checked above, so reading cannot fail.
            try? tensor.readFloats(range.lowerBound * columns..<range.upperBound * columns, into: buffer)
        }
    }

    func linear(_ name: String, rows: Int, columns: Int, bias: Bool) throws -> LinearLayer {
        LinearLayer(
            name: name, weight: try matrix(name + ".weight", rows: rows, columns: columns),
            bias: bias ? try vector(name + ".bias", rows) : nil)
    }

    func norm(_ name: String, _ count: Int, epsilon: Float) throws -> NormLayer {
        NormLayer(name: name, weight: try vector(name + ".weight", count), epsilon: epsilon)
    }
}
