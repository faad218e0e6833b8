import Foundation
import OrderedJSON

/// Appends lines to a JSON Lines file so that a killed process leaves whole lines only.
///
/// Each line goes out in one `write` to a file opened with `O_APPEND`. A line that a crash or a full disk cut short is taken
/// off again: at once if the process lives, else when the file is next opened.
public final class JSONLinesWriter: @unchecked Sendable {
    /// The file.
    public let path: String
    /// Bytes of a torn last line that were cut off on opening; 0 as a rule.
    public let repairedBytes: Int

    private let descriptor: Int32
    private let lock = NSLock()

    /// Opens a file to append to; creates it if it is not there.
    ///
    /// - Throws: `TrackingError` if it can't be opened or mended.
    public init(path: String) throws(TrackingError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TrackingError(
                .unreadable, "\(path): can't be opened (\(SystemFile.reason(errno))); check that its folder exists")
        }
        do throws(TrackingError) {
            repairedBytes = try Self.cutTornLine(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Appends one line.
    ///
    /// - Parameter record: Written compactly, with NaN and infinities as `MetricsRecord` says.
    /// - Throws: `TrackingError`; the file then ends with the line before.
    public func append(_ record: JSONObject) throws(TrackingError) {
        try append(line: MetricsRecord.line(record))
    }

    private func append(line: String) throws(TrackingError) {
        let bytes = Array((line + "\n").utf8)
        lock.lock()
        defer { lock.unlock() }
        let start = lseek(descriptor, 0, SEEK_END)
        let written = SystemFile.retrying { write(descriptor, bytes, bytes.count) }
        guard written != bytes.count else { return }
        let reason =
            written < 0 ? SystemFile.reason(errno) : "only \(written) of \(bytes.count) bytes; the disk is full"
        if written > 0, start >= 0 { _ = ftruncate(descriptor, start) }
        throw TrackingError(
            .unwritable, "\(path): a line could not be written (\(reason)); free some space and resume the run")
    }

    /// Bytes of the file.
    public var byteCount: Int { Int(lseek(descriptor, 0, SEEK_END)) }

    /// Takes off everything behind a length, as a resumed run does with the records of steps that it will take again.
    ///
    /// - Throws: `TrackingError` (`unreadable`) if the file is shorter or a line would be cut, `unwritable`; the file is
    ///   then as it was.
    public func cut(to length: Int) throws(TrackingError) {
        lock.lock()
        defer { lock.unlock() }
        var last: UInt8 = 0
        let isLine = length == 0 || pread(descriptor, &last, 1, length - 1) == 1 && last == 0x0A
        guard byteCount >= length, isLine else {
            throw TrackingError(
                .unreadable,
                "\(path): \(byteCount) bytes without a line's end at \(length), where the checkpoint was taken; "
                    + "the file was changed since: put the old one back, or begin a new run")
        }
        guard SystemFile.retrying({ Int(ftruncate(descriptor, off_t(length))) }) == 0 else {
            throw TrackingError(
                .unwritable, "\(path): can't be cut to \(length) bytes (\(SystemFile.reason(errno))); check permissions"
            )
        }
    }

    /// Waits until everything appended is on the disk.
    public func synchronize() throws(TrackingError) {
        guard SystemFile.retrying({ Int(fsync(descriptor)) }) == 0 else {
            throw TrackingError(
                .unwritable, "\(path): could not be brought to the disk (\(SystemFile.reason(errno))); check the disk")
        }
    }

    /// Cuts the file after its last newline; reads backwards in blocks.
    private static func cutTornLine(_ descriptor: Int32, _ path: String) throws(TrackingError) -> Int {
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size > 0 else { return 0 }
        var block = [UInt8](repeating: 0, count: 65_536)
        var end = size
        var keep = 0
        while end > 0 {
            let start = max(0, end - block.count)
            let count = SystemFile.retrying { pread(descriptor, &block, end - start, start) }
            guard count == end - start else {
                throw TrackingError(
                    .unreadable, "\(path): its end can't be read (\(SystemFile.reason(errno))); check the disk")
            }
            if let newline = block[..<count].lastIndex(of: 0x0A) {
                keep = start + newline + 1
                break
            }
            end = start
        }
        guard keep < size else { return 0 }
        guard ftruncate(descriptor, keep) == 0 else {
            throw TrackingError(
                .unwritable,
                "\(path): its torn last line can't be cut off (\(SystemFile.reason(errno))); check permissions")
        }
        return size - keep
    }
}
