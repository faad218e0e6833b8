import Foundation
import OrderedJSON
import Testing
import Tracking

@testable import TensorBoard

@Suite("TensorBoard's event file")
struct TensorBoardLogTests {
    @Test("every scalar of metrics.jsonl is there, with its step, NaN and infinities too")
    func scalars() throws {
        let run = try RecordedRun()
        try run.begin()
        let metrics: JSONObject = [
            "reward": 0.25, "count": 3, "loss": .double(.nan), "kl": .double(-.infinity), "note": "text",
            "large": 1e300,
        ]
        try run.add(4, metrics)
        let event = try #require(try run.events().last)
        #expect(event.step == 4)
        #expect(event.scalars.map(\.tag) == ["reward", "count", "loss", "kl", "large"])
        #expect(event.scalars[0].value == 0.25 && event.scalars[1].value == 3 && event.scalars[2].value.isNaN)
        #expect(event.scalars[3].value == -.infinity && event.scalars[4].value == .infinity)
    }

    @Test("it begins with the version and the recipe, and times are the beginning plus what steps took")
    func head() throws {
        let run = try RecordedRun()
        try "kind: grpo\n# <script>\n".write(toFile: run.folder.recipe, atomically: true, encoding: .utf8)
        try run.begin()
        try run.add(0, ["time/evaluate": 2])
        try run.add(1, ["step_time": 1.5, "time/evaluate": 1])
        try run.add(2, ["step_time": .double(.nan)])
        let events = try run.events()
        #expect(events[0].version == "brain.Event:2")
        #expect(events[1].texts.map(\.tag) == ["recipe"])
        #expect(events[1].texts[0].text == "    kind: grpo\n    # <script>\n    ")
        #expect(events.map(\.time) == [1000, 1000, 1002, 1004.5, 1004.5])
        #expect(try run.names() == ["events.out.tfevents.1000.touchstone"])
    }

    @Test("completions of highest and lowest reward are texts, as blocks of code without hidden characters")
    func texts() throws {
        let run = try RecordedRun()
        try run.begin()
        let long = String(repeating: "x", count: 5000)
        try run.add(
            1, ["reward": 1],
            completions: [
                RecordedRun.completion(1, "middle", 0.5),
                RecordedRun.completion(1, "a\u{0}b\n# title\u{202E}", 0.25),
                RecordedRun.completion(1, long, 1), ["step": 1, "completion": "unscored", "reward": .null],
            ])
        let texts = try #require(try run.events().last).texts
        #expect(texts.map(\.tag) == ["completions/highest_reward", "completions/lowest_reward"])
        #expect(texts[0].text.contains("[…1000 more characters]") && texts[0].text.utf8.count < 4500)
        #expect(texts[1].text.contains("    a␀b\n    # title⟨U+202E⟩"))
        #expect(texts[1].text.hasPrefix("Reward 0.25: math 0.25\n\nPrompt\n\n    1 + 1?"))
    }

    @Test("a run that goes on leaves neither doubled nor torn records, wherever it was killed")
    func resume() throws {
        let whole = try RecordedRun()
        try whole.begin()
        for step in 0...6 { try whole.add(step, ["reward": .integer(step)]) }
        let expected = try whole.bytes()
        for kept in [0, 3, 6] {
            for length in stride(from: 0, through: expected.count, by: 41) {
                let run = try RecordedRun()
                for step in 0...kept { try run.write(step, ["reward": .integer(step)]) }
                // What the killed process wrote, also for steps that are taken again, with other times then.
                try run.put(Array(expected[..<length]))
                try run.begin()
                for step in kept + 1..<7 { try run.add(step, ["reward": .integer(step)]) }
                #expect(try run.bytes() == expected, "kept \(kept), killed at \(length)")
            }
        }
    }

    @Test("a file that something else wrote, or damaged, is made again from the records")
    func rebuilt() throws {
        let run = try RecordedRun()
        try run.begin()
        for step in 1...4 { try run.add(step, ["reward": .integer(step)]) }
        let expected = try run.bytes()
        for damage in [expected.count / 2, 3, expected.count - 1] {
            var bytes = expected
            bytes[damage] ^= 1
            try run.put(bytes + [1, 2, 3])
            try run.begin()
            #expect(try run.bytes() == expected)
        }
        try FileManager.default.removeItem(atPath: run.folder.tensorboard)
        try run.begin()
        #expect(try run.bytes() == expected)
    }

    @Test("the part of the file that agrees is not written again")
    func untouched() throws {
        let run = try RecordedRun()
        try run.begin()
        try run.add(1, ["reward": 1])
        let path = run.folder.tensorboard + "/" + (try run.names()[0])
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 5)], ofItemAtPath: path)
        let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        try run.begin()
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.systemFileNumber] as? Int == number)
        #expect(try EventReader.events(run.bytes()).count == 3)
    }

    @Test("a folder that can't be written is a clear error")
    func unwritable() throws {
        let run = try RecordedRun()
        try "".write(toFile: run.folder.tensorboard, atomically: true, encoding: .utf8)
        let error = #expect(throws: TrackingError.self) { try run.begin() }
        #expect(error?.code == .unwritable)
        #expect(error?.message.hasPrefix("\(run.folder.tensorboard): can't be created") == true)
    }

    @Test("a damaged byte anywhere is found by the checksums")
    func checksums() throws {
        let run = try RecordedRun()
        try run.begin()
        try run.add(1, ["reward": 1])
        let bytes = try run.bytes()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: EventReader.Fault.self) { try EventReader.events(damaged) }
        }
    }
}

/// A run's folder with records, and its log.
final class RecordedRun {
    let folder: RunFolder
    private var log = TensorBoardLog()
    private let path = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        folder = try RunFolder(existing: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func completion(_ step: Int, _ text: String, _ reward: Double) -> JSONObject {
        [
            "step": .integer(step), "prompt": "1 + 1?", "completion": .string(text), "reward": .double(reward),
            "rewards": ["math": ["status": "scored", "score": .double(reward)]],
        ]
    }

    func begin() throws {
        log = TensorBoardLog { Date(timeIntervalSince1970: 1000) }
        try log.begin(folder)
    }

    /// Records a step without showing it to the log.
    func write(_ step: Int, _ metrics: JSONObject, completions: [JSONObject] = []) throws {
        try JSONLinesWriter(path: folder.metrics).append(MetricsRecord.step(step, metrics))
        let writer = try JSONLinesWriter(path: folder.completions)
        for completion in completions { try writer.append(completion) }
    }

    func add(_ step: Int, _ metrics: JSONObject, completions: [JSONObject] = []) throws {
        try write(step, metrics, completions: completions)
        try log.add(RecordedStep(step: step, metrics: MetricsRecord.step(step, metrics), completions: completions))
    }

    func put(_ bytes: [UInt8]) throws {
        try FileManager.default.createDirectory(atPath: folder.tensorboard, withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(fileURLWithPath: folder.tensorboard + "/events.out.tfevents.1000.touchstone"))
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.tensorboard) }
    func bytes() throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: folder.tensorboard + "/" + (try names()[0]))))
    }
    func events() throws -> [EventReader.Event] { try EventReader.events(bytes()) }
}
