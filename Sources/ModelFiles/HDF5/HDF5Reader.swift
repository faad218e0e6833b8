import CHDF5

/// Reads the tree of an HDF5 file: what `HDF5Writer` writes, and nothing else. Links by name, external files, filters and
/// other types are refused, so that a file can only give what lies in its own bytes.
struct HDF5Reader {
    /// Groups inside groups.
    private static let maximumDepth = 16
    /// Values of a group.
    private static let maximumValues = 1 << 20

    let path: String
    /// Length of the file, which bounds what a value may have.
    let byteCount: Int

    func read() throws(ModelFileError) -> SavedState {
        try HDF5Library.with(
            H5Pcreate(chdf5_file_access()), closing: H5Pclose, "prepare to read"
        ) { access throws(ModelFileError) in
            // The file appears whole and is never changed, so it needs no lock, which some file systems can't give.
            try HDF5Library.check(H5Pset_file_locking(access, false, true), "prepare to read")
            return try HDF5Library.with(
                H5Fopen(path, chdf5_read_only(), access), closing: H5Fclose, "open \(path)"
            ) { file throws(ModelFileError) in
                try HDF5Library.with(
                    H5Gopen2(file, "/", hid_t(H5P_DEFAULT)), closing: H5Gclose, "read \(path)"
                ) { root throws(ModelFileError) in
                    SavedState(try values(of: root, "", depth: 0), place: path)
                }
            }
        }
    }

    private func values(
        of group: hid_t, _ place: String, depth: Int
    ) throws(ModelFileError) -> [String: SavedState.Value] {
        var info = H5G_info_t()
        try HDF5Library.check(H5Gget_info(group, &info), "list \(place) of \(path)")
        guard depth <= Self.maximumDepth, info.nlinks <= Self.maximumValues else {
            throw ModelFileError(.malformed, "\(path): groups lie too deep, or \(place) has \(info.nlinks) values")
        }
        var result: [String: SavedState.Value] = [:]
        for index in 0..<info.nlinks {
            let name = try name(at: index, of: group, place)
            let inner = place + name
            guard chdf5_is_hard_link(group, name) else { throw refusal(inner, "a link to another place") }
            result[name] = try HDF5Library.with(
                H5Oopen(group, name, hid_t(H5P_DEFAULT)), closing: H5Oclose, "open \(inner) of \(path)"
            ) { object throws(ModelFileError) in
                switch H5Iget_type(object) {
                case H5I_GROUP:
                    .group(SavedState(try values(of: object, inner + "/", depth: depth + 1), place: path))
                case H5I_DATASET: try value(of: object, inner)
                default: throw refusal(inner, "neither a group nor a value")
                }
            }
        }
        return result
    }

