import FileTesting
import Foundation
import Testing

/// What becomes of a run on several ranks when one of them or the disk fails, or when it is asked to stop.
@Suite(
    "Failing ranks", .serialized,
    .enabled(if: Launcher.isThere && KillTests.isThere, "mpirun or Checkpoints/tiny-qwen3 is missing"))
struct RankFailureTests {
    private static let canMount =
        (try? Program.run(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], program: "/usr/bin/unshare").status) == 0

    /// A run of many steps in a folder of its own.
    private struct Run {
        let folder: TemporaryFolder
        let path: String
        let command: [String]

        init() throws {
            folder = try TemporaryFolder()
            path = folder.path("run")
            let recipe = try folder.write(KillTests.recipe, "recipe.yaml")
            command = ["train", recipe, "--run-dir", path, "--set", "steps=2000", "--set", "checkpoint.every=1"]
        }

        /// Waits until two steps are saved.
        func waitForSteps() {
            for _ in 0..<1200
            where !FileManager.default.fileExists(atPath: path + "/checkpoints/step-000002.h5") { usleep(50_000) }
        }

        /// The newest checkpoint's step.
        func saved(in path: String) throws -> Int {
            let names = try FileManager.default.contentsOfDirectory(atPath: path + "/checkpoints")
            return names.compactMap { Int($0.dropFirst(5).prefix(6)) }.max() ?? 0
        }

        /// Goes on for a step with other ranks, and requires that it can.
        func goOn(_ ranks: Int, in path: String) throws {
            let step = try saved(in: path)
            let outcome = try Launcher.run(
                ranks, ["train", "--resume", path, "--set", "steps=\(step + 1)", "--set", "evaluation.every=0"])
            #expect(outcome.status == 0, "\(outcome.messages)")
            #expect(outcome.messages.contains("goes on after step \(step)"))
            #expect(try saved(in: path) == step + 1)
        }
    }

    @Test("SIGUSR1 to the launcher stops all ranks after the same step, saved; another number of them goes on")
    func stop() throws {
        let run = try Run()
        let outcome = try Launcher.run(3, run.command) { process in
            run.waitForSteps()
            try Launcher.stop(3, below: process.processIdentifier)
        }
        #expect(outcome.status == 130)
        #expect(outcome.messages.components(separatedBy: "all of it is saved").count == 2, "\(outcome.messages)")
        try run.goOn(2, in: run.path)
    }

    @Test("a rank that is killed ends all; the last checkpoint is whole, and the ranks that are left go on")
    func killed() throws {
        let run = try Run()
        let outcome = try Launcher.run(3, run.command) { process in
            run.waitForSteps()
            kill(try #require(Launcher.process(ofRank: 1, below: process.processIdentifier)), SIGKILL)
        }
        #expect(outcome.status != 0 && outcome.messages.contains("signal 9"), "\(outcome.messages)")
        try run.goOn(2, in: run.path)
    }

    @Test(
        "a full disk is told once, and what was saved before goes on elsewhere",
        .enabled(if: canMount, "a file system can't be mounted here"))
    func disk() throws {
        let run = try Run()
        let (mounted, copy) = (run.folder.path("mounted"), run.folder.path("copy"))
        try FileManager.default.createDirectory(atPath: mounted, withIntermediateDirectories: true)
        let command = run.command.map { $0 == run.path ? mounted + "/run" : $0 }
        let script = """
            mount -t tmpfs -o size=1200k tmpfs '\(mounted)' || exit 99
            "$@"
            status=$?
            cp -a '\(mounted)/run' '\(copy)'
            exit $status
            """
        let outcome = try Program.run(
            ["-rm", "/bin/sh", "-c", script, "sh", Launcher.path] + Launcher.arguments(2, command),
            program: "/usr/bin/unshare")
        #expect(outcome.status == 1, "\(outcome.messages)")
        let told = outcome.messages.split(separator: "\n").filter { $0.contains("No space left") }
        #expect(told.count == 1, "\(outcome.messages)")
        try run.goOn(2, in: copy)
    }
}
