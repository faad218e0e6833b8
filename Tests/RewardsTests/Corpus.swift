import Foundation
import OrderedJSON

/// Shared reference rows, beside the package.
enum Corpus {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared/corpora")

    static func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: name).path)
    }

    /// The rows of a JSON Lines file.
    static func rows(_ name: String) throws -> [JSONValue] {
        let data = try Data(contentsOf: folder.appending(path: name))
        return try data.split(separator: 0x0A).map { try JSONValue(parsing: $0) }
    }
}
