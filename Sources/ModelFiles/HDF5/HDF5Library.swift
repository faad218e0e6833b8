import CHDF5
import Synchronization

/// Calls into libhdf5: one at a time, silent, with every identifier closed.
///
/// The library is given memory only, never a file to write. When a disk is full, version 1.10 can't close the file, and
/// crashes when the program ends (measured: a segmentation fault in its exit handler); so images are made in memory and
/// written by `AtomicFile`.
enum HDF5Library {
    private static let lock = Mutex(())

    /// Runs a piece of work alone: the library may have been built without thread safety.
    static func alone<Result: ~Copyable>(
        _ body: () throws(ModelFileError) -> sending Result
    ) throws(ModelFileError) -> Result {
        try lock.withLock { _ throws(ModelFileError) in
            // The library's own messages on standard error, which each thread has to switch off.
            H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
            return try body()
        }
    }

    /// Gives an identifier to a closure and closes it afterwards.
    ///
    /// - Parameter id: What a call of the library returned; negative when it failed.
    /// - Parameter deed: What the call was to do, for the message.
    static func with<Result>(
        _ id: hid_t, closing close: (hid_t) -> herr_t, _ deed: @autoclosure () -> String,
        _ body: (hid_t) throws(ModelFileError) -> Result
    ) throws(ModelFileError) -> Result {
        guard id >= 0 else { throw failure(deed()) }
        let result: Result
        do throws(ModelFileError) { result = try body(id) } catch {
            _ = close(id)
            throw error
        }
        guard close(id) >= 0 else { throw failure("finish to \(deed())") }
        return result
    }

    /// Checks what a call returned.
    static func check(_ status: herr_t, _ deed: @autoclosure () -> String) throws(ModelFileError) {
        if status < 0 { throw failure(deed()) }
    }

    static func failure(_ deed: String) -> ModelFileError {
        ModelFileError(.malformed, "HDF5 can't \(deed); is memory short, or the file of another kind?")
    }
}
