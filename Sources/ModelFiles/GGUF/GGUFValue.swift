/// One metadata value of a GGUF file, with the type it is stored as.
public enum GGUFValue: Hashable, Sendable {
    /// An unsigned 8-bit integer.
    case uint8(UInt8)
    /// A signed 8-bit integer.
    case int8(Int8)
    /// An unsigned 16-bit integer.
    case uint16(UInt16)
    /// A signed 16-bit integer.
    case int16(Int16)
    /// An unsigned 32-bit integer.
    case uint32(UInt32)
    /// A signed 32-bit integer.
    case int32(Int32)
    /// A single-precision number.
    case float32(Float)
    /// A truth value; every byte but 0 is true.
    case bool(Bool)
    /// A text.
    case string(String)
    /// An array, all of one type.
    case array(GGUFArray)
    /// An unsigned 64-bit integer.
    case uint64(UInt64)
    /// A signed 64-bit integer.
    case int64(Int64)
    /// A double-precision number.
    case float64(Double)
}

/// An array in a GGUF file, stored as compactly as in the file: vocabularies have 150,000 entries.
public enum GGUFArray: Hashable, Sendable {
    /// Unsigned 8-bit integers.
    case uint8([UInt8])
    /// Signed 8-bit integers.
    case int8([Int8])
    /// Unsigned 16-bit integers.
    case uint16([UInt16])
    /// Signed 16-bit integers.
    case int16([Int16])
    /// Unsigned 32-bit integers.
    case uint32([UInt32])
    /// Signed 32-bit integers.
    case int32([Int32])
    /// Single-precision numbers.
    case float32([Float])
    /// Truth values.
    case bool([Bool])
    /// Texts.
    case string([String])
    /// Arrays, each with a type of its own.
    case array([GGUFArray])
    /// Unsigned 64-bit integers.
    case uint64([UInt64])
    /// Signed 64-bit integers.
    case int64([Int64])
    /// Double-precision numbers.
    case float64([Double])
}

extension GGUFValue {
    /// The integer, of whatever width, if it is one that fits.
    public var intValue: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    /// The number as the shortest decimal that stands for it: 1e-06 stored in single precision is 1e-06 again, not
    /// 9.999999974752427e-07. `nil` for integers and all else.
    public var doubleValue: Double? {
        switch self {
        case .float32(let value): Double(value.description)
        case .float64(let value): value
        default: nil
        }
    }

    /// The truth value, if it is one.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The text, if it is one.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    /// The texts, if it is an array of them.
    public var stringsValue: [String]? { if case .array(.string(let values)) = self { values } else { nil } }
}

/// The key–value pairs at the head of a GGUF file, in the file's order.
public struct GGUFMetadata: Sendable {
    /// The keys in the file's order.
    public private(set) var keys: [String] = []
    private var values: [String: GGUFValue] = [:]

    /// No pairs.
    public init() {}

    /// The value of a key.
    public subscript(key: String) -> GGUFValue? { values[key] }

    /// Sets the value of a key; a new key is the last.
    public mutating func set(_ key: String, _ value: GGUFValue) {
        if values.updateValue(value, forKey: key) == nil { keys.append(key) }
    }

    /// Adds a pair; returns whether the key is new.
    mutating func append(_ key: String, _ value: GGUFValue) -> Bool {
        guard values.updateValue(value, forKey: key) == nil else { return false }
        keys.append(key)
        return true
    }
}

extension GGUFValue {
    /// The value in a few words, for messages.
    var summary: String {
        switch self {
        case .string(let text): "'\(text.prefix(60))'"
        case .array: "an array"
        case .bool(let value): "\(value)"
        case .float32(let value): "\(value) (float32)"
        case .float64(let value): "\(value) (float64)"
        default: "\(intValue.map { "\($0)" } ?? "a number too large") (\(type))"
        }
    }
}
