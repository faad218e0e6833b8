import FileTesting
import Foundation
import ModelFiles
import Testing

@Suite("Safetensors files")
struct SafetensorsFileTests {
    /// A file of a header text and data bytes.
    static func file(_ header: String, data: [UInt8] = []) -> MappedFile {
        MappedFile(copying: bytes(header, data: data), path: "x.safetensors")
    }

    static func bytes(_ header: String, data: [UInt8] = []) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8) + data
    }

    static func entry(_ name: String, _ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
        #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
    }

    @Test("tensors, their order in the file and the metadata are read")
    func reads() throws {
        let header =
            "{" + Self.entry("b", "BF16", "[2]", 4, 8) + #","__metadata__":{"format":"pt"},"#
            + Self.entry("a", "F32", "[]", 0, 4) + "," + Self.entry("empty", "I64", "[3,0]", 8, 8) + "}  "
        let file = try SafetensorsFile(Self.file(header, data: [1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(file.names == ["a", "b", "empty"])
        #expect(file.metadata == ["format": "pt"])
        #expect(file.tensors["a"]?.shape == [])
        let b = try #require(try file.tensor(named: "b"))
        #expect(b.type == .bfloat16 && Array(b.bytes) == [5, 6, 7, 8])
        #expect(file.tensors["empty"]?.byteCount == 0)
        #expect(try file.tensor(named: "c") == nil)
    }

    @Test("a tensor of another type is an error only when it is asked for")
    func unsupportedTypes() throws {
        let file = try SafetensorsFile(
            Self.file(
                "{" + Self.entry("x", "F8_E4M3", "[2]", 0, 2) + "," + Self.entry("y", "Q9", "[7]", 2, 4) + "}",
                data: [0, 0, 0, 0]))
        #expect(file.names == ["x", "y"] && file.tensors.isEmpty)
        let error = #expect(throws: ModelFileError.self) { try file.tensor(named: "x") }
        #expect(
            error?.message
                == #"x.safetensors: tensor "x" is of type "F8_E4M3"; expected F32, F16, BF16, I64 or I32. Convert the file first"#
        )
    }

    @Test(
        "every lie is refused and told",
        arguments: [
            (Self.entry("a", "F32", "[1]", 0, 4) + "," + Self.entry("b", "F32", "[1]", 2, 6), 6, "overlaps"),
            (Self.entry("a", "F32", "[1]", 0, 4) + "," + Self.entry("b", "F32", "[1]", 5, 9), 9, "hole"),
            (Self.entry("a", "F32", "[1]", 1, 5), 5, "hole"),
            (Self.entry("a", "F32", "[2]", 0, 4), 4, "does not fill"),
            (Self.entry("a", "F32", "[1]", 0, 4), 3, "cut off"),
            (Self.entry("a", "F32", "[1]", 0, 4), 5, "the tensors end at byte 4"),
            (Self.entry("a", "F32", "[4611686018427387905]", 0, 4), 4, "does not fill"),
            (Self.entry("a", "F32", "[9223372036854775807,9223372036854775807,0]", 0, 0), 0, "does not fill"),
            (Self.entry("a", "F32", "[99999999999999999999]", 0, 4), 4, "not negative"),
            (Self.entry("a", "F32", "[-1]", 0, 4), 4, "not negative"),
            (Self.entry("a", "F32", "[1.0]", 0, 4), 4, "not negative"),
            (Self.entry("a", "F32", "[-0]", 0, 0), 0, "not negative"),
            (Self.entry("a", "F32", "[1]", 4, 0), 4, "begin ≤ end"),
            (Self.entry("a", "F32", "[1]", -4, 0), 4, "begin ≤ end"),
            (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}"#, 4, "begin ≤ end"),
            (#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}"#, 4, #"key "x""#),
            (#""a":{"shape":[1],"data_offsets":[0,4]}"#, 4, "no dtype"),
            (#""a":3"#, 4, "not described"),
            (#""__metadata__":{"a":1}"#, 0, "expected a text"),
            (#""__metadata__":[]"#, 0, "not an object of texts"),
            (
                Self.entry("a", "F32", "[1]", 0, 4) + "," + Self.entry("\\u0061", "F32", "[1]", 0, 4), 4,
                #""a" appears twice"#
            ),
            (#""a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, #""dtype" appears twice"#),
            ("nonsense", 0, "invalid JSON"),
        ])
    func lies(entries: String, dataCount: Int, complaint: String) {
        let error = #expect(throws: ModelFileError.self) {
            try SafetensorsFile(Self.file("{" + entries + "}", data: [UInt8](repeating: 0, count: dataCount)))
        }
        #expect(error?.code == .malformed)
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    }

    @Test(
        "a header length that lies is refused",
        arguments: [
            ([UInt8](), "at least 8"), ([1, 0, 0, 0, 0, 0, 0], "at least 8"),
            ([0, 0, 0, 0, 0, 0, 0, 0], "begin with '{'"), ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D], "only 2 after"),
            ([255, 255, 255, 255, 255, 255, 255, 255, 0x7B, 0x7D], "at most 100000000"),
            ([1, 0xE1, 0xF5, 0x05, 0, 0, 0, 0, 0x7B, 0x7D], "at most 100000000"),
            ([3, 0, 0, 0, 0, 0, 0, 0, 0x20, 0x7B, 0x7D], "begin with '{'"),
            ([5, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF, 0x22, 0x7D], "UTF-8"),
        ])
    func headerLengths(bytes: [UInt8], complaint: String) {
        let error = #expect(throws: ModelFileError.self) {
            try SafetensorsFile(MappedFile(copying: bytes, path: "x.safetensors"))
        }
        #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
    }

    @Test("every reference file opens", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)"))
    func referenceFiles() throws {
        let files = try #require(FileManager.default.enumerator(atPath: ReferenceData.models))
        var count = 0
        for case let name as String in files where name.hasSuffix(".safetensors") {
            let file = try SafetensorsFile(path: ReferenceData.models + "/" + name)
            #expect(file.tensors.values.reduce(0) { $0 + $1.byteCount } > 0, "\(name)")
            count += 1
        }
        #expect(count > 50)
    }

    @Test("a path that is no regular file is refused without waiting")
    func notRegular() throws {
        let folder = try TemporaryFolder()
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        for (path, complaint) in [
            (folder.path + "/pipe", "is not a regular file"), (folder.path, "is not a regular file"),
            (folder.path + "/nothing", "No such file or directory"),
        ] {
            let error = #expect(throws: ModelFileError.self) { try SafetensorsFile(path: path) }
            #expect(error?.code == .unreadable && error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
    }
}
