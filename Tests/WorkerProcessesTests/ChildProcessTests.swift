import Synchronization
import Testing

@testable import WorkerProcesses

extension WorkerProcessTests {
    @Suite("Child processes")
    struct ChildProcessTests {
        /// Keeps what a child writes, and kills it when it is late.
        private final class Killer: ChildListener {
            let heard = Mutex((output: [UInt8](), lateness: 0))
            let ends: AsyncStream<ProcessEnd>
            private let end: AsyncStream<ProcessEnd>.Continuation

            init() { (ends, end) = AsyncStream<ProcessEnd>.makeStream() }

            func childWrote(_: ChildProcess, _ bytes: UnsafeRawBufferPointer) {
                heard.withLock { $0.output += Array(bytes) }
            }
            func childWroteError(_: ChildProcess, _: UnsafeRawBufferPointer) {}
            func childClosed(_: ChildProcess, _: ChildStream) {}
            func childIsLate(_ child: ChildProcess) {
                heard.withLock { $0.lateness += 1 }
                child.kill()
            }
            func childEnded(_ end: ProcessEnd, after _: Duration) {
                self.end.yield(end)
                self.end.finish()
            }
        }

        @Test("input and deadline given with the start hold though the caller does nothing more")
        func orders() async throws {
            let killer = Killer()
            _ = try await ChildProcess.start(
                shell("cat; sleep 9217.0949"),
                orders: .init(input: Array("hello".utf8), wallTime: .milliseconds(300)), listener: killer)
            var ends: [ProcessEnd] = []
            for await end in killer.ends { ends.append(end) }
            #expect(ends == [.signalled(9)])
            let (output, lateness) = killer.heard.withLock { ($0.output, $0.lateness) }
            #expect(output == Array("hello".utf8))
            #expect(lateness == 1)
        }
    }
}
