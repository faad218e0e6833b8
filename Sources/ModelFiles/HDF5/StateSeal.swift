/// The first 512 bytes of a state file, which HDF5 leaves to its users: what it is, how long, and the SHA-256 of all that
/// follows.
///
///     touchstone state 1
///     bytes 73216
///     sha256 0f5cb2a0…
///
/// and zeros. Every bit of the file is covered: the digest covers what follows, and the seal itself is compared as a whole.
/// So damage and cuts are found before a byte is interpreted, and anyone can check a file with
/// `tail -c +513 FILE | sha256sum`.
struct StateSeal {
    /// Bytes of the seal.
    static let length = 512
    /// The version of the layout of seal and values.
    static let version = 1
    private static let mark = "touchstone state "

    /// The seal of a file.
    ///
    /// - Parameter file: The whole file; its first `length` bytes don't matter.
    static func bytes(of file: UnsafeRawBufferPointer) -> [UInt8] {
        let digest = ContentDigest.of(UnsafeRawBufferPointer(rebasing: file[length...]))
        let text = "\(mark)\(version)\nbytes \(file.count)\nsha256 \(digest)\n"
        return Array(text.utf8) + [UInt8](repeating: 0, count: length - text.utf8.count)
    }

    /// Checks a whole file.
    ///
    /// - Throws: `ModelFileError`: `malformed` if it is damaged, cut short or of another kind, `unsupported` if it is of
    ///   another version.
    static func check(_ file: UnsafeRawBufferPointer, path: String) throws(ModelFileError) {
        let head = String(decoding: file.prefix(length).prefix { $0 != 0 }, as: UTF8.self)
        guard head.hasPrefix(mark) else {
            throw ModelFileError(
                .malformed, "\(path): not a state file, or its first bytes are damaged; expected '\(mark)\(version)'")
        }
        let lines = head.split(separator: "\n", omittingEmptySubsequences: false).map { String($0.prefix(100)) }
        guard lines[0] == mark + String(version) else {
            throw ModelFileError(
                .unsupported,
                "\(path): is '\(lines[0].prefix(40))', this version reads '\(mark)\(version)'; use the version that wrote it"
            )
        }
        if let told = lines.count > 1 ? Int(lines[1].dropFirst("bytes ".count)) : nil, told > file.count {
            throw ModelFileError(.malformed, "\(path): cut short: \(file.count) bytes of \(told)")
        }
        guard file.count > length, bytes(of: file).elementsEqual(file.prefix(length)) else {
            throw ModelFileError(
                .malformed, "\(path): damaged: its bytes don't have the SHA-256 that it was sealed with")
        }
    }
}
