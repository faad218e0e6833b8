import Foundation
import Synchronization
import TensorCore
import Testing

@testable import Serving

/// Work between the steps of a batch.
@Suite("Breaks between steps", .timeLimit(.minutes(2)))
struct StepBreaksTests {
    /// Work in small parts on a thread of its own.
    private final class Worker: Sendable {
        let parts = Atomic<Int>(0)
        let intrusions = Atomic<Int>(0)
        let isStepping = Atomic<Bool>(false)
        let hasEnded = Atomic<Bool>(false)

        /// Starts the thread.
        func start(_ breaks: StepBreaks, parts count: Int) {
            Thread { [self] in
                for _ in 0..<count {
                    breaks.pause()
                    let before = isStepping.load(ordering: .acquiring)
                    Thread.sleep(forTimeInterval: 0.0002)
                    if before || isStepping.load(ordering: .acquiring) { intrusions.wrappingAdd(1, ordering: .relaxed) }
                    parts.wrappingAdd(1, ordering: .relaxed)
                }
                breaks.leave()
                hasEnded.store(true, ordering: .releasing)
            }.start()
        }

        func step(_ breaks: StepBreaks, of seconds: Double) {
            breaks.beginStep(of: seconds)
            isStepping.store(true, ordering: .releasing)
            Thread.sleep(forTimeInterval: 0.001)
            isStepping.store(false, ordering: .releasing)
        }
    }

    @Test("work goes on in breaks, never in steps, and is done in the end")
    func between() {
        let (breaks, worker) = (StepBreaks(patience: 60), Worker())
        breaks.beginStep(of: 0.1)
        worker.start(breaks, parts: 200)
        var steps = 0
        while !worker.hasEnded.load(ordering: .acquiring) {
            worker.step(breaks, of: 0.1)
            steps += 1
        }
        #expect(worker.parts.load(ordering: .relaxed) == 200 && worker.intrusions.load(ordering: .relaxed) == 0)
        // Breaks of 8 ms hold some dozens of parts, not all of them.
        #expect(steps > 2)
    }

    @Test("work runs freely while nothing is computed, and steps back when a step begins")
    func free() {
        let (breaks, worker) = (StepBreaks(patience: 60), Worker())
        worker.start(breaks, parts: 100_000)
        while worker.parts.load(ordering: .relaxed) < 5 { Thread.sleep(forTimeInterval: 0.001) }
        breaks.beginStep(of: 0)
        let held = worker.parts.load(ordering: .relaxed)
        Thread.sleep(forTimeInterval: 0.02)
        #expect(worker.parts.load(ordering: .relaxed) == held)
        breaks.rest()
        while worker.parts.load(ordering: .relaxed) < held + 5 { Thread.sleep(forTimeInterval: 0.001) }
        #expect(worker.intrusions.load(ordering: .relaxed) == 0)
    }

    @Test("a step does not wait long for work that is held up elsewhere")
    func heldUp() {
        let breaks = StepBreaks()
        breaks.pause()
        // It never asks again.
        for _ in 0..<3 { breaks.beginStep(of: 1) }
        breaks.leave()
        // Nobody waits: there is no break.
        #expect(!breaks.beginStep(of: 1))
        breaks.rest()
        breaks.pause()
    }

    @Test("adapters are loaded while streams run, and a shelf that is gone leaves no thread")
    func shelf() async throws {
        var bench: Workbench? = try Workbench()
        weak let breaks = bench?.shelf.breaks
        if let bench {
            let adapter = try bench.adapter(1)
            let streams = (0..<3).map { seed in
                Task {
                    try await bench.answer(
                        ["model": "tiny", "prompt": "1 +", "max_tokens": 200, "seed": .integer(seed)],
                        chat: false)
                }
            }
            for _ in 0..<3 { try await bench.shelf.publish(adapter, as: "a") }
            for stream in streams { _ = try await stream.value }
            await bench.service.scheduler.shutDown(grace: .seconds(10))
        }
        bench = nil
        while breaks != nil { try await Task.sleep(for: .milliseconds(10)) }
    }
}
