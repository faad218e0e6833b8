import Glibc

/// The few accesses to system files that the sandbox needs.
enum SystemFile {
    /// A file's text, at most 1 MiB, or `nil` if it can't be read.
    static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < 1 << 20 {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Writes into a file that is there (or makes it, if `mode` is given). Returns whether that worked.
    @discardableResult static func write(_ bytes: [UInt8], to path: String, mode: mode_t? = nil) -> Bool {
        let flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (mode == nil ? 0 : O_CREAT | O_EXCL)
        let file = open(path, flags, mode ?? 0)
        guard file >= 0 else { return false }
        defer { close(file) }
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    /// Writes a text into a file that is there.
    @discardableResult static func write(_ text: String, to path: String) -> Bool { write(Array(text.utf8), to: path) }

    /// The path behind all links, or `nil` if there is nothing.
    static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Whether a path can be executed.
    static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    /// The names in a folder.
    static func names(in folder: String) -> [String] {
        guard let opened = opendir(folder) else { return [] }
        defer { closedir(opened) }
        var names: [String] = []
        while let entry = readdir(opened) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The first executable of this name in the usual folders.
    static func executable(named name: String) -> String? {
        ["/usr/bin", "/bin", "/usr/local/bin"].map { "\($0)/\(name)" }.first(where: isExecutable)
    }
}
