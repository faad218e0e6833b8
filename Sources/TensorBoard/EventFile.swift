import Foundation
import Tracking

/// A file that is brought to a sequence of records: as long as they are there already nothing is written, from the first
/// that is not the file is cut and they are appended.
final class EventFile {
    private let path: String
    private let descriptor: Int32
    private var length = 0
    private var isComparing = true

    /// Opens or creates a file.
    ///
    /// - Throws: `TrackingError` (`unwritable`).
    init(folder: String, name: String) throws(TrackingError) {
        path = "\(folder)/\(name)"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw TrackingError(
                .unwritable, "\(folder): can't be created (\(error.localizedDescription)); check the disk", cause: error
            )
        }
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw TrackingError(
                .unwritable, "\(path): can't be opened (\(String(cString: strerror(errno)))); check permissions")
        }
    }

    deinit { close(descriptor) }

    /// The next record.
    ///
    /// - Throws: `TrackingError` (`unwritable`); the file then ends with the record before.
    func put(_ record: [UInt8]) throws(TrackingError) {
        if isComparing {
            var present = [UInt8](repeating: 0, count: record.count)
            if pread(descriptor, &present, present.count, off_t(length)) == record.count, present == record {
                length += record.count
                return
            }
            try endComparing()
        }
        let written = pwrite(descriptor, record, record.count, off_t(length))
        guard written == record.count else {
            let reason = written < 0 ? String(cString: strerror(errno)) : "the disk is full"
            ftruncate(descriptor, off_t(length))
            throw TrackingError(
                .unwritable,
                "\(path): a record could not be written (\(reason)); it is made again from metrics.jsonl "
                    + "when the run goes on")
        }
        length += record.count
    }

    /// Cuts off what lies behind the records so far; from now on records are appended.
    func endComparing() throws(TrackingError) {
        guard isComparing else { return }
        isComparing = false
        guard ftruncate(descriptor, off_t(length)) == 0 else {
            throw TrackingError(
                .unwritable, "\(path): can't be cut (\(String(cString: strerror(errno)))); check permissions")
        }
    }
}
