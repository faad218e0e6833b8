import CKernels
import Foundation
import Synchronization
import Testing

/// Runs a Swift closure through the C loop.
private func parallel(_ count: Int, _ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { escaping in
        var closure = escaping
        withUnsafeMutablePointer(to: &closure) { context in
            ck_parallel(count, context) { context, index in
                context?.assumingMemoryBound(to: ((Int) -> Void).self).pointee(index)
            }
        }
    }
}

/// How often each index ran.
private func visits(_ count: Int) -> [UInt8] {
    var seen = [UInt8](repeating: 0, count: count)
    seen.withUnsafeMutableBufferPointer { buffer in
        nonisolated(unsafe) let base = buffer.baseAddress
        parallel(count) { index in base?[index] &+= 1 }
    }
    return seen
}

/// The number of threads is the process's, and no result may depend on it, so other suites may run meanwhile.
@Suite("Parallel loop", .serialized, .timeLimit(.minutes(1)))
struct ParallelTests {
    private func withThreads(_ count: Int, _ body: () throws -> Void) rethrows {
        let before = ck_threads()
        defer { ck_set_threads(before) }
        ck_set_threads(Int32(count))
        try body()
    }

    @Test("every index runs exactly once", arguments: 1...8)
    func everyIndexOnce(threads: Int) {
        withThreads(threads) {
            for count in [0, 1, 2, 3, 1000, 1_000_000] {
                #expect(visits(count).allSatisfy { $0 == 1 }, "\(count) indices")
            }
        }
    }

    @Test("a negative count runs nothing")
    func negativeCount() {
        withThreads(4) { parallel(-3) { _ in Issue.record("an index ran") } }
    }

    @Test("a loop inside a loop runs every index exactly once")
    func nested() {
        withThreads(4) {
            let total = Atomic<Int>(0)
            parallel(40) { _ in
                parallel(50) { inner in total.wrappingAdd(inner + 1, ordering: .relaxed) }
            }
            #expect(total.load(ordering: .relaxed) == 40 * 50 * 51 / 2)
        }
    }

    @Test("loops from several threads at once run every index exactly once")
    func concurrent() {
        withThreads(4) {
            let wrong = Atomic<Int>(0)
            let threads = (0..<4).map { number in
                let done = DispatchSemaphore(value: 0)
                Thread {
                    for _ in 0..<300 where !visits(64 + number).allSatisfy({ $0 == 1 }) {
                        wrong.wrappingAdd(1, ordering: .relaxed)
                    }
                    done.signal()
                }.start()
                return done
            }
            for thread in threads { thread.wait() }
            #expect(wrong.load(ordering: .relaxed) == 0)
        }
    }

    @Test("100,000 tiny loops in a row come to an end, each complete")
    func tinyLoops() {
        withThreads(3) {
            let total = Atomic<Int>(0)
            var incomplete = 0
            for round in 1...100_000 {
                parallel(3) { _ in total.wrappingAdd(1, ordering: .relaxed) }
                if total.load(ordering: .relaxed) != 3 * round { incomplete += 1 }
            }
            #expect(incomplete == 0)
        }
    }

    @Test("the number of threads may change between loops")
    func changingThreads() {
        withThreads(1) {
            for round in 0..<400 {
                ck_set_threads(Int32(round * 7 % 9))
                #expect(visits(37).allSatisfy { $0 == 1 }, "round \(round)")
            }
        }
    }

    @Test("workers that slept take part again")
    func afterSleep() {
        withThreads(3) {
            for _ in 0..<5 {
                usleep(20_000)
                #expect(visits(1000).allSatisfy { $0 == 1 })
            }
        }
    }

    @Test("more than one thread runs a loop")
    func severalThreads() {
        withThreads(3) {
            // Other loops of the process may hold the pool for a moment, so it gets some attempts.
            let several = (0..<50).contains { _ in
                let threads = Mutex(Set<UInt>())
                parallel(8) { _ in
                    _ = threads.withLock { $0.insert(pthread_self()) }
                    usleep(2000)
                }
                return threads.withLock(\.count) > 1
            }
            #expect(several)
        }
    }
}

/// How many processors this thread may run on.
private func processors() -> Int {
    let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
    let mask = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
    return mask.dropFirst(13).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
}

