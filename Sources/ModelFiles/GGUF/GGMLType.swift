/// A tensor type as GGUF numbers it: ggml's own name, and what it is here if it is supported.
struct GGMLType {
    /// ggml's spelling, for messages.
    let name: String
    /// The type it is read as; `nil` if this version can't read it.
    let stored: StoredType?

    /// The type with a number; `nil` if ggml has given that number to none.
    static func numbered(_ number: UInt32) -> GGMLType? {
        guard let name = names[number] else { return nil }
        return GGMLType(name: name, stored: StoredType(rawValue: name))
    }

    /// The number of a type; `nil` if GGUF has none for it.
    static func number(of type: StoredType) -> UInt32? { numbers[type.rawValue] }

    private static let numbers = Dictionary(uniqueKeysWithValues: names.map { ($0.value, $0.key) })

    /// ggml's `enum ggml_type`, with the numbers it has retired. The supported ones are spelled as `StoredType` is.
    private static let names: [UInt32: String] = [
        0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 4: "Q4_2", 5: "Q4_3", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
        10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS",
        18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16",
        26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
        34: "TQ1_0", 35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4", 40: "NVFP4",
        41: "Q1_0",
    ]
}
