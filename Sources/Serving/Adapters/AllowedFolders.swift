import Foundation
import ModelFiles
import TensorCore

/// The folders that adapters may be read from. Whatever a client names must lie in one of them, links and `..` resolved.
///
/// Files are read into memory from descriptors whose own place has been checked, so that nothing that is moved, exchanged
/// or cut short meanwhile can lead elsewhere or end the process.
public struct AllowedFolders: Sendable {
    /// Most bytes of an adapter's weights.
    public static let maximumWeightBytes = 4 << 30
    /// Most bytes of adapter_config.json.
    static let maximumConfigurationBytes = 1 << 20

    /// Bytes that are read without a break.
    private static let bytesAtATime = 1 << 16

    /// The folders with every link resolved.
    public let roots: [String]

    /// Folders by their paths.
    ///
    /// - Throws: `ServingError` for one that is not there.
    public init(_ paths: [String]) throws(ServingError) {
        var roots: [String] = []
        for path in paths {
            guard let root = Self.resolve(path), PathStatus(root)?.isFolder == true else {
                throw ServingError(.notFound, "\(path): no such folder; it was to hold adapters")
            }
            roots.append(root)
        }
        self.roots = roots
    }

    /// Whether a path without links lies in one of the folders.
    func contains(_ resolved: String) -> Bool {
        roots.contains { resolved == $0 || resolved.hasPrefix($0 == "/" ? "/" : $0 + "/") }
    }

    /// Reads an adapter's folder.
    ///
    /// - Parameter path: Absolute, or counted from the first of the folders.
    /// - Throws: `ServingError`, the same for what is outside and for what does not exist: a client can't look around.
    func read(_ path: String) throws(ServingError) -> AdapterFolder {
        let absolute = path.hasPrefix("/") ? path : "\(roots.first ?? "")/\(path)"
        let refusal = ServingError(
            .notFound, "lora_path leads to no adapter in a folder that adapters are served from", parameter: "lora_path"
        )
        guard !path.utf8.contains(0), path.utf8.count < 4096, let folder = Self.resolve(absolute) else { throw refusal }
        // One descriptor for both files: a folder that is exchanged meanwhile is read as the old one or not at all.
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw refusal }
        defer { close(descriptor) }
        guard
            let configuration = try file(descriptor, "adapter_config.json", limit: Self.maximumConfigurationBytes),
            let weights = try file(descriptor, "adapter_model.safetensors", limit: Self.maximumWeightBytes)
        else { throw refusal }
        do {
            return try AdapterFolder(configuration: configuration, weights: weights)
        } catch {
            throw ServingError(.invalidRequest, "the adapter is refused: \(error.message)", cause: error)
        }
    }

    /// A plain file of a folder, read into memory; `nil` if there is none that may be read.
    private func file(_ folder: CInt, _ name: String, limit: Int) throws(ServingError) -> MappedFile? {
        // Without O_NONBLOCK the opening of a named pipe waits for ever.
        let descriptor = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Where it lies in truth, whatever was exchanged since the path was resolved.
        guard let place = Self.resolve("/proc/self/fd/\(descriptor)"), contains(place) else { return nil }
        guard let status = PathStatus(descriptor: descriptor), status.isPlain else { return nil }
        let size = Int(status.size)
        guard size <= limit else {
            throw ServingError(
                .tooLarge, "the adapter is refused: \(name) has \(size) bytes, at most \(limit) are read")
        }
        return try MappedFile(path: name, byteCount: size) { (bytes) throws(ServingError) in
            var count = 0
            while count < size {
                ComputeDevice.pause()
                let got = Foundation.read(
                    descriptor, bytes.baseAddress.map { $0 + count }, min(size - count, Self.bytesAtATime))
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { break }
                count += got
            }
            guard count == size, PathStatus(descriptor: descriptor) == status else {
                throw ServingError(
                    .invalidRequest, "the adapter is refused: \(name) was written to while it was read")
            }
        }
    }

    /// A path with every link resolved; `nil` if it leads nowhere.
    static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// What identifies the content of a path as long as nobody writes into it.
struct PathStatus: Hashable {
    private let device: UInt64
    private let inode: UInt64
    private let seconds: Int
    private let nanoseconds: Int
    private let mode: UInt32
    /// Bytes.
    let size: Int64

    /// The status of what a path leads to; `nil` if it leads nowhere.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// The status of an open file.
    init?(descriptor: CInt) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        mode = UInt32(status.st_mode)
        size = Int64(status.st_size)
    }

    /// Whether it is a folder.
    var isFolder: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    /// Whether it is a plain file.
    var isPlain: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
}
