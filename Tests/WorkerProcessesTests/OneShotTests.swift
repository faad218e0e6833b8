import Glibc
import Testing
import WorkerProcesses

extension WorkerProcessTests {
    @Suite("One-shot run")
    struct OneShotTests {
        private func limits(_ seconds: Double = 20, output: Int = 1 << 20, floodKills: Bool = true) -> RunLimits {
            RunLimits(wallTime: .seconds(seconds), outputBytes: output, errorBytes: 1000, floodKills: floodKills)
        }

        @Test("input goes in, both outputs and the status come out")
        func plain() async throws {
            let result = try await shell("cat; echo err >&2; exit 5").run(input: Array("hello".utf8), limits: limits())
            #expect(result.output == Array("hello".utf8))
            #expect(result.errorOutput == Array("err\n".utf8))
            #expect(result.end == .exited(5))
            #expect(result.outcome == .ended)
            #expect(!result.outputWasCut && !result.errorOutputWasCut)
            #expect(try await shell("kill -KILL $$").run(limits: limits()).end == .signalled(9))
        }

        @Test("megabytes pass both ways, and a program that reads nothing does no harm")
        func large() async throws {
            let input = [UInt8](repeating: 0x61, count: 3_000_000)
            #expect(try await shell("cat").run(input: input, limits: limits(output: 4_000_000)).output == input)
            #expect(try await shell("exit 0").run(input: input, limits: limits()).end == .exited(0))
            #expect(
                try await shell("exec <&-; sleep 0.1; echo x").run(input: input, limits: limits()).output == [
                    0x78, 0x0A,
                ])
        }

        @Test("the deadline kills the whole group")
        func deadline() async throws {
            let mark = "9217.0941"
            let result = try await shell("sleep \(mark) & echo begun; sleep \(mark)").run(limits: limits(0.3))
            #expect(result.outcome == .timedOut)
            #expect(result.end == .signalled(9))
            #expect(result.output == Array("begun\n".utf8))
            #expect(result.wallTime >= .seconds(0.3) && result.wallTime < .seconds(3))
            #expect(try await eventually { try !isRunning(mark) })
        }

        @Test("floods are cut, on either output, and kill or not as told")
        func floods() async throws {
            let killed = try await shell("yes").run(limits: limits(output: 1000))
            #expect(killed.outcome == .flooded)
            #expect(killed.output.count == 1000 && killed.outputWasCut)
            let drained = try await shell("head -c 5000000 /dev/zero; exit 3")
                .run(limits: limits(output: 1000, floodKills: false))
            #expect(drained.outcome == .ended && drained.end == .exited(3))
            #expect(drained.output.count == 1000 && drained.outputWasCut)
            let error = try await shell("head -c 5000000 /dev/zero >&2; exit 4").run(limits: limits())
            #expect(error.end == .exited(4))
            #expect(error.errorOutput.count == 1000 && error.errorOutputWasCut)
            #expect(try await shell("yes >&2").run(limits: limits(0.3)).outcome == .timedOut)
        }

        @Test(
            "the result doesn't wait for children that hold the pipes, nor for one that left the group and floods them")
        func heldPipes() async throws {
            // They outlive the deadline: a run that waited for them would be killed there.
            for script in [
                "sleep 9217.0942 & echo done", "setsid sleep 25 & echo done", "setsid timeout 25 yes & sleep 0.1",
            ] {
                let result = try await shell(script).run(limits: limits(output: 1 << 22, floodKills: false))
                #expect(result.outcome == .ended && result.end == .exited(0))
            }
            #expect(try await eventually { try !isRunning("9217.0942") })
        }

        @Test("all that was written before the end is read", arguments: 0..<5)
        func complete(_ round: Int) async throws {
            let result = try await shell("head -c 60000 /dev/zero").run(limits: limits())
            #expect(result.output.count == 60000)
        }

        @Test("hundreds of runs at once leave no descriptor, no process and no zombie")
        func leaks() async throws {
            // The first run opens what the spawning library keeps.
            _ = try await shell("exit 0").run(limits: limits())
            let before = openDescriptors()
            let results = try await inOrder(Array(0..<200), width: 16) { index in
                switch index % 5 {
                case 0: try await shell("echo \(index); sleep 9217.0944 & exit 0").run(limits: limits()).output
                case 1: try await shell("sleep 9217.0944").run(limits: limits(0.02)).output
                case 2: try await shell("yes").run(limits: limits(output: 10)).output
                case 3: try? await WorkerCommand("/no/such").run(limits: limits()).output
                default: try await shell("cat").run(input: Array("\(index)\n".utf8), limits: limits()).output
                }
            }
            #expect(results[0] == Array("0\n".utf8) && results[199] == Array("199\n".utf8))
            // Other tests of the same program open some at the same time; a leak would be one or more for each run.
            #expect(openDescriptors() < before + 100)
            #expect(try children().isEmpty)
            #expect(try await eventually { try !isRunning("9217.0944") })
        }

        @Test("a process sees no descriptor but its own three")
        func inherited() async throws {
            let secret = open("/etc/passwd", O_RDONLY)
            defer { close(secret) }
            let result = try await shell("ls /proc/self/fd").run(limits: limits())
            // 3 is the folder that `ls` reads.
            #expect(result.output == Array("0\n1\n2\n3\n".utf8))
        }

        @Test("cancelling kills the group and throws")
        func cancel() async throws {
            let task = Task { try await shell("sleep 9217.0943").run(limits: limits()) }
            try await Task.sleep(for: .milliseconds(100))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try children().isEmpty)
        }
    }
}
