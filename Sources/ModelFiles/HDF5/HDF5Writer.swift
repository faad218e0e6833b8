import CHDF5

/// Makes the image of an HDF5 file from a tree: groups for trees, a dataset for each value, no compression, no times, so
/// that equal trees give equal bytes.
enum HDF5Writer {
    /// Gives the bytes of the file to a closure.
    ///
    /// - Parameter userBlock: Bytes at the start that HDF5 leaves alone, all zero; a power of two from 512.
    static func withImage<Result>(
        of state: SavedState, userBlock: Int, _ body: (UnsafeRawBufferPointer) throws(ModelFileError) -> Result
    ) throws(ModelFileError) -> Result {
        try HDF5Library.with(
            H5Pcreate(chdf5_file_creation()), closing: H5Pclose, "prepare a file"
        ) { creation throws(ModelFileError) in
            try HDF5Library.with(
                H5Pcreate(chdf5_file_access()), closing: H5Pclose, "prepare a file"
            ) { access throws(ModelFileError) in
                try HDF5Library.check(H5Pset_userblock(creation, hsize_t(userBlock)), "reserve the first bytes")
                try HDF5Library.check(H5Pset_obj_track_times(creation, false), "leave out times")
                // In memory, growing by a mebibyte at a time, and nothing goes to a disk.
                try HDF5Library.check(H5Pset_fapl_core(access, 1 << 20, false), "work in memory")
                return try HDF5Library.with(
                    H5Fcreate("touchstone-image", chdf5_truncate(), creation, access), closing: H5Fclose,
                    "make a file in memory"
                ) { file throws(ModelFileError) in
                    try write(state, to: file, place: "")
                    try HDF5Library.check(H5Fflush(file, H5F_SCOPE_LOCAL), "finish the file in memory")
                    return try body(try image(file, access, userBlock: userBlock))
                }
            }
        }
    }

    /// The memory of the file; valid until it is closed.
    private static func image(
        _ file: hid_t, _ access: hid_t, userBlock: Int
    ) throws(ModelFileError) -> UnsafeRawBufferPointer {
        // Without the user block.
        let size = H5Fget_file_image(file, nil, 0)
        var handle: UnsafeMutableRawPointer?
        guard size > 0, H5Fget_vfd_handle(file, access, &handle) >= 0,
            let start = handle?.load(as: UnsafeRawPointer?.self)
        else { throw HDF5Library.failure("give out the file in memory") }
        return UnsafeRawBufferPointer(start: start, count: userBlock + size)
    }

    private static func write(_ state: SavedState, to group: hid_t, place: String) throws(ModelFileError) {
        for name in state.names {
            guard let value = state[name] else { continue }
            let path = place + name
            guard !name.isEmpty, name != ".", !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "/")) else {
                throw ModelFileError(.unsupported, "state: \(quoted(path)) can't be a name in a file")
            }
            switch value {
            case .group(let inner): try write(inner, as: name, in: group, path)
            case .integer(let value): try write([Int64(value)], chdf5_int64(), shape: nil, as: name, in: group, path)
            case .number(let value): try write([value], chdf5_float64(), shape: nil, as: name, in: group, path)
            case .text(let text): try write(text, as: name, in: group, path)
            case .bytes(let bytes): try write(bytes, chdf5_uint8(), shape: [bytes.count], as: name, in: group, path)
            case .integers(let values):
                try write(values.map(Int64.init), chdf5_int64(), shape: [values.count], as: name, in: group, path)
            case .floats(let values, let shape):
                guard !shape.isEmpty, shape.allSatisfy({ $0 >= 0 }), shape.reduce(1, *) == values.count else {
                    throw ModelFileError(
                        .mismatched, "state: \(path) has \(values.count) numbers for the shape \(shape)")
                }
                try write(values, chdf5_float32(), shape: shape, as: name, in: group, path)
            }
        }
    }

    private static func write(
        _ state: SavedState, as name: String, in group: hid_t, _ path: String
    ) throws(ModelFileError) {
        try HDF5Library.with(
            H5Pcreate(chdf5_group_creation()), closing: H5Pclose, "prepare the group \(path)"
        ) { creation throws(ModelFileError) in
            try HDF5Library.check(H5Pset_obj_track_times(creation, false), "leave out times")
            try HDF5Library.with(
                H5Gcreate2(group, name, hid_t(H5P_DEFAULT), creation, hid_t(H5P_DEFAULT)), closing: H5Gclose,
                "make the group \(path)"
            ) { inner throws(ModelFileError) in try write(state, to: inner, place: path + "/") }
        }
    }

    /// A text of a fixed length in bytes; the empty text takes one.
    private static func write(
        _ text: String, as name: String, in group: hid_t, _ path: String
    ) throws(ModelFileError) {
        var bytes = Array(text.utf8)
        guard !bytes.contains(0) else {
            throw ModelFileError(.unsupported, "state: \(path) is a text with a NUL character; store it as bytes")
        }
        if bytes.isEmpty { bytes = [0] }
        try HDF5Library.with(
            H5Tcopy(chdf5_string()), closing: H5Tclose, "describe \(path)"
        ) { type throws(ModelFileError) in
            try HDF5Library.check(H5Tset_size(type, bytes.count), "describe \(path)")
            try HDF5Library.check(H5Tset_strpad(type, H5T_STR_NULLPAD), "describe \(path)")
            try HDF5Library.check(H5Tset_cset(type, H5T_CSET_UTF8), "describe \(path)")
            try write(bytes, type, shape: nil, as: name, in: group, path)
        }
    }

    /// A dataset in one piece.
    ///
    /// - Parameter shape: `nil` for a single value.
    private static func write<Element: BitwiseCopyable>(
        _ values: [Element], _ type: hid_t, shape: [Int]?, as name: String, in group: hid_t, _ path: String
    ) throws(ModelFileError) {
        let dimensions = (shape ?? []).map { hsize_t($0) }
        let space = shape == nil ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(dimensions.count), dimensions, nil)
        try HDF5Library.with(space, closing: H5Sclose, "describe \(path)") { space throws(ModelFileError) in
            try HDF5Library.with(
                H5Pcreate(chdf5_dataset_creation()), closing: H5Pclose, "prepare \(path)"
            ) { creation throws(ModelFileError) in
                try HDF5Library.check(H5Pset_obj_track_times(creation, false), "leave out times")
                try HDF5Library.with(
                    H5Dcreate2(group, name, type, space, hid_t(H5P_DEFAULT), creation, hid_t(H5P_DEFAULT)),
                    closing: H5Dclose, "make \(path)"
                ) { dataset throws(ModelFileError) in
                    guard !values.isEmpty else { return }
                    let all = hid_t(0)  // H5S_ALL
                    let status = values.withUnsafeBytes {
                        H5Dwrite(dataset, type, all, all, hid_t(H5P_DEFAULT), $0.baseAddress)
                    }
                    try HDF5Library.check(status, "write \(path)")
                }
            }
        }
    }
}
