/// Files that hold a `SavedState`: HDF5, readable by h5py, h5dump and everything else that knows the format, sealed
/// against damage, and there whole or not at all.
public enum StateFile {
    /// Writes a state; an existing file of the name is replaced in one step.
    ///
    /// The file is made in memory first, which takes as much as it has bytes. Equal states give equal bytes.
    /// - Throws: `ModelFileError`: `unwritable` with the old file as it was, `unsupported` for a name or text that a file
    ///   can't hold.
    public static func write(_ state: SavedState, to path: String) throws(ModelFileError) {
        try HDF5Library.alone { () throws(ModelFileError) in
            try HDF5Writer.withImage(of: state, userBlock: StateSeal.length) { image throws(ModelFileError) in
                let seal = StateSeal.bytes(of: image)
                try AtomicFile.write(to: path) { file throws(ModelFileError) in
                    try file.write(seal)
                    try file.write(UnsafeRawBufferPointer(rebasing: image[StateSeal.length...]))
                }
            }
        }
    }

    /// Reads a state. The whole file is checked before anything in it is used.
    ///
    /// - Throws: `ModelFileError`: `unreadable`, `malformed` if the file is damaged or cut short, `unsupported` if it is
    ///   of another version.
    public static func read(_ path: String) throws(ModelFileError) -> SavedState {
        let file = try MappedFile(path: path)
        defer { withExtendedLifetime(file) {} }
        try StateSeal.check(file.bytes, path: path)
        return try HDF5Library.alone { () throws(ModelFileError) in
            try HDF5Reader(path: path, byteCount: file.bytes.count).read()
        }
    }

    /// Whether a file begins as state files do; it may be damaged.
    public static func isOne(_ file: MappedFile) -> Bool {
        file.withBytes { $0.starts(with: "touchstone state ".utf8) }
    }
}
