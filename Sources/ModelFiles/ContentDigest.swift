import Crypto

/// SHA-256 of content, in hexadecimal: equal content, equal digest.
///
/// Source: FIPS 180-4. The digests of whole files are those of `sha256sum`.
public struct ContentDigest {
    private var hash = SHA256()

    /// The digest of nothing yet.
    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    /// Adds a text as UTF-8, and a zero byte, so that texts can't run together.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        withUnsafeBytes(of: UInt8(0)) { hash.update(bufferPointer: $0) }
    }

    /// The digest of what was added, 64 digits.
    public var hexadecimal: String {
        hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 2 ? digits : "0" + digits
        }.joined()
    }

    /// The digest of some bytes.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        var digest = ContentDigest()
        digest.update(bytes)
        return digest.hexadecimal
    }

    /// The digest of a file. Large ones take no memory meanwhile.
    ///
    /// - Throws: `ModelFileError` (`unreadable`).
    public static func ofFile(_ path: String) throws(ModelFileError) -> String {
        let file = try MappedFile(path: path)
        return file.withBytes { bytes in
            var digest = ContentDigest()
            for start in stride(from: 0, to: bytes.count, by: 16 << 20) {
                let part = start..<min(start + (16 << 20), bytes.count)
                digest.update(UnsafeRawBufferPointer(rebasing: bytes[part]))
                file.discard(part)
            }
            return digest.hexadecimal
        }
    }
}
