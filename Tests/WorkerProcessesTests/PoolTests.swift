import Testing
import WorkerProcesses

extension WorkerProcessTests {
    @Suite("Line worker pool")
    struct PoolTests {
        @Test("results come in the order of the questions, failures among them")
        func order() async throws {
            let pool = LineWorkerPool(
                shell("while read -r l; do case $l in *7) exit 1;; *3) sleep 0.02;; esac; echo $l; done"), size: 3)
            let results = try await pool.askAll((0..<40).map(String.init), timeout: .seconds(20))
            for (index, result) in results.enumerated() {
                if index % 10 == 7 {
                    #expect(throws: WorkerError.self) { try result.get() }
                } else {
                    #expect(try result.get() == "\(index)")
                }
            }
            await pool.stop()
            #expect(try children().isEmpty)
        }

        @Test("never more questions are open than there are workers; those who wait can be cancelled")
        func backPressure() async throws {
            let pool = LineWorkerPool(shell(echo + "; sleep 100"), size: 2)
            _ = try await pool.askAll((0..<20).map(String.init), timeout: .seconds(20))
            #expect(pool.workers.map(\.starts).reduce(0, +) <= 2)
            await pool.stop(grace: .zero)

            let busy = LineWorkerPool(shell("sleep 100"), size: 1)
            let first = Task { try await busy.ask("x", timeout: .seconds(60)) }
            try await Task.sleep(for: .milliseconds(50))
            let second = Task { try await busy.ask("y", timeout: .seconds(60)) }
            try await Task.sleep(for: .milliseconds(50))
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(try children().isEmpty)
        }

        @Test("inOrder keeps the order, its width, and the first error")
        func ordered() async throws {
            #expect(try await inOrder(Array(0..<100), width: 7) { $0 * 2 } == (0..<100).map { $0 * 2 })
            #expect(try await inOrder([Int](), width: 0) { $0 }.isEmpty)
            await #expect(throws: CancellationError.self) {
                try await inOrder([1, 2, 3], width: 2) { if $0 == 2 { throw CancellationError() } }
            }
        }
    }
}
