import Testing
import WorkerProcesses

extension WorkerProcessTests {
    @Suite("Line worker")
    struct LineWorkerTests {
        private let soon = Duration.milliseconds(300)
        private let late = Duration.seconds(20)

        @Test("one process answers line after line, in order, from any task")
        func answers() async throws {
            let worker = LineWorker(shell(echo))
            for index in 0..<50 { #expect(try await worker.ask("a\(index) ä", timeout: late) == "> a\(index) ä") }
            let replies = try await inOrder(Array(0..<50), width: 50) { try await worker.ask("b\($0)", timeout: late) }
            #expect(replies == (0..<50).map { "> b\($0)" })
            #expect(worker.starts == 1)
            await worker.stop()
            #expect(await workerError { _ = try await worker.ask("x", timeout: late) }?.code == .stopped)
            #expect(try children().isEmpty)
        }

        @Test("questions and replies larger than a pipe pass, both ways at once")
        func large() async throws {
            // Answers when it has read the question's first byte: a writer that waits for the end of its writing would hang.
            let eager = LineWorker(
                WorkerCommand(
                    "/usr/bin/python3",
                    [
                        "-c",
                        // Tells what it read when it is asked again: a line that nobody asked for is dropped.
                        "import sys; r = sys.stdin.buffer; r.read(1); sys.stdout.write('y'*3000000+'\\n'); "
                            + "sys.stdout.flush(); size = len(r.readline()); r.readline(); print(size)",
                    ]))
            let line = String(repeating: "x", count: 5_000_000)
            #expect(try await eager.ask(line, timeout: late).utf8.count == 3_000_000)
            #expect(try await eager.ask("", timeout: late) == "5000000")
            await eager.stop()
        }

        @Test("a reply of which nothing can be made ends the process; a fresh one has its own deadline")
        func reading() async throws {
            struct Unreadable: Error {}
            let worker = LineWorker(shell(echo))
            await #expect(throws: Unreadable.self) {
                try await worker.ask("x", timeout: late, reading: { _ throws -> Int in throw Unreadable() })
            }
            #expect(try await worker.ask("abc", timeout: late, reading: { $0.count }) == 5)
            #expect(worker.starts == 2)
            await worker.stop()
            let slow = LineWorker(shell("sleep 1; \(echo)"))
            #expect(try await slow.ask("a", timeout: soon, startTimeout: late, reading: { $0 }) == "> a")
            await slow.stop()
        }

        @Test("a worker that hangs is killed with its group at the deadline, and started again")
        func hangs() async throws {
            let mark = "9217.0931"
            let worker = LineWorker(
                shell("read -r l; sleep \(mark) & case $l in hang) sleep \(mark);; esac; echo $l; read -r l"))
            let start = ContinuousClock.now
            let error = await workerError { _ = try await worker.ask("hang", timeout: soon) }
            #expect(error?.code == .timeout)
            #expect(error?.message.contains("no reply within 0.3 seconds") == true)
            #expect(ContinuousClock.now - start < .seconds(3))
            #expect(try await eventually { try !isRunning(mark) })
            #expect(try await worker.ask("go", timeout: late) == "go")
            #expect(worker.starts == 2)
            await worker.stop(grace: .zero)
            #expect(try await eventually { try !isRunning(mark) })
        }

