import Crypto
import Foundation
import FoundationNetworking
import OrderedJSON
import Synchronization

/// Fetches the files of a repository into a folder that appears when all of them are there and checked. What was fetched
/// before an interruption is kept beside it, in `FOLDER.download`, and gone on with.
public struct HubDownload: Sendable {
    /// The hub.
    public let endpoint: HubEndpoint
    /// The repository.
    public let repository: HubRepository
    /// Seconds without a byte after which the server counts as lost.
    public var idle: Double = 60
    private static let listingBytes = 32 << 20

    /// A download.
    public init(_ repository: HubRepository, endpoint: HubEndpoint) {
        self.repository = repository
        self.endpoint = endpoint
    }

    /// Asks the hub what the repository holds.
    ///
    /// - Throws: `HubError`.
    public func listing() async throws -> HubListing {
        let parts =
            ["api", "models"] + repository.name.split(separator: "/").map(String.init) + [
                "revision", repository.revision,
            ]
        let body = Mutex(Data())
        let name = repository.name
        _ = try await HubTransfer.get(
            try endpoint.url(parts, query: "blobs=true"), endpoint: endpoint, name: name, idle: idle
        ) { response throws(HubError) in
            try Self.require(response, [200], name)
        } receive: { data throws(HubError) in
            let size = body.withLock {
                $0.append(data)
                return $0.count
            }
            if size > Self.listingBytes {
                throw HubError(.malformed, "\(name): the hub's listing is longer than \(Self.listingBytes) bytes")
            }
        }
        let bytes = body.withLock { $0 }
        let json: JSONValue
        do { json = try JSONValue(parsing: bytes) } catch {
            throw HubError(.malformed, "\(name): the hub's listing is not JSON: \(error)", cause: error)
        }
        return try HubListing(json, of: name)
    }

    /// Fetches files and puts the folder in its place.
    ///
    /// - Parameter progress: Sees each file with its bytes so far.
    /// - Throws: `HubError`; the folder is not there then, but what is whole of it is kept for the next try.
    public func fetch(
        _ files: [HubListing.File], commit: String, to folder: String,
        progress: @escaping @Sendable (HubListing.File, Int) -> Void = { _, _ in }
    ) async throws {
        let staging = folder + ".download"
        // Parts of another commit are parts of other files.
        try Self.prepare(staging, for: "\(repository.name)@\(commit)")
        for file in files {
            try await fetch(file, commit: commit, into: staging, progress)
        }
        try? FileManager.default.removeItem(atPath: staging + "/" + Self.marker)
        guard rename(staging, folder) == 0 else {
            throw HubError(.unwritable, "cannot write \(folder): \(String(cString: strerror(errno)))")
        }
    }

    /// The file of a folder in the making that says what it is of; no repository may have one of this name.
    static let marker = ".repository"

    private static func prepare(_ staging: String, for identity: String) throws(HubError) {
        let manager = FileManager.default
        let path = "\(staging)/\(marker)"
        let known = manager.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
        do {
            if known != identity {
                if manager.fileExists(atPath: staging) {
                    guard known != nil else {
                        throw HubError(
                            .unwritable,
                            "\(staging) exists and is not of a download; remove it or choose another --output")
                    }
                    try manager.removeItem(atPath: staging)
                }
                try manager.createDirectory(atPath: staging, withIntermediateDirectories: false)
                try Data(identity.utf8).write(to: URL(fileURLWithPath: path))
            }
        } catch let error as HubError { throw error } catch {
            throw HubError(.unwritable, "cannot write \(staging): \(error.localizedDescription)", cause: error)
        }
    }

