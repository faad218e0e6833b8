import Foundation
import OrderedJSON

/// The files of a repository at one commit, as the hub lists them; every path has been checked.
public struct HubListing: Sendable {
    /// A file.
    public struct File: Sendable, Hashable {
        /// Its path in the repository: plain names, none of which leads out of a folder.
        public let path: String
        /// Bytes, if the hub says so.
        public let size: Int?
        /// SHA-256 of the content, 64 digits, for large files.
        public let sha256: String?
        /// Git's SHA-1 of the blob, 40 digits, for files that git holds itself.
        public let blob: String?
    }

    /// The most files that a repository may have.
    public static let maximumFiles = 10_000
    /// The most bytes that a file may have: so many that all together can still be counted.
    public static let maximumFileBytes = 1 << 48

    /// The commit, 40 digits.
    public let commit: String
    /// The files in the hub's order.
    public let files: [File]

    /// Reads the hub's answer to `api/models/OWNER/NAME/revision/REVISION?blobs=true`.
    ///
    /// - Throws: `HubError` (`malformed`).
    init(_ json: JSONValue, of name: String) throws(HubError) {
        guard let commit = json["sha"]?.stringValue, Self.isDigest(commit, 40),
            let siblings = json["siblings"]?.arrayValue, siblings.count <= Self.maximumFiles
        else {
            throw HubError(.malformed, "\(name): the hub's listing has no commit or no files; is HF_ENDPOINT a hub?")
        }
        self.commit = commit
        var files: [File] = []
        var seen: Set<String> = []
        for sibling in siblings {
            let path = sibling["rfilename"]?.stringValue ?? ""
            guard Self.isSafe(path) else {
                throw HubError(
                    .malformed,
                    "\(name): the hub lists the file '\(path.prefix(80))', which would lie outside the folder or has an impossible name"
                )
            }
            // Case differs between file systems; two files must not become one.
            guard seen.insert(path.lowercased()).inserted else {
                throw HubError(.malformed, "\(name): the hub lists the file '\(path)' twice")
            }
            files.append(try Self.file(sibling, path: path, of: name))
        }
        if let file = files.first(where: { Self.isBelowAnother($0.path, seen) }) {
            throw HubError(.malformed, "\(name): the hub lists '\(file.path)' below a file")
        }
        self.files = files
    }

    private static func file(_ json: JSONValue, path: String, of name: String) throws(HubError) -> File {
        let size = json["lfs"]?["size"]?.intValue ?? json["size"]?.intValue
        let sha256 = json["lfs"]?["sha256"]?.stringValue ?? json["lfs"]?["oid"]?.stringValue
        let blob = json["lfs"]?.objectValue == nil ? json["blobId"]?.stringValue : nil
        guard 0...maximumFileBytes ~= size ?? 0, sha256.map({ isDigest($0, 64) }) ?? true,
            blob.map({ isDigest($0, 40) }) ?? true
        else {
            throw HubError(.malformed, "\(name): the hub lists '\(path)' with an impossible size or checksum")
        }
        return File(path: path, size: size, sha256: sha256?.lowercased(), blob: blob?.lowercased())
    }

    /// Whether a file of another name is one of the folders of a path.
    private static func isBelowAnother(_ path: String, _ paths: Set<String>) -> Bool {
        var parts = path.lowercased().split(separator: "/")
        while parts.count > 1 {
            parts.removeLast()
            if paths.contains(parts.joined(separator: "/")) { return true }
        }
        return false
    }

    static func isSafe(_ path: String) -> Bool {
        guard path.lowercased() != HubDownload.marker else { return false }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= 1024 && parts.count <= 8
            && parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 200 && !part.hasSuffix(".part")
                    && !part.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || $0 == "\\" || $0 == ":" }
            }
    }

    private static func isDigest(_ text: String, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { byte in
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
                    || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
            }
    }

    /// The files that a command wants: those that match one of the patterns, or what a model or adapter needs: weights as
    /// safetensors or GGUF, JSON, tokenizer and template files. Pickles and other frameworks' weights are left out.
    ///
    /// - Parameter patterns: Names or shell patterns with `*` and `?`.
    /// - Throws: `HubError` (`invalidName`) if nothing is left, or several GGUF files would come that nobody chose.
    public func selected(_ patterns: [String]) throws(HubError) -> [File] {
        guard patterns.isEmpty else {
            let chosen = files.filter { file in patterns.contains { fnmatch($0, file.path, 0) == 0 } }
            if chosen.isEmpty {
                throw HubError(.invalidName, "no file matches --include; there are \(Self.names(files))")
            }
            return chosen
        }
        let endings = [".safetensors", ".json", ".jinja", ".txt", ".tiktoken", ".gguf", ".md"]
        let chosen = files.filter { file in
            let name = file.path.split(separator: "/").last.map(String.init) ?? ""
            return !file.path.contains("/")
                && (endings.contains(where: name.hasSuffix) || name.hasPrefix("LICENSE") || name == "NOTICE")
        }
        let gguf = chosen.filter { $0.path.hasSuffix(".gguf") }
        let hasWeights = chosen.contains { $0.path.hasSuffix(".safetensors") }
        if hasWeights { return chosen.filter { !$0.path.hasSuffix(".gguf") } }
        if gguf.count > 1 {
            throw HubError(.invalidName, "there are several GGUF files: choose one with --include: \(Self.names(gguf))")
        }
        guard !chosen.isEmpty else {
            throw HubError(.invalidName, "there is no file of a model or adapter; there are \(Self.names(files))")
        }
        return chosen
    }

    private static func names(_ files: [File]) -> String {
        files.prefix(20).map(\.path).joined(separator: ", ") + (files.count > 20 ? ", …" : "")
    }
}
