/// The printable characters by which vocabulary files spell bytes (GPT-2's table).
///
/// Printable Latin-1 stands for itself; the other 68 bytes are U+0100, U+0101, … in order.
enum ByteLevelAlphabet {
    /// The scalar that spells each byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                defer { next += 1 }
                return next
            }
        }
    }()

    /// The byte that each scalar spells, or -1, for the scalars up to U+0143.
    private static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() where Int(scalar) < bytes.count { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The spelling of one byte as UTF-8.
    static func spelling(of byte: UInt8) -> [UInt8] {
        var output: [UInt8] = []
        UTF8Text.append(scalars[Int(byte)], to: &output)
        return output
    }

    /// Appends the bytes that a spelling stands for; a spelling with any other character stands for its own UTF-8.
    static func appendBytes(of spelling: ArraySlice<UInt8>, to output: inout [UInt8]) {
        let mark = output.count
        var position = spelling.startIndex
        while position < spelling.endIndex {
            let (scalar, length) = UTF8Text.scalar(in: spelling, at: position)
            guard Int(scalar) < bytes.count, bytes[Int(scalar)] >= 0 else {
                output.removeLast(output.count - mark)
                output += spelling
                return
            }
            output.append(UInt8(truncatingIfNeeded: bytes[Int(scalar)]))
            position += length
        }
    }
}
