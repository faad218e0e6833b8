import FileTesting
import Foundation
import OrderedJSON
import Testing

/// The real program on several ranks, started by mpirun.
@Suite("Ranks", .serialized, .enabled(if: Launcher.isThere, "mpirun is missing: apt-get install openmpi-bin"))
struct RanksTests {
    @Test(
        "mpirun with two ranks, killed, goes on with three, and one rank writes the same bytes",
        .enabled(if: KillTests.isThere, "Checkpoints/tiny-qwen3 is missing"))
    func sameBytes() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(KillTests.recipe, "recipe.yaml")
        let alone = try Program.run(["train", recipe, "--run-dir", folder.path("one"), "--quiet"])
        try #require(alone.status == 0, "\(alone.messages)")
        let killed = try Launcher.run(2, ["train", recipe, "--run-dir", folder.path("many"), "--quiet"]) { process in
            // At least one checkpoint of a step, and not yet the last.
            let path = folder.path("many/checkpoints/step-000002.h5")
            for _ in 0..<600 where !FileManager.default.fileExists(atPath: path) { usleep(50_000) }
            kill(process.processIdentifier, SIGKILL)
        }
        #expect(killed.status != 0)
        // The ranks of a launcher that is gone go too.
        let claim = folder.path("many")
        var resumed = try Launcher.run(3, ["train", "--resume", claim, "--quiet"])
        for _ in 0..<100 where resumed.messages.contains("another process is writing") {
            usleep(100_000)
            resumed = try Launcher.run(3, ["train", "--resume", claim, "--quiet"])
        }
        try #require(resumed.status == 0, "\(resumed.messages)")
        #expect(resumed.output == "\(claim)\n")
        for name in ["completions.jsonl", "evaluations.jsonl", "adapters/step-000006/adapter_model.safetensors"] {
            let contents = try ["one", "many"].map {
                try Data(contentsOf: URL(fileURLWithPath: folder.path("\($0)/\(name)")))
            }
            #expect(contents[0] == contents[1], "\(name)")
        }
        let metrics = try ["one", "many"].map { try Self.metrics(folder.path("\($0)/metrics.jsonl")) }
        #expect(metrics[0] == metrics[1] && metrics[0].count == 7)
    }

    @Test("a stopped rank ends all within the time given, by name", .enabled(if: KillTests.isThere, "model missing"))
    func stopped() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(KillTests.recipe, "recipe.yaml")
        var stopped: Int32 = 0
        let outcome = try Launcher.run(
            2, ["train", recipe, "--run-dir", folder.path("run"), "--rank-timeout", "3", "--set", "steps=100000"]
        ) { process in
            for _ in 0..<600 where !FileManager.default.fileExists(atPath: folder.path("run/metrics.jsonl")) {
                usleep(50_000)
            }
            stopped = try #require(Launcher.process(ofRank: 1, below: process.processIdentifier))
            kill(stopped, SIGSTOP)
        }
        #expect(outcome.status != 0)
        #expect(outcome.messages.contains("rank 1 ("), "\(outcome.messages)")
        #expect(outcome.messages.contains("has not been heard of for 3 s"))
        // The launcher kills it, but does not wait until it is gone.
        for _ in 0..<200 where kill(stopped, 0) == 0 { usleep(50_000) }
        #expect(kill(stopped, 0) != 0)
    }

    @Test("a mistake is told once, by the first rank, and commands that don't share work refuse several ranks")
    func errors() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write("kind: grpo\nsteps: -1\n", "recipe.yaml")
        let wrong = try Launcher.run(3, ["train", recipe])
        #expect(
            wrong.messages.split(separator: "\n").count { $0.hasPrefix("touchstone: ") && $0.contains("steps") } == 1)
        let chat = try Launcher.run(2, ["tokenize", Reference.model])
        #expect(
            chat.status != 0
                && chat.messages.contains("only train, eval, generate, score, verify and plan work on several"))
    }

    @Test(
        "a rank that computes other bits is found before the first step; with the same kernels all agree",
        .enabled(if: KillTests.isThere && Launcher.hasWideKernels, "needs Checkpoints/tiny-qwen3 and AVX-512"))
    func kernels() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(KillTests.recipe, "recipe.yaml")
        let command = [
            "train", recipe, "--run-dir", folder.path("run"), "--set", "steps=1", "--set", "evaluation.every=0",
        ]
        let mixed = try Launcher.run(1, command + [":", "-np", "1", Program.path] + command + ["--kernels", "avx2"])
        #expect(mixed.status == 1)
        #expect(mixed.messages.contains("the kernels (avx2 instead of avx512"), "\(mixed.messages)")
        #expect(mixed.messages.contains("the backward pass") && mixed.messages.contains("--kernels avx2 makes"))
        try FileManager.default.removeItem(atPath: folder.path("run"))
        let alike = try Launcher.run(2, command + ["--kernels", "avx2"])
        #expect(alike.status == 0, "\(alike.messages)")
    }

    @Test(
        "commands on lines write the same bytes, and report the same lines, on one, two and three ranks",
        .enabled(if: Reference.isPresent, Reference.missing))
    func lines() throws {
        let prompts = (0..<40).map { #"{"id":"p\#($0)","ids":[\#(5 + $0),6,7]}"# } + ["", "not json", #"{"ids":[]}"#]
        let texts = (0..<40).map { #"{"text":"\#(String(repeating: "hello ", count: 1 + $0 * 7 % 23))"}"# } + ["[]"]
        let answers = (0..<60).map { #"{"id":\#($0),"gold":"\#($0)/2","prediction":"\\boxed{\#($0 / 2)}"}"# } + ["{}"]
        let cases: [(command: [String], lines: [String], results: Int)] = [
            (
                [
                    "generate", Reference.model, "--samples", "3", "--max-new-tokens", "9", "--ignore-eos",
                    "--log-level", "warning",
                ],
                prompts, 120
            ), (["score", Reference.model], texts, 40), (["verify", "math"], answers, 60),
        ]
        for (command, lines, results) in cases {
            let input = lines.joined(separator: "\n")
            let alone = try Program.run(command, input: input)
            #expect(alone.status == 1 && alone.messages.contains("line \(lines.count)"))
            #expect(try alone.lines.count == results)
            for ranks in 2...3 {
                let many = try Launcher.run(ranks, command, input: input)
                #expect(many.status == 1 && many.output == alone.output, "\(command[0]) on \(ranks): \(many.messages)")
                #expect(
                    many.messages.split(separator: "\n").filter { $0.hasPrefix("touchstone") }
                        == alone.messages.split(separator: "\n"))
            }
        }
    }

    @Test(
        "generation on ranks that is asked to stop leaves whole lines in order and status 130",
        .enabled(if: Reference.isPresent, Reference.missing))
    func stoppedGeneration() throws {
        let input = (0..<3000).map { _ in #"{"ids":[5,6,7]}"# + "\n" }.joined()
        let outcome = try Launcher.run(
            2, ["generate", Reference.model, "--max-new-tokens", "400", "--ignore-eos", "--max-batch", "4"],
            input: input
        ) { process in
            Thread.sleep(forTimeInterval: 3)
            try Launcher.stop(2, below: process.processIdentifier)
        }
        #expect(outcome.status == 130, "\(outcome.messages)")
        #expect(outcome.output.isEmpty || outcome.output.hasSuffix("\n"))
        let ids = try outcome.lines.compactMap { $0["id"]?.intValue }
        #expect(ids == ids.sorted() && ids.count < 3000)
        #expect(!outcome.messages.contains("touchstone: "), "\(outcome.messages)")
    }

    @Test("without an MPI library several ranks are refused with the remedy")
    func noLibrary() throws {
        let outcome = try Program.run(
            [
                "OMPI_COMM_WORLD_SIZE=2", "TOUCHSTONE_MPI_LIBRARY=libno-such-mpi.so", Program.path, "train",
                "recipe.yaml",
            ], program: "/usr/bin/env")
        #expect(outcome.status == 1 && outcome.messages.contains("apt-get install openmpi-bin"))
    }

    private static func metrics(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
            let object = try JSONValue(parsing: String(line)).objectValue ?? [:]
            return JSONValue.object(
                JSONObject(
                    object.filter {
                        !$0.key.hasPrefix("time/") && !["step_time", "tokens_per_second"].contains($0.key)
                    }.map { ($0.key, $0.value) })
            ).text()
        }
    }
}

/// mpirun of Open MPI.
enum Launcher {
    static let path = "/usr/bin/mpirun"
    static let isThere = FileManager.default.isExecutableFile(atPath: path)

    /// Whether this processor has kernels beyond AVX2.
    static let hasWideKernels =
        (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains("avx512bw") ?? false

    /// What starts the program on so many ranks, more than there are processors if need be.
    static func arguments(_ ranks: Int, _ arguments: [String]) -> [String] {
        ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-np", "\(ranks)", Program.path] + arguments
    }

    /// Runs the program on ranks.
    static func run(
        _ ranks: Int, _ arguments: [String], input: String = "", during: ((Process) throws -> Void)? = nil
    ) throws -> Program.Outcome {
        try Program.run(Self.arguments(ranks, arguments), input: input, program: path, during: during)
    }

    /// Sends SIGUSR1 to all ranks, as the launcher passes it on. It gets none itself that a thread of tests has started: such
    /// threads block signals, and their children do.
    static func stop(_ ranks: Int, below launcher: Int32) throws {
        for rank in 0..<ranks { kill(try #require(process(ofRank: rank, below: launcher)), SIGUSR1) }
    }

    /// The process of a rank below a launcher's.
    static func process(ofRank rank: Int, below launcher: Int32) -> Int32? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.first { process in
            guard let variables = FileManager.default.contents(atPath: "/proc/\(process)/environ") else { return false }
            let status = String(
                decoding: FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data(), as: UTF8.self)
            return status.contains("PPid:\t\(launcher)\n")
                && variables.split(separator: 0).contains(Data("OMPI_COMM_WORLD_RANK=\(rank)".utf8))
        }
    }
}
