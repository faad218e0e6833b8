import Foundation

/// Writes files so that each appears whole or not at all, whenever the process is killed or the disk is full.
///
/// The bytes go to a hidden temporary file in the same folder, are flushed to the disk, and get their name by a rename; an
/// existing file of that name is replaced. When anything fails, the temporary file is removed. A process that is killed may
/// leave one behind, named `.NAME.….tmp`.
public enum AtomicFile {
    /// Writes a file with the bytes that a closure appends.
    ///
    /// - Throws: `ModelFileError` (`unwritable`), or what the closure throws; then nothing is left behind.
    public static func write(
        to path: String, _ body: (WritableFile) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        let temporaryPath = temporarySibling(of: path)
        let file = try WritableFile(creating: temporaryPath, for: path)
        do throws(ModelFileError) {
            try body(file)
            try file.finish()
            guard rename(temporaryPath, path) == 0 else { throw .cannot("write", path, errno) }
        } catch {
            unlink(temporaryPath)
            throw error
        }
        synchronizeFolder(parent(of: path))
    }

    /// Writes a file of bytes.
    ///
    /// - Throws: `ModelFileError` (`unwritable`); then nothing is left behind.
    public static func write(_ bytes: [UInt8], to path: String) throws(ModelFileError) {
        try write(to: path) { file throws(ModelFileError) in try file.write(bytes) }
    }

    /// Writes a text file in UTF-8.
    ///
    /// - Throws: `ModelFileError` (`unwritable`); then nothing is left behind.
    public static func write(_ text: String, to path: String) throws(ModelFileError) {
        try write(Array(text.utf8), to: path)
    }

    /// A hidden name in the same folder that is not in use.
    static func temporarySibling(of path: String) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? "file"
        let mark = String(UInt64.random(in: .min ... .max), radix: 36)
        // File names have at most 255 bytes.
        return "\(parent(of: path))/.\(name.utf8.count > 200 ? "file" : name).\(mark).tmp"
    }

    /// The folder that a path lies in.
    static func parent(of path: String) -> String {
        let trimmed = path.reversed().drop { $0 == "/" }
        guard let slash = trimmed.firstIndex(of: "/") else { return path.hasPrefix("/") ? "/" : "." }
        let folder = String(trimmed[slash...].drop { $0 == "/" }.reversed())
        return folder.isEmpty ? "/" : folder
    }

    /// Makes the names in a folder durable; file systems that can't are left alone.
    static func synchronizeFolder(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
