import Dispatch
import Foundation
import InferenceCore
import OrderedJSON
import Randomness
import Serving
import Synchronization
import Testing

@Suite("Scheduler", .serialized)
struct SchedulerTests {
    private static func body(_ tokens: Int) -> JSONValue {
        ["model": "tiny", "prompt": "1 + 1", "max_tokens": .integer(tokens), "ignore_eos": true, "seed": 1]
    }

    private static func code(_ work: () async throws -> JSONValue) async -> ServingError? {
        do {
            _ = try await work()
            return nil
        } catch { return error as? ServingError }
    }

    /// Jobs whose first token holds the engine until they may go on, so that nothing ends before a test has looked.
    private final class HeldJobs: Sendable {
        private let gate = DispatchSemaphore(value: 0)
        private let log = Mutex<[String]>([])

        var events: [String] { log.withLock { $0 } }

        /// - Parameter pause: Seconds that each token takes besides.
        func job(_ tokens: Int, pause: Double = 0) -> ServingJob {
            let count = Mutex(0)
            return ServingJob(
                request: GenerationRequest(
                    prompt: Array(repeating: 65, count: 4), samples: [RandomAddress(seed: 1, purpose: .sampling)],
                    parameters: .init(), maxNewTokens: tokens, endTokens: []), label: "held"
            ) { [self] event in
                switch event {
                case .prompt: break
                case .token:
                    let number = count.withLock {
                        $0 += 1
                        return $0
                    }
                    if number == 1 { gate.wait() }
                    Thread.sleep(forTimeInterval: pause)
                case .completion: log.withLock { $0.append("\(count.withLock { $0 }) tokens") }
                case .failure(let error): log.withLock { $0.append("\(error.code)") }
                }
            }
        }

        func open() { for _ in 0..<100 { gate.signal() } }

        func waitFor(_ count: Int) async throws {
            while events.count < count { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    @Test("a full queue refuses with a time to wait, and serves again when it has emptied")
    func overload() async throws {
        let bench = try Workbench(limits: ServingLimits(maxBatch: 2, maxQueue: 1))
        let held = HeldJobs()
        for _ in 0..<3 { try bench.service.scheduler.submit(held.job(40)) }
        let refusal = await Self.code { try await bench.answer(Self.body(4), chat: false) }
        #expect(refusal?.code == .overloaded && refusal?.status == 429)
        #expect((1...60).contains(refusal?.retryAfter ?? 0))
        held.open()
        try await held.waitFor(3)
        #expect(held.events == ["40 tokens", "40 tokens", "40 tokens"])
        #expect(await Self.code { try await bench.answer(Self.body(4), chat: false) } == nil)
    }

    @Test("a request over its time is given up, and nothing of it is left")
    func timeout() async throws {
        let bench = try Workbench(options: .init(timeout: 0.05))
        let error = await Self.code { try await bench.answer(Self.body(900), chat: false) }
        #expect(error?.code == .timeout)
        #expect(bench.service.scheduler.samplesInFlight == 0)
    }

    @Test("a client that goes away ends its work, whole or streaming")
    func cancellation() async throws {
        let bench = try Workbench()
        let task = Task { try await bench.answer(Self.body(1000), chat: false) }
        for _ in 0..<2000 where bench.service.scheduler.samplesInFlight == 0 {
            try await Task.sleep(for: .milliseconds(1))
        }
        task.cancel()
        _ = try? await task.value
        var object = Self.body(1000).objectValue ?? [:]
        object["stream"] = true
        if case .stream(let stream) = try await bench.service.complete(Array(JSONValue.object(object).text().utf8)) {
            for await _ in stream { break }
        }
        for _ in 0..<200 where bench.service.scheduler.samplesInFlight > 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(bench.service.scheduler.samplesInFlight == 0)
        let load = bench.service.scheduler.load
        #expect(load.pages == load.cachedPages && load.sequences == 0)
    }

    @Test("ending serves what runs and refuses what comes; what is left after the grace is given up")
    func shutDown() async throws {
        let bench = try Workbench()
        let held = HeldJobs()
        try bench.service.scheduler.submit(held.job(100))
        let ending = Task { await bench.service.scheduler.shutDown(grace: .seconds(600)) }
        while bench.service.scheduler.isAccepting { try await Task.sleep(for: .milliseconds(1)) }
        #expect(await Self.code { try await bench.answer(Self.body(4), chat: false) }?.code == .unavailable)
        held.open()
        await ending.value
        #expect(held.events == ["100 tokens"])

        let other = try Workbench()
        let left = HeldJobs()
        left.open()
        try other.service.scheduler.submit(left.job(900, pause: 0.05))
        await other.service.scheduler.shutDown(grace: .zero)
        #expect(left.events == ["unavailable"])
    }

    @Test("no stream waits for a long prompt: every step gives each running sequence a token")
    func fairness() async throws {
        let bench = try Workbench(limits: ServingLimits(maxBatch: 4))
        let steps = Mutex<[String]>([])
        func job(_ prompt: Int, _ tokens: Int, _ name: String) -> ServingJob {
            ServingJob(
                request: GenerationRequest(
                    prompt: Array(repeating: 65, count: prompt), samples: [RandomAddress(seed: 1, purpose: .sampling)],
                    parameters: .init(), maxNewTokens: tokens, endTokens: []), label: name
            ) { event in
                switch event {
                case .prompt: break
                case .token: steps.withLock { $0.append(name) }
                case .completion: steps.withLock { $0.append(name + " ended") }
                case .failure: steps.withLock { $0.append(name + " failed") }
                }
            }
        }
        let scheduler = bench.service.scheduler
        try scheduler.submit(job(8, 300, "stream"))
        while steps.withLock({ $0.count }) < 20 { try await Task.sleep(for: .milliseconds(1)) }
        try scheduler.submit(job(900, 2, "long"))
        while !steps.withLock({ $0.contains("stream ended") && $0.contains("long ended") }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        let order = steps.withLock { $0 }
        // The stream went on while the prompt was computed in pieces.
        let before = order.prefix { $0 != "long" }.count
        #expect(before > 22, "the long prompt came in at once, after \(before) tokens of the stream")
        #expect(!order.contains { $0.hasSuffix("failed") })
    }
}