    private func name(at index: hsize_t, of group: hid_t, _ place: String) throws(ModelFileError) -> String {
        func call(_ buffer: UnsafeMutablePointer<CChar>?, _ size: Int) -> Int {
            H5Lget_name_by_idx(
                group, ".", H5_INDEX_NAME, H5_ITER_INC, index, buffer, size, hid_t(H5P_DEFAULT))
        }
        let length = call(nil, 0)
        guard length > 0, length < 4096 else { throw HDF5Library.failure("name a value of \(place) of \(path)") }
        let bytes = [UInt8](unsafeUninitializedCapacity: length + 1) { buffer, count in
            buffer.withMemoryRebound(to: CChar.self) { _ = call($0.baseAddress, length + 1) }
            count = length
        }
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw refusal(place, "a group with a name that is not UTF-8")
        }
        return name
    }

    /// The value of a dataset, by its type and shape.
    private func value(of dataset: hid_t, _ place: String) throws(ModelFileError) -> SavedState.Value {
        try checkStorage(of: dataset, place)
        let shape = try shape(of: dataset, place)
        return try HDF5Library.with(
            H5Dget_type(dataset), closing: H5Tclose, "describe \(place) of \(path)"
        ) { type throws(ModelFileError) in
            func isType(_ other: hid_t) -> Bool { H5Tequal(type, other) > 0 }
            func read<Element: BitwiseCopyable>(_ zero: Element, count: Int) throws(ModelFileError) -> [Element] {
                try self.read(dataset, type, Array(repeating: zero, count: count), place)
            }
            let count = shape?.reduce(1, *) ?? 1
            switch shape {
            case nil where isType(chdf5_int64()): return .integer(Int(try read(Int64(0), count: 1)[0]))
            case nil where isType(chdf5_float64()): return .number(try read(0.0, count: 1)[0])
            case nil where H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0:
                let size = H5Tget_size(type)
                guard size <= byteCount else { throw refusal(place, "a text of \(size) bytes") }
                let bytes = try read(UInt8(0), count: size)
                guard let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) else {
                    throw refusal(place, "a text that is not UTF-8")
                }
                return .text(text)
            case let shape? where shape.count == 1 && isType(chdf5_uint8()):
                return .bytes(try read(UInt8(0), count: count))
            case let shape? where shape.count == 1 && isType(chdf5_int64()):
                return .integers(try read(Int64(0), count: count).map(Int.init))
            case let shape? where isType(chdf5_float32()):
                return .floats(try read(Float(0), count: count), shape: shape)
            default: throw refusal(place, "of a type or shape that this version doesn't know")
            }
        }
    }

    /// Refuses storage that lies outside the file or is not simply there.
    private func checkStorage(of dataset: hid_t, _ place: String) throws(ModelFileError) {
        let isPlain = try HDF5Library.with(
            H5Dget_create_plist(dataset), closing: H5Pclose, "describe \(place) of \(path)"
        ) { creation in
            H5Pget_layout(creation) == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0
                && H5Pget_nfilters(creation) == 0
        }
        if !isPlain { throw refusal(place, "not stored in one piece of this file") }
    }

    /// The extents of a dataset whose numbers all lie in the file; `nil` for a single value.
    private func shape(of dataset: hid_t, _ place: String) throws(ModelFileError) -> [Int]? {
        try HDF5Library.with(
            H5Dget_space(dataset), closing: H5Sclose, "describe \(place) of \(path)"
        ) { space throws(ModelFileError) in
            let rank = H5Sget_simple_extent_ndims(space)
            if H5Sget_simple_extent_type(space) == H5S_SCALAR { return nil }
            guard H5Sget_simple_extent_type(space) == H5S_SIMPLE, (1...32).contains(rank) else {
                throw refusal(place, "of a shape that this version doesn't know")
            }
            var extents = [hsize_t](repeating: 0, count: Int(rank))
            try HDF5Library.check(
                H5Sget_simple_extent_dims(space, &extents, nil), "describe \(place) of \(path)")
            var (shape, count, isEmpty) = ([Int](), 1, false)
            for extent in extents {
                guard let extent = Int(exactly: extent) else { throw refusal(place, "too large") }
                isEmpty = isEmpty || extent == 0
                let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
                guard !overflow, product <= byteCount else { throw refusal(place, "larger than the file") }
                (shape, count) = (shape + [extent], product)
            }
            guard isEmpty || H5Dget_storage_size(dataset) >= count else { throw refusal(place, "not all in the file") }
            return shape
        }
    }

    /// Reads into the place of `zeros`, which has exactly the dataset's bytes.
    private func read<Element: BitwiseCopyable>(
        _ dataset: hid_t, _ type: hid_t, _ zeros: [Element], _ place: String
    ) throws(ModelFileError) -> [Element] {
        var values = zeros
        guard !values.isEmpty else { return values }
        let status = values.withUnsafeMutableBytes {
            H5Dread(dataset, type, hid_t(0), hid_t(0), hid_t(H5P_DEFAULT), $0.baseAddress)
        }
        try HDF5Library.check(status, "read \(place) of \(path)")
        return values
    }

    private func refusal(_ place: String, _ what: String) -> ModelFileError {
        ModelFileError(
            .unsupported, "\(path): \(place) is \(what); was it written by another program or version?")
    }
}
