import Foundation
import OrderedJSON

/// The vocabulary of a tokenizer.json as the first Qwen has it.
public enum FirstQwenVocabulary {
    /// The text of `qwen.tiktoken`: a line for each token, its bytes in base64 and its number.
    ///
    /// - Parameter model: The `model` of a byte-level BPE tokenizer.json; its tokens are numbered from 0 without gaps.
    public static func text(of model: JSONValue) -> String {
        let vocabulary = model["vocab"]?.objectValue ?? [:]
        // Byte-level BPE writes a byte as the character of its number, or as one above 255 where that can't be printed.
        var bytes: [UInt32: UInt8] = [:]
        var next: UInt32 = 256
        for byte in UInt8.min...UInt8.max {
            let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
            bytes[isPrintable ? UInt32(byte) : next] = byte
            if !isPrintable { next += 1 }
        }
        var lines = [String](repeating: "", count: vocabulary.count)
        for (token, id) in vocabulary {
            guard let id = id.intValue else { continue }
            lines[id] = "\(Data(token.unicodeScalars.compactMap { bytes[$0.value] }).base64EncodedString()) \(id)"
        }
        return lines.joined(separator: "\n")
    }
}
