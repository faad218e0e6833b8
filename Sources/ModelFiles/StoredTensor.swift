/// How the numbers of a stored tensor are written. GGUF's block types pack `elementsPerBlock` numbers into
/// `bytesPerBlock` bytes.
public enum StoredType: String, Hashable, Sendable, CaseIterable {
    /// IEEE single precision.
    case float32 = "F32"
    /// IEEE half precision.
    case float16 = "F16"
    /// The upper half of a single-precision number.
    case bfloat16 = "BF16"
    /// 64-bit integers (safetensors only).
    case int64 = "I64"
    /// 32-bit integers.
    case int32 = "I32"
    /// GGUF, 32 numbers of 8 bits and a half-precision scale.
    case q8x0 = "Q8_0"
    /// GGUF, 32 numbers of 4 bits and a scale.
    case q4x0 = "Q4_0"
    /// GGUF, 32 numbers of 4 bits, a scale and a minimum.
    case q4x1 = "Q4_1"
    /// GGUF, 32 numbers of 5 bits and a scale.
    case q5x0 = "Q5_0"
    /// GGUF, 32 numbers of 5 bits, a scale and a minimum.
    case q5x1 = "Q5_1"
    /// GGUF, 256 numbers of 2 bits with 4-bit scales and minima.
    case q2k = "Q2_K"
    /// GGUF, 256 numbers of 3 bits with 6-bit scales.
    case q3k = "Q3_K"
    /// GGUF, 256 numbers of 4 bits with 6-bit scales and minima.
    case q4k = "Q4_K"
    /// GGUF, 256 numbers of 5 bits with 6-bit scales and minima.
    case q5k = "Q5_K"
    /// GGUF, 256 numbers of 6 bits with 8-bit scales.
    case q6k = "Q6_K"

    /// How many numbers one block holds; 1 for plain types.
    public var elementsPerBlock: Int {
        switch self {
        case .float32, .float16, .bfloat16, .int64, .int32: 1
        case .q8x0, .q4x0, .q4x1, .q5x0, .q5x1: 32
        case .q2k, .q3k, .q4k, .q5k, .q6k: 256
        }
    }

    /// How many bytes one block takes.
    public var bytesPerBlock: Int {
        switch self {
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .int64: 8
        case .q8x0: 34
        case .q4x0: 18
        case .q4x1: 20
        case .q5x0: 22
        case .q5x1: 24
        case .q2k: 84
        case .q3k: 110
        case .q4k: 144
        case .q5k: 176
        case .q6k: 210
        }
    }
}

/// A tensor inside a mapped file: nothing is read until its numbers are asked for.
public struct StoredTensor: Sendable {
    /// Its name in the file.
    public let name: String
    /// Its shape, outermost dimension first (GGUF writes them the other way round).
    public let shape: [Int]
    /// How its numbers are written.
    public let type: StoredType
    /// The file that holds it.
    public let file: MappedFile
    /// Where it starts in the file, in bytes. The reader has checked that the whole tensor lies inside the file.
    public let offset: Int

    /// A tensor whose extent the reader has already checked against the file.
    public init(name: String, shape: [Int], type: StoredType, file: MappedFile, offset: Int) {
        self.name = name
        self.shape = shape
        self.type = type
        self.file = file
        self.offset = offset
    }

    /// How many numbers it holds.
    public var count: Int { shape.reduce(1, *) }
    /// How many bytes it takes in the file.
    public var byteCount: Int { count / type.elementsPerBlock * type.bytesPerBlock }
    /// Its bytes as stored. Valid as long as `file` lives.
    public var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + byteCount])
    }
}