    private func fetch(
        _ file: HubListing.File, commit: String, into staging: String,
        _ progress: @escaping @Sendable (HubListing.File, Int) -> Void
    ) async throws {
        let target = "\(staging)/\(file.path)"
        if FileManager.default.fileExists(atPath: target) { return progress(file, file.size ?? 0) }
        let parent = URL(fileURLWithPath: target).deletingLastPathComponent().path
        do { try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true) } catch {
            throw HubError(.unwritable, "cannot write \(parent): \(error.localizedDescription)", cause: error)
        }
        let part = try PartialFile(target + ".part", limit: file.size)
        let name = "\(repository.name)/\(file.path)"
        if file.size == nil || part.count < file.size ?? 0 || part.count == 0 {
            let parts =
                repository.name.split(separator: "/").map(String.init) + ["resolve", commit]
                + file.path.split(separator: "/").map(String.init)
            let start = file.size == nil ? 0 : part.count
            if start == 0 { try part.restart() }
            _ = try await HubTransfer.get(
                try endpoint.url(parts), endpoint: endpoint, name: name, from: start, idle: idle
            ) { response throws(HubError) in
                try Self.require(response, [200, 206], name)
                // A server that knows no ranges sends all of it again.
                if response.statusCode == 200 {
                    try part.restart()
                } else {
                    try Self.requireRange(response, start, name)
                }
            } receive: { data throws(HubError) in
                try part.append(data, name: name)
                progress(file, part.count)
            }
        }
        try part.finish()
        do throws(HubError) { try Self.verify(target + ".part", file, name) } catch {
            unlink(target + ".part")
            throw error
        }
        guard rename(target + ".part", target) == 0 else {
            throw HubError(.unwritable, "cannot write \(target): \(String(cString: strerror(errno)))")
        }
    }

    private static func require(_ response: HTTPURLResponse, _ expected: [Int], _ name: String) throws(HubError) {
        guard !expected.contains(response.statusCode) else { return }
        let advice =
            switch response.statusCode {
            case 401, 403: "; it is private or gated: set HF_TOKEN to a token that may read it"
            case 404: "; is the name or revision right? Private repositories need HF_TOKEN"
            case 429: "; too many requests: wait a while"
            default: ""
            }
        throw HubError(.refused, "\(name): the hub answers with status \(response.statusCode)\(advice)")
    }

    private static func requireRange(_ response: HTTPURLResponse, _ start: Int, _ name: String) throws(HubError) {
        let range = response.value(forHTTPHeaderField: "Content-Range") ?? ""
        guard range.hasPrefix("bytes \(start)-") else {
            throw HubError(
                .malformed, "\(name): the hub sends the range '\(range.prefix(60))', asked was bytes \(start)-")
        }
    }

    /// Compares size and checksum with the listing.
    private static func verify(_ path: String, _ file: HubListing.File, _ name: String) throws(HubError) {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw HubError(.unwritable, "cannot read \(path)")
        }
        defer { try? handle.close() }
        var size = 0
        var sha256 = SHA256()
        var sha1 = Insecure.SHA1()
        let length = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber)?.intValue ?? 0
        sha1.update(data: Data("blob \(length)\0".utf8))
        do {
            while let data = try handle.read(upToCount: 4 << 20), !data.isEmpty {
                size += data.count
                if file.sha256 != nil { sha256.update(data: data) } else { sha1.update(data: data) }
            }
        } catch { throw HubError(.unwritable, "cannot read \(path): \(error.localizedDescription)", cause: error) }
        if let expected = file.size, expected != size {
            throw HubError(.damaged, "\(name): \(size) bytes came, expected \(expected); try again")
        }
        let got = file.sha256 != nil ? hexadecimal(sha256.finalize()) : hexadecimal(sha1.finalize())
        if let expected = file.sha256 ?? file.blob, expected != got {
            throw HubError(.damaged, "\(name): the checksum is \(got), expected \(expected); try again")
        }
    }

    private static func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
        digest.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
}

/// A file that is being fetched. Never longer than the listing says.
private final class PartialFile: Sendable {
    private let path: String
    private let limit: Int?
    private let state: Mutex<(descriptor: Int32, count: Int)>

    init(_ path: String, limit: Int?) throws(HubError) {
        self.path = path
        self.limit = limit
        // O_NOFOLLOW: what lies there must not lead elsewhere.
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw HubError(.unwritable, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let count = Int(lseek(descriptor, 0, SEEK_END))
        state = Mutex((descriptor, max(0, count)))
        if let limit, count > limit { try restart() }
    }

    deinit { state.withLock { if $0.descriptor >= 0 { _ = close($0.descriptor) } } }

    var count: Int { state.withLock { $0.count } }

    /// Begins again with nothing.
    func restart() throws(HubError) {
        let isDone = state.withLock { state in
            state.count = 0
            return ftruncate(state.descriptor, 0) == 0
        }
        if !isDone { throw HubError(.unwritable, "cannot write \(path): \(String(cString: strerror(errno)))") }
    }

    func append(_ data: Data, name: String) throws(HubError) {
        let failure: HubError? = state.withLock { state in
            if let limit, data.count > limit - state.count {
                return HubError(.damaged, "\(name): more than the listed \(limit) bytes came; try again")
            }
            var rest = Array(data)[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else {
                    return HubError(.unwritable, "cannot write \(path): \(String(cString: strerror(errno)))")
                }
                rest = rest.dropFirst(written)
                state.count += written
            }
            return nil
        }
        if let failure { throw failure }
    }

    func finish() throws(HubError) {
        let isDone = state.withLock { state in
            let synced = fsync(state.descriptor) == 0
            let closed = close(state.descriptor) == 0
            state.descriptor = -1
            return synced && closed
        }
        if !isDone { throw HubError(.unwritable, "cannot write \(path): \(String(cString: strerror(errno)))") }
    }
}
