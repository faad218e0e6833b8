import Foundation

/// A file that is being written; given to the closures of `AtomicFile` and closed by it.
public final class WritableFile {
    /// The path of the file as it will be, for error messages.
    public let path: String
    /// Bytes written so far.
    public private(set) var byteCount = 0
    private var descriptor: Int32

    /// Creates a new file, or opens an existing one for the tests of a full disk.
    init(creating temporaryPath: String, for path: String, flags: Int32 = O_CREAT | O_EXCL) throws(ModelFileError) {
        self.path = path
        descriptor = open(temporaryPath, O_WRONLY | O_CLOEXEC | flags, 0o666)
        if descriptor < 0 { throw .cannot("write", path, errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Appends bytes.
    ///
    /// - Throws: `ModelFileError` (`unwritable`), for example when the disk is full.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ModelFileError) {
        try OutputRequest.check(path)
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let count = Foundation.write(descriptor, start, min(rest.count, 1 << 30))
            if count < 0 {
                if errno == EINTR { continue }
                throw .cannot("write", path, errno)
            }
            byteCount += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Appends bytes.
    ///
    /// - Throws: `ModelFileError` (`unwritable`), for example when the disk is full.
    public func write(_ bytes: [UInt8]) throws(ModelFileError) {
        var failure: ModelFileError?
        bytes.withUnsafeBytes { buffer in
            do throws(ModelFileError) { try write(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Appends a text as UTF-8.
    ///
    /// - Throws: `ModelFileError` (`unwritable`), for example when the disk is full.
    public func write(_ text: String) throws(ModelFileError) { try write(Array(text.utf8)) }

    /// Waits until the bytes are on the disk, and closes the file.
    func finish() throws(ModelFileError) {
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw .cannot("write", path, errno) }
        let status = close(descriptor)
        descriptor = -1
        guard status == 0 else { throw .cannot("write", path, errno) }
    }
}

extension ModelFileError {
    /// A failed system call while writing.
    static func cannot(_ deed: String, _ path: String, _ number: Int32) -> ModelFileError {
        let advice =
            switch number {
            case ENOSPC, EDQUOT: "; free some space and try again"
            case EACCES, EPERM, EROFS: "; choose a folder that may be written"
            case ENOENT, ENOTDIR: "; the folder it is to lie in does not exist"
            default: ""
            }
        return ModelFileError(.unwritable, "cannot \(deed) \(path): \(String(cString: strerror(number)))\(advice)")
    }
}
