import Foundation

/// A file mapped read-only into memory; unmapped when the last tensor that points into it is gone.
public final class MappedFile: @unchecked Sendable {
    /// The path it was opened with.
    public let path: String
    /// The whole file. Valid as long as this object lives: don't take it from a temporary, use `withBytes`.
    public let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Maps a regular file.
    ///
    /// - Throws: `ModelFileError` (`unreadable`) if it is missing, not a regular file, or can't be mapped.
    public init(path: String) throws(ModelFileError) {
        self.path = path
        isMapped = true
        // Without O_NONBLOCK the opening of a named pipe waits for ever.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw ModelFileError(.unreadable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ModelFileError(.unreadable, "\(path) is not a regular file")
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw ModelFileError(.unreadable, "cannot map \(path): \(String(cString: strerror(errno)))")
        }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    /// A file that is only in memory, under a name for error messages.
    ///
    /// - Parameter fill: Writes all of its bytes.
    public init<Failure>(
        path: String, byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        do { try fill(copy) } catch {
            copy.deallocate()
            throw error
        }
        self.path = path
        isMapped = false
        bytes = UnsafeRawBufferPointer(copy)
    }

    /// A file that is only in memory: a copy of some bytes, under a name for error messages.
    public convenience init(copying contents: [UInt8], path: String) {
        self.init(path: path, byteCount: contents.count) { $0.copyBytes(from: contents) }
    }

    /// Gives the whole file to a closure and keeps it mapped meanwhile: for files that nothing else holds.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(self) { try body(bytes) }
    }

    /// Lets go of the memory that a range of the file was read through. Its bytes stay valid: they are read from the file
    /// again when they are asked for. So a model larger than memory can be worked through piece by piece.
    public func discard(_ range: Range<Int>) {
        guard isMapped, let start = bytes.baseAddress else { return }
        let page = 4096
        // Whole pages only: the neighbours are still in use.
        let first = (range.lowerBound + page - 1) / page * page
        let last = (range.upperBound == bytes.count ? range.upperBound : range.upperBound / page * page)
        guard last > first, last <= bytes.count else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + first), last - first, MADV_DONTNEED)
    }

    deinit {
        if isMapped {
            if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
        } else {
            bytes.deallocate()
        }
    }
}
