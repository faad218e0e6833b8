import Crypto
import Foundation

/// Keys of a file, one a line; empty lines and those that begin with `#` don't count.
///
/// A key is compared by its SHA-256 with every key, all bytes of it: how long that takes tells nothing about the keys.
public struct KeyRing: Sendable {
    private let digests: [[UInt8]]
    /// Longest file that is read, in bytes.
    private static let maximumBytes = 1 << 20

    /// Keys.
    init(keys: [String]) { digests = keys.map(Self.digest) }

    /// The keys of a file.
    ///
    /// - Throws: `ServingError` for a file that can't be read or has no keys.
    public init(file: String) throws(ServingError) {
        guard let data = FileManager.default.contents(atPath: file), data.count <= Self.maximumBytes else {
            throw ServingError(.notFound, "\(file): can't be read; it was to hold keys, one a line")
        }
        let keys = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard !keys.isEmpty else { throw ServingError(.notFound, "\(file): has no keys, expected one a line") }
        self.init(keys: keys)
    }

    /// Whether a key is one of them.
    public func contains(_ key: String) -> Bool {
        let given = Self.digest(key)
        var isKnown = false
        for digest in digests {
            var difference: UInt8 = 0
            for index in digest.indices { difference |= digest[index] ^ given[index] }
            isKnown = isKnown || difference == 0
        }
        return isKnown
    }

    private static func digest(_ key: String) -> [UInt8] { Array(SHA256.hash(data: Data(key.utf8))) }
}