        @Test("a death is told with status or signal and the last message, and the next question starts anew")
        func dies() async throws {
            let worker = LineWorker(
                shell(
                    "read -r l; case $l in exit) echo oh no >&2; exit 7;; kill) kill -SEGV $$;; *) echo $l;; esac; exit 0"
                ))
            let error = await workerError { _ = try await worker.ask("exit", timeout: late) }
            #expect(error?.code == .died(.exited(7)))
            #expect(
                error?.message.hasSuffix("the process ended (exit status 7) without a reply; its last message: oh no")
                    == true)
            #expect(worker.errorTail == "oh no\n")
            #expect(
                await workerError { _ = try await worker.ask("kill", timeout: late) }?.code == .died(.signalled(11)))
            #expect(try await worker.ask("fine", timeout: late) == "fine")
            await worker.stop()
            #expect(try children().isEmpty)
        }

        @Test("a reply written just before death still counts")
        func lastWords() async throws {
            for _ in 0..<30 {
                let worker = LineWorker(shell("read -r l; echo $l; exit 3"))
                #expect(try await worker.ask("x", timeout: late) == "x")
                await worker.stop()
            }
        }

        @Test(
            "floods end in an error, quickly and in bounded memory",
            arguments: ["yes | tr -d '\\n'", "cat /dev/zero", "head -c 100000 /dev/zero; sleep 100"])
        func floods(script: String) async throws {
            let worker = LineWorker(shell("read -r l; " + script), maximumReplyBytes: 50_000)
            #expect(await workerError { _ = try await worker.ask("x", timeout: late) }?.code == .floodedOutput)
            await worker.stop()
            #expect(try children().isEmpty)
        }

        @Test("lines that nobody asked for neither block the worker nor answer a later question")
        func unasked() async throws {
            let log = EventLog()
            let worker = LineWorker(
                shell(
                    "i=0; while [ $i -lt 20000 ]; do echo unasked; i=$((i+1)); done; while read -r l; do echo $l; done"),
                maximumReplyBytes: 1 << 22, events: log.add)
            #expect(try await worker.ask("7", timeout: late) { $0 == "7" } == "7")
            #expect(log.all.contains(.unaskedLine("unasked")))
            await worker.stop()
        }

        @Test("a flood on standard error neither blocks the worker nor floods the log")
        func errorFlood() async throws {
            let log = EventLog()
            let worker = LineWorker(
                shell(
                    "while read -r l; do head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; echo >&2; echo last >&2; echo $l; done"
                ),
                events: log.add)
            #expect(try await worker.ask("1", timeout: late) == "1")
            #expect(try await worker.ask("2", timeout: late) == "2")
            await worker.stop()
            #expect(worker.errorTail.utf8.count <= 4096)
            #expect(worker.errorTail.hasSuffix("last\n"))
            let bytes = log.all.reduce(0) { if case .errorLine(let line) = $1 { $0 + line.utf8.count } else { $0 } }
            #expect(bytes < 3_000_000)
        }

        @Test("a line without its end is no reply")
        func unfinished() async throws {
            let worker = LineWorker(shell("read -r l; printf half; sleep 100"))
            #expect(await workerError { _ = try await worker.ask("x", timeout: soon) }?.code == .timeout)
            let dying = LineWorker(shell("read -r l; printf half"))
            #expect(await workerError { _ = try await dying.ask("x", timeout: late) }?.code == .died(.exited(0)))
            let latin = LineWorker(shell("read -r l; printf '\\377\\n'; sleep 100"))
            #expect(await workerError { _ = try await latin.ask("x", timeout: late) }?.code == .unreadable)
        }

        @Test("a worker that closes a pipe and lives on is killed and told")
        func closes() async throws {
            for (script, stream) in [("exec <&-; sleep 100", "input"), ("exec >&-; sleep 100", "output")] {
                let worker = LineWorker(shell(script))
                let question = String(repeating: "x", count: 1_000_000)
                let error = await workerError { _ = try await worker.ask(question, timeout: late) }
                #expect(error?.code == .unreadable)
                #expect(error?.message.contains("closed its standard \(stream) but did not end") == true)
            }
            // A process that ends without reading: the broken pipe must not hide the status.
            let dead = LineWorker(shell("exec <&-; sleep 0.05; exit 9"))
            let question = String(repeating: "x", count: 1_000_000)
            #expect(await workerError { _ = try await dead.ask(question, timeout: late) }?.code == .died(.exited(9)))
            #expect(try children().isEmpty)
        }

        @Test("a death is noticed though children of the worker hold its pipes")
        func heldPipes() async throws {
            let worker = LineWorker(shell("read -r l; setsid sleep 1 & exit 4"))
            #expect(await workerError { _ = try await worker.ask("x", timeout: late) }?.code == .died(.exited(4)))
            #expect(try children().isEmpty)
        }

        @Test("a program that can't start is an error with its reason", arguments: [nil, "/", "/no/such/folder"])
        func cannotStart(folder: String?) async throws {
            let commands =
                folder == "/no/such/folder"
                ? [shell("exit 0")]
                : [
                    WorkerCommand("/no/such/program"), WorkerCommand("no-such-program-93"),
                    WorkerCommand("/etc/passwd"),
                ]
            for command in commands {
                var command = command
                command.workingFolder = folder
                let error = await workerError { _ = try await LineWorker(command).ask("x", timeout: late) }
                #expect(error?.code == .cannotStart)
                #expect(error?.message.hasPrefix("can't start '\(command.executable)") == true)
            }
            #expect(throws: WorkerError.self) { try WorkerCommand(words: []) }
            #expect(try WorkerCommand(words: ["a", "b"]) == WorkerCommand("a", ["b"]))
        }

        @Test("cancelling a question ends it at once and leaves no process")
        func cancel() async throws {
            let worker = LineWorker(shell("read -r l; sleep 9217.0933"))
            let task = Task { try await worker.ask("x", timeout: late) }
            try await Task.sleep(for: .milliseconds(100))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try children().isEmpty)
        }

        @Test("environment, working folder and arguments arrive")
        func surroundings() async throws {
            var command = shell("read -r l; echo $A $1 $(pwd)", "b")
            command.environment = .exactly(["A": "a", "PATH": "/usr/bin:/bin"])
            command.workingFolder = "/usr"
            #expect(try await LineWorker(command).ask("", timeout: late) == "a b /usr")
            command.environment = .inherited(changes: ["A": "c", "HOME": nil])
            #expect(try await LineWorker(command).ask("", timeout: late) == "c b /usr")
        }

        @Test("a worker that is let go is killed; line breaks in a question are refused")
        func letGo() async throws {
            var worker: LineWorker? = LineWorker(shell("while read -r l; do echo $l; done; sleep 9217.0934"))
            #expect(try await worker?.ask("x", timeout: late) == "x")
            let error = await workerError { _ = try await worker?.ask("a\nb", timeout: late) }
            #expect(error?.code == .invalidQuestion)
            worker = nil
            #expect(try await eventually { try children().isEmpty })
        }
    }
}
