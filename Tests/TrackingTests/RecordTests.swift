import FileTesting
import Foundation
import OrderedJSON
import Testing

@testable import Tracking

@Suite("Run folder and records")
struct RecordTests {
    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("a run's folder is named by recipe and time, and never shared")
    func runFolder() throws {
        let temporary = try TemporaryFolder()
        let date = Date(timeIntervalSince1970: 1_769_869_385)
        let first = try RunFolder(base: temporary.path + "/a/b", name: "tiny run/1", date: date)
        let second = try RunFolder(base: temporary.path + "/a/b", name: "tiny run/1", date: date)
        #expect(first.path == temporary.path + "/a/b/tiny-run-1-20260131-142305")
        #expect(second.path == first.path + "-2")
        #expect(first.adapter(step: 120) == first.path + "/adapters/step-000120")
        #expect(first.checkpoint(step: 1_234_567) == first.path + "/checkpoints/step-1234567.h5")
        #expect(try RunFolder(existing: first.path) == first)
        #expect(try RunFolder(base: temporary.path, name: "..", date: date).path.hasSuffix("/run-20260131-142305"))
    }

    @Test("lines are appended whole, across openings")
    func append() throws {
        let temporary = try TemporaryFolder()
        let path = temporary.path + "/metrics.jsonl"
        for step in 1...3 {
            let writer = try JSONLinesWriter(path: path)
            #expect(writer.repairedBytes == 0)
            try writer.append(MetricsRecord.step(step, ["reward": 0.5]))
            try writer.synchronize()
        }
        #expect(try text(path) == (1...3).map { "{\"step\":\($0),\"reward\":0.5}\n" }.joined())
    }

    @Test("a torn last line is cut off on opening, however long", arguments: [1, 100, 65_535, 65_536, 200_000])
    func tornLine(length: Int) throws {
        let temporary = try TemporaryFolder()
        for whole in ["", "{\"step\":1}\n", "{\"step\":1}\n{\"step\":2}\n"] {
            let path = temporary.path + "/\(whole.count).jsonl"
            try (whole + String(repeating: "x", count: length)).write(toFile: path, atomically: true, encoding: .utf8)
            let writer = try JSONLinesWriter(path: path)
            #expect(writer.repairedBytes == length)
            try writer.append(["step": 9])
            #expect(try text(path) == whole + "{\"step\":9}\n")
        }
    }

    @Test("two writers on one file do not mix their lines")
    func concurrent() async throws {
        let temporary = try TemporaryFolder()
        let path = temporary.path + "/c.jsonl"
        let writers = [try JSONLinesWriter(path: path), try JSONLinesWriter(path: path)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for index in 0..<200 {
                        try writers[worker % 2].append([
                            "w": .integer(worker), "i": .integer(index),
                            "pad": .string(String(repeating: "y", count: 300)),
                        ])
                    }
                }
            }
            try await group.waitForAll()
        }
        let lines = try text(path).split(separator: "\n")
        #expect(lines.count == 800)
        for line in lines { _ = try JSONValue(parsing: String(line)) }
    }

    @Test("numbers that JSON can't hold become null and are listed in the line")
    func nonFinite() {
        let record: JSONObject = ["loss": .double(.nan), "a": ["b": [1.5, .double(-.infinity)]], "z": 2]
        #expect(
            MetricsRecord.line(record)
                == #"{"loss":null,"a":{"b":[1.5,null]},"z":2,"non_finite":{"loss":"NaN","a.b.1":"-Infinity"}}"#)
        #expect(MetricsRecord.line(["step": 1]) == #"{"step":1}"#)
    }

    @Test(
        "a full disk is a clear error",
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
    func fullDisk() throws {
        let writer = try JSONLinesWriter(path: "/dev/full")
        let error = #expect(throws: TrackingError.self) { try writer.append(["step": 1]) }
        #expect(error?.code == .unwritable)
        #expect(
            error?.message
                == "/dev/full: a line could not be written (No space left on device); free some space and resume the run"
        )
    }

    @Test("errors say what, where and what to do")
    func errors() throws {
        let temporary = try TemporaryFolder()
        let base = temporary.path
        try "".write(toFile: base + "/file", atomically: true, encoding: .utf8)
        let table: [(() throws -> Void, TrackingError.Code, String)] = [
            (
                { _ = try JSONLinesWriter(path: base + "/no/m.jsonl") }, .unreadable,
                "\(base)/no/m.jsonl: can't be opened (No such file or directory); check that its folder exists"
            ),
            (
                { _ = try JSONLinesWriter(path: base) }, .unreadable,
                "\(base): can't be opened (Is a directory); check that its folder exists"
            ),
            (
                { _ = try RunFolder(existing: base + "/gone") }, .unreadable,
                "run folder \(base)/gone: not there or not a folder; give the folder of an earlier run"
            ),
            (
                { _ = try RunFolder(existing: base + "/file") }, .unreadable,
                "run folder \(base)/file: not there or not a folder; give the folder of an earlier run"
            ),
        ]
        for (action, code, message) in table {
            let error = #expect(throws: TrackingError.self) { try action() }
            #expect(error?.code == code)
            #expect(error?.message == message)
        }
        let error = #expect(throws: TrackingError.self) {
            _ = try RunFolder(base: base + "/file", name: "a", date: Date())
        }
        #expect(error?.code == .unwritable)
        #expect(error?.message.hasSuffix("choose another with run_dir") == true)
    }
}
