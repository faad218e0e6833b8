import Foundation

/// Writes folders so that each appears with all its files or not at all.
///
/// The files are written into a hidden temporary folder beside it, which gets its name by a rename. When anything fails, the
/// temporary folder is removed.
public enum AtomicFolder {
    /// Writes a folder with the files that a closure creates.
    ///
    /// - Parameter path: Where the folder shall be. Its parent must exist; an empty folder may stand there.
    /// - Parameter replacing: Whether a folder with files that stands there is replaced. The exchange is one step, so that
    ///   there is always a whole folder of that name (on file systems that can exchange).
    /// - Parameter body: Is given the temporary folder's path. Files written with `AtomicFile` are durable.
    /// - Throws: `ModelFileError` (`unwritable`), or what the closure throws; then nothing is left behind.
    public static func write(
        to path: String, replacing: Bool = false, _ body: (_ temporaryPath: String) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        let temporaryPath = AtomicFile.temporarySibling(of: path)
        guard mkdir(temporaryPath, 0o777) == 0 else { throw .cannot("write", path, errno) }
        do throws(ModelFileError) {
            try body(temporaryPath)
            AtomicFile.synchronizeFolder(temporaryPath)
            try move(temporaryPath, to: path, replacing: replacing)
        } catch {
            try? FileManager.default.removeItem(atPath: temporaryPath)
            throw error
        }
        AtomicFile.synchronizeFolder(AtomicFile.parent(of: path))
    }

    private static func move(_ source: String, to path: String, replacing: Bool) throws(ModelFileError) {
        if rename(source, path) == 0 { return }
        switch errno {
        case ENOTEMPTY, EEXIST: break
        case ENOTDIR: throw ModelFileError(.unwritable, "cannot write \(path): a file of this name exists; remove it")
        case let number: throw .cannot("write", path, number)
        }
        guard replacing else {
            throw ModelFileError(
                .unwritable,
                "cannot write \(path): the folder exists and is not empty; remove it or choose another name")
        }
        if !exchange(source, path) {
            // This file system can't exchange: the old folder steps aside first.
            let oldPath = AtomicFile.temporarySibling(of: path)
            guard rename(path, oldPath) == 0 else { throw .cannot("replace", path, errno) }
            guard rename(source, path) == 0 else {
                let number = errno
                rename(oldPath, path)
                throw .cannot("write", path, number)
            }
            try? FileManager.default.removeItem(atPath: oldPath)
            return
        }
        try? FileManager.default.removeItem(atPath: source)
    }

    /// Swaps two names in one step: Linux's `renameat2` with `RENAME_EXCHANGE`, which Swift's module of the C library hides.
    private static func exchange(_ first: String, _ second: String) -> Bool {
        typealias RenameAt2 =
            @convention(c) (CInt, UnsafePointer<CChar>, CInt, UnsafePointer<CChar>, CUnsignedInt) -> CInt
        guard let symbol = dlsym(nil, "renameat2") else { return false }
        return unsafeBitCast(symbol, to: RenameAt2.self)(AT_FDCWD, first, AT_FDCWD, second, 2) == 0
    }
}