extension ParallelTests {
    @Test(
        "with a thread for each processor the pool's own keep to one each; with more, and for the caller, nothing is bound",
        .enabled(if: processors() > 1, "one processor"))
    func binding() {
        let all = processors()
        /// The processors that the pool's own threads may run on, in as many loops as it takes: others may hold the pool.
        func workers(_ expected: Int) -> Bool {
            (0..<200).contains { _ in
                let caller = pthread_self()
                let found = Mutex(Set<Int>())
                parallel(8) { _ in
                    usleep(1000)
                    if pthread_self() != caller { _ = found.withLock { $0.insert(processors()) } }
                }
                return found.withLock { $0 == [expected] }
            }
        }
        withThreads(all) { #expect(workers(1)) }
        withThreads(all + 1) { #expect(workers(all)) }
        withThreads(all) { #expect(workers(1)) }
        #expect(processors() == all)
    }

    @Test("those that are wanted take part though there are more, all asleep", .enabled(if: processors() > 1))
    func fewer() {
        withThreads(8) { #expect(visits(1000).allSatisfy { $0 == 1 }) }
        withThreads(2) {
            var alone = 0
            // Others may hold the pool at times; but not nearly always.
            for _ in 0..<40 {
                usleep(3000)
                let threads = Mutex(Set<UInt>())
                let limit = DispatchTime.now() + 0.1
                parallel(2) { _ in
                    _ = threads.withLock { $0.insert(UInt(pthread_self())) }
                    while threads.withLock({ $0.count }) < 2, DispatchTime.now() < limit {}
                }
                if threads.withLock({ $0.count }) < 2 { alone += 1 }
            }
            #expect(alone < 20)
        }
    }

    @Test("one caller at a time is kept beside the pool's own, and freed again", .enabled(if: processors() > 1))
    func caller() {
        let all = processors()
        withThreads(all) {
            // Other suites may keep a caller of theirs for a moment.
            let isKept = (0..<2000).contains { _ in
                if ck_keep_caller() { return true }
                usleep(1000)
                return false
            }
            guard isKept else {
                Issue.record("the place was never free")
                return
            }
            #expect(processors() == 1)
            #expect(!ck_keep_caller())
            let others = Atomic<Int>(0)
            let done = DispatchSemaphore(value: 0)
            Thread {
                if ck_keep_caller() { others.wrappingAdd(1, ordering: .relaxed) }
                done.signal()
            }.start()
            done.wait()
            #expect(others.load(ordering: .relaxed) == 0)
            ck_free_caller()
            #expect(processors() == all)
        }
        withThreads(all + 1) { #expect(!ck_keep_caller()) }
    }
}

@Suite("Kernel levels")
struct LevelTests {
    @Test("levels that do not exist are refused and change nothing")
    func unknownLevels() {
        let before = ck_level()
        for level in [-1, ck_best_level() + 1, .max, .min] {
            #expect(!ck_select_level(level))
            #expect(ck_table_of_level(level) == nil)
        }
        #expect(ck_level() == before)
        #expect(ck_select_level(before))
        #expect(ck_level() == before)
    }

    @Test("a level that a thread picks for itself is that of its loops too, and of no other thread")
    func ownLevel() {
        let level = ck_level()
        #expect(ck_own_level() == -1 && !ck_select_own_level(ck_best_level() + 1) && !ck_select_own_level(-2))
        #expect(ck_select_own_level(0))
        let wrong = Atomic<Int>(0)
        parallel(400) { _ in
            if ck_level() != 0 { wrong.wrappingAdd(1, ordering: .relaxed) }
            parallel(2) { _ in if ck_level() != 0 { wrong.wrappingAdd(1, ordering: .relaxed) } }
        }
        #expect(ck_level() == 0 && ck_own_level() == 0 && wrong.load(ordering: .relaxed) == 0)
        let done = DispatchSemaphore(value: 0)
        Thread {
            parallel(400) { _ in if ck_level() != level { wrong.wrappingAdd(1, ordering: .relaxed) } }
            done.signal()
        }.start()
        done.wait()
        #expect(ck_select_own_level(-1))
        parallel(400) { _ in if ck_level() != level { wrong.wrappingAdd(1, ordering: .relaxed) } }
        #expect(ck_level() == level && wrong.load(ordering: .relaxed) == 0)
    }

    @Test("the functions run the kernels of the chosen level")
    func dispatch() {
        let x: [Float] = (0..<1000).map { Float($0 % 37) * 0.01 - 0.1 }
        guard let table = ck_table_of_level(ck_level()) else {
            Issue.record("level \(ck_level()) has no table")
            return
        }
        #expect(ck_dot(x, x, x.count) == table.pointee.dot(x, x, x.count))
        #expect(ck_argmax(x, x.count) == table.pointee.argmax(x, x.count))
    }
}
