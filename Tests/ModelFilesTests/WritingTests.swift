import FileTesting
import Foundation
import Testing

@testable import ModelFiles

@Suite("Atomic writing")
struct WritingTests {
    struct Interruption: Error {}

    @Test("a file appears with its bytes and replaces the one before it")
    func replacesFile() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("one", to: folder.path + "/a.txt")
        try AtomicFile.write(to: folder.path + "/a.txt") { file throws(ModelFileError) in
            try file.write("two")
            try file.write([0x21])
        }
        #expect(try folder.bytes("a.txt") == Array("two!".utf8) && folder.names == ["a.txt"])
    }

    @Test("a write that fails half-way leaves the old file and nothing else")
    func failedWrite() throws {
        let folder = try TemporaryFolder()
        try AtomicFile.write("old", to: folder.path + "/a.txt")
        #expect(throws: ModelFileError.self) {
            try AtomicFile.write(to: folder.path + "/a.txt") { file throws(ModelFileError) in
                try file.write("new")
                throw ModelFileError(.missing, "interrupted")
            }
        }
        #expect(try folder.bytes("a.txt") == Array("old".utf8) && folder.names == ["a.txt"])
    }

    @Test("a folder that is missing, can't be written or is a file is told")
    func refusedPlaces() throws {
        let folder = try TemporaryFolder()
        try folder.write("x", "file")
        for (place, complaint) in [
            (folder.path + "/missing/a.txt", "the folder it is to lie in does not exist"),
            (folder.path + "/file/a.txt", "the folder it is to lie in does not exist"),
            ("/proc/a.txt", "cannot write /proc/a.txt"),
        ] {
            let error = #expect(throws: ModelFileError.self) { try AtomicFile.write("x", to: place) }
            #expect(error?.code == .unwritable && error?.message.contains(complaint) == true, "\(error?.message ?? "")")
            #expect(throws: ModelFileError.self) { try AtomicFolder.write(to: place) { _ throws(ModelFileError) in } }
        }
        #expect(folder.names == ["file"])
    }

    @Test(
        "a full disk is an error that says so",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "no /dev/full"))
    func fullDisk() throws {
        let file = try WritableFile(creating: "/dev/full", for: "weights", flags: 0)
        let error = #expect(throws: ModelFileError.self) { try file.write("x") }
        #expect(error?.message == "cannot write weights: No space left on device; free some space and try again")
    }

    @Test("a folder appears with all its files, and replaces another only if asked")
    func folders() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/run"
        for (text, replacing) in [("one", false), ("two", true)] {
            try AtomicFolder.write(to: path, replacing: replacing) { temporary throws(ModelFileError) in
                try AtomicFile.write(text, to: temporary + "/" + text)
            }
            #expect(folder.names == ["run"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: path) == [text])
        }
        let error = #expect(throws: ModelFileError.self) {
            try AtomicFolder.write(to: path + "/") { temporary throws(ModelFileError) in
                try AtomicFile.write("three", to: temporary + "/three")
            }
        }
        #expect(error?.message.contains("exists and is not empty") == true)
        #expect(throws: ModelFileError.self) {
            try AtomicFolder.write(to: path, replacing: true) { temporary throws(ModelFileError) in
                try AtomicFile.write("four", to: temporary + "/four")
                throw ModelFileError(.missing, "interrupted")
            }
        }
        try folder.write("", "file")
        #expect(throws: ModelFileError.self) {
            try AtomicFolder.write(to: folder.path + "/file", replacing: true) { _ throws(ModelFileError) in }
        }
        #expect(folder.names == ["file", "run"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["two"])
    }

    @Test(
        "the parent of a path",
        arguments: [("a", "."), ("/a", "/"), ("b/a", "b"), ("/c/b//a/", "/c/b"), ("", "."), ("/", "/")])
    func parents(path: String, parent: String) { #expect(AtomicFile.parent(of: path) == parent) }
}

@Suite("Writing safetensors")
struct SafetensorsWriterTests {
    @Test("types come in the reference's order, then names; the header is padded; reading gives the same tensors back")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/x.safetensors"
        let entries = [
            WritableTensor(name: "h", shape: [3], floats: [1, -2.5, 65504], type: .float16),
            WritableTensor(name: "b", shape: [4], floats: [1, 1.00390625, 1.01171875, -.infinity], type: .bfloat16),
            WritableTensor(name: "é\"", shape: [], floats: [7]),
            WritableTensor(name: "i", shape: [1, 2], type: .int64) { () throws(ModelFileError) in
                [UInt8](repeating: 1, count: 16)
            },
            WritableTensor(name: "a", shape: [2, 0], floats: []),
        ]
        try SafetensorsWriter.write(entries, metadata: ["z": "1", "a": "\n"], to: path)
        let first = try folder.bytes("x.safetensors")
        try SafetensorsWriter.write(entries.reversed(), metadata: ["a": "\n", "z": "1"], to: path)
        #expect(try folder.bytes("x.safetensors") == first && folder.names == ["x.safetensors"])
        let file = try SafetensorsFile(path: path)
        #expect(file.names == ["i", "a", "é\"", "b", "h"] && file.metadata == ["a": "\n", "z": "1"])
        #expect((file.tensors["i"]?.offset ?? 1) % 8 == 0)
        #expect(file.tensors["h"].map { Array($0.bytes) } == [0x00, 0x3C, 0x00, 0xC1, 0xFF, 0x7B])
        #expect(file.tensors["b"].map { Array($0.bytes) } == [0x80, 0x3F, 0x80, 0x3F, 0x82, 0x3F, 0x80, 0xFF])
        #expect(file.tensors["a"]?.shape == [2, 0])
    }

    @Test(
        "reference files are rewritten byte for byte", .enabled(if: ReferenceData.isPresent, "\(ReferenceData.absence)")
    )
    func referenceFiles() throws {
        let folder = try TemporaryFolder()
        var count = 0
        for model in ReferenceData.folders(in: ReferenceData.models) {
            for name in ["model", "fixtures", "model-00001-of-00002"] {
                let source = "\(model)/\(name).safetensors"
                guard FileManager.default.fileExists(atPath: source) else { continue }
                let file = try SafetensorsFile(path: source)
                try SafetensorsWriter.write(
                    file.tensors.values.map { WritableTensor($0) }, metadata: file.metadata, to: folder.path + "/copy"
                )
                #expect(try folder.bytes("copy") == Array(file.file.bytes), "\(source)")
                count += 1
            }
        }
        #expect(count > 20)
    }

    @Test("what can't be written is refused and nothing is left behind")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let a = WritableTensor(name: "a", shape: [1], floats: [1])
        for (entries, complaint) in [
            ([a, a], "used twice"), ([a.renamed("__metadata__")], "reserved"),
            ([WritableTensor(name: "b", shape: [2], floats: [1])], "got 4 bytes; expected 8"),
            ([WritableTensor(name: "b", shape: [-1], floats: [])], "can't have the shape"),
            ([WritableTensor(name: "b", shape: [1 << 40, 1 << 40], floats: [])], "can't have the shape"),
            ([WritableTensor(name: "b", shape: [1], floats: [1], type: .q8x0)], "which safetensors has not"),
            ([WritableTensor(name: "b", shape: [1], floats: [1], type: .int32)], "floats can't be written as I32"),
        ] {
            let error = #expect(throws: ModelFileError.self) {
                try SafetensorsWriter.write(entries, to: folder.path + "/x.safetensors")
            }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
            #expect(folder.names.isEmpty)
        }
    }
}
