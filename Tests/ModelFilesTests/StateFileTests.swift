import FileTesting
import Foundation
import Testing

@testable import ModelFiles

@Suite("State files")
struct StateFileTests {
    static let state: SavedState = [
        "step": .integer(-3), "rate": .number(-0.0), "nan": .number(.nan), "text": .text("Zeile\n„1“ 🦉"),
        "empty": .text(""), "raw": .bytes([0, 255, 7]), "none": .bytes([]), "ids": .integers([.min, 0, .max]),
        "inner": .group([
            "model.layers.0.q_proj": .floats([1, -.zero, .infinity, .leastNonzeroMagnitude, .nan, 6], shape: [2, 3]),
            "void": .floats([], shape: [0, 4]), "deeper": .group(["a b": .integers([]), "é": .text("x")]),
        ]),
        "nothing": .group([:]),
    ]

    private func write(_ folder: TemporaryFolder, _ state: SavedState = state) throws -> String {
        let path = folder.path + "/state.h5"
        try StateFile.write(state, to: path)
        return path
    }

    private func message(_ path: String) -> String {
        let error = #expect(throws: ModelFileError.self) { try StateFile.read(path) }
        return error.map { "\($0.code): \($0.message)" } ?? ""
    }

    @Test("what is read is what was written, bit for bit, and equal states are equal bytes")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let read = try StateFile.read(path)
        #expect(read.differences(from: Self.state) == [] && read == Self.state)
        let first = try folder.bytes("state.h5")
        Thread.sleep(forTimeInterval: 1.1)
        _ = try write(folder, read)
        #expect(try folder.bytes("state.h5") == first && folder.names == ["state.h5"])
    }

    @Test("every flipped bit is found, wherever it is")
    func flippedBits() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let sound = try folder.bytes("state.h5")
        #expect(sound.count > 4000)
        for byte in sound.indices {
            // Every bit of the seal, and one of each byte behind it.
            for bit in byte < StateSeal.length ? Array(0..<8) : [byte % 8] {
                var bytes = sound
                bytes[byte] ^= 1 << bit
                let error = #expect(throws: ModelFileError.self) {
                    try MappedFile(copying: bytes, path: path).withBytes { try StateSeal.check($0, path: path) }
                }
                #expect(error != nil, "bit \(bit) of byte \(byte)")
            }
        }
    }

    @Test("a file that is cut short or longer is refused")
    func cuts() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let sound = try folder.bytes("state.h5")
        for count in Array(0..<520) + Array(stride(from: 520, to: sound.count, by: 97)) + [sound.count - 1] {
            try Data(sound.prefix(count)).write(to: URL(fileURLWithPath: path))
            #expect(!message(path).isEmpty, "\(count) bytes")
        }
        #expect(message(path).hasSuffix("cut short: \(sound.count - 1) bytes of \(sound.count)"))
        try Data(sound + [0]).write(to: URL(fileURLWithPath: path))
        #expect(message(path).contains("damaged"))
    }

    @Test("what is wrong with a file is told")
    func faults() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let sound = try folder.bytes("state.h5")
        func changed(_ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = sound
            change(&bytes)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            return message(path)
        }
        #expect(
            try changed { $0[3000] ^= 1 }
                == "malformed: \(path): damaged: its bytes don't have the SHA-256 that it was sealed with")
        #expect(try changed { $0 = Array("hello".utf8) }.contains("not a state file"))
        #expect(
            try changed { $0[17] = UInt8(ascii: "2") }.hasPrefix(
                "unsupported: \(path): is 'touchstone state 2', this version reads"))
        #expect(message(folder.path + "/none").contains("cannot open"))
        #expect(message(folder.path).contains("not a regular file"))
    }

    @Test("a sealed file whose HDF5 is not ours is refused without harm")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let sound = try folder.bytes("state.h5")
        var generator = SystemRandomNumberGenerator()
        // Sound seals over broken contents: mostly refused, never a crash.
        for _ in 0..<300 {
            var bytes = sound
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 512..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let seal = bytes.withUnsafeBytes(StateSeal.bytes)
            try Data(seal + bytes[512...]).write(to: URL(fileURLWithPath: path))
            _ = try? StateFile.read(path)
        }
    }

    @Test("values that a file can't hold are refused, and the old file stays")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let path = try write(folder)
        let sound = try folder.bytes("state.h5")
        for (state, complaint) in [
            (["a": .text("x\0y")], "NUL"), (["a/b": .integer(1)], "can't be a name"), (["": .integer(1)], "can't be"),
            ([".": .integer(1)], "can't be"), (["g": .group(["x\0": .integer(1)])], "can't be a name"),
            (["t": .floats([1], shape: [2])], "1 numbers for the shape [2]"),
            (["t": .floats([1], shape: [])], "shape []"),
        ] as [(SavedState, String)] {
            let error = #expect(throws: ModelFileError.self) { try StateFile.write(state, to: path) }
            #expect(error?.message.contains(complaint) == true, "\(error?.message ?? "")")
        }
        #expect(try folder.bytes("state.h5") == sound && folder.names == ["state.h5"])
    }

    @Test("values of another kind or shape are refused by name and place")
    func kinds() throws {
        let folder = try TemporaryFolder()
        let state = try StateFile.read(try write(folder))
        func text<T>(_ body: () throws -> T) -> String {
            do { _ = try body() } catch { return "\(error)".replacingOccurrences(of: folder.path + "/", with: "") }
            return "nothing"
        }
        let inner = try state.group("inner")
        #expect(text { try state.integer("rate") } == "state.h5: rate is a real number, expected a whole number")
        #expect(text { try state.count("step") } == "state.h5: step is -3, expected a count of 0 or more")
        #expect(text { try state.text("ids") } == "state.h5: ids is a list of 3 whole numbers, expected a text")
        #expect(
            text { try inner.floats("model.layers.0.q_proj", shape: [3, 2]) }
                == "state.h5: inner: model.layers.0.q_proj is numbers of shape [2, 3], expected numbers of shape [3, 2]"
        )
        #expect(
            text { try inner.group("deeper").integer("n") }
                == "state.h5: inner: deeper: there is no n; was it written by another version of touchstone?")
        #expect(text { try state.bytes("text") }.contains("expected bytes"))
        #expect(text { try state.integers("raw") }.contains("3 bytes, expected a list"))
        #expect(text { try state.number("inner") }.contains("a group, expected a real number"))
        #expect(text { try state.group("raw") }.contains("expected a group"))
    }

    @Test("differences are told by place, count and first")
    func differences() {
        let one: SavedState = ["a": .floats([1, 2, 3], shape: [3]), "g": .group(["x": .integer(1), "y": .text("q")])]
        let two: SavedState = ["a": .floats([1, 0, 4], shape: [3]), "g": .group(["x": .integer(2)]), "z": .bytes([])]
        #expect(
            one.differences(from: two) == [
                "a: 2 of 3 numbers differ, the first at 1: 2.0 instead of 0.0", "g/x: 1 instead of 2",
                "g/y: a text instead of nothing", "z: nothing instead of 0 bytes",
            ])
        #expect(["a": .number(0)] as SavedState != ["a": .number(-0.0)])
        #expect(["a": .floats([.nan], shape: [1])] as SavedState == ["a": .floats([.nan], shape: [1])])
    }
}
