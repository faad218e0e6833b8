import FileTesting
import Foundation
import OrderedJSON
import Testing

/// The real program, killed, and set going again. `TOUCHSTONE_KILLS=100` kills as often as that.
@Suite("Killed and resumed", .serialized)
struct KillTests {
    static let model = Program.package.appendingPathComponent("Checkpoints/tiny-qwen3").path
    static let isThere = FileManager.default.fileExists(atPath: model + "/model.safetensors")
    static let hasStrace = FileManager.default.isExecutableFile(atPath: "/usr/bin/strace")
    static let kills = ProcessInfo.processInfo.environment["TOUCHSTONE_KILLS"].flatMap { Int($0) } ?? 6
    static let recipe = """
        kind: grpo
        name: killed
        seed: 7
        model: {path: \(model), precision: bf16}
        adapter: {kind: lora, rank: 4, alpha: 8}
        data:
          train: {generator: arithmetic, operands: [2, 3], digits: [1, 1]}
          evaluation: {generator: arithmetic, operands: [2, 3], digits: [1, 1], count: 8, seed: 99}
        rewards: [{type: math}, {type: format, weight: 0.1}]
        rollout: {prompts_per_step: 4, completions_per_prompt: 4, max_new_tokens: 24}
        steps: 6
        evaluation: {every: 3, samples: 1, temperature: 0}
        checkpoint: {every: 2, keep: 2}

        """

    /// A run that nobody disturbed.
    private struct Undisturbed {
        let folder: TemporaryFolder
        let recipe: String
        let snapshot: [String: Data]
        let seconds: Double

        init(_ overrides: [String] = [], recipe text: String = KillTests.recipe) throws {
            folder = try TemporaryFolder()
            recipe = try folder.write(text, "recipe.yaml")
            let start = Date()
            let outcome = try Program.run(["train", recipe, "--run-dir", folder.path("run"), "--quiet"] + overrides)
            seconds = Date().timeIntervalSince(start)
            try #require(outcome.status == 0, "\(outcome.messages)")
            snapshot = try KillTests.snapshot(folder.path("run"))
        }
    }

    /// What a run's user can see, without times. Checkpoints count by name: their metrics' length follows the times.
    private static func snapshot(_ run: String) throws -> [String: Data] {
        var result: [String: Data] = [:]
        for name in FileManager.default.enumerator(atPath: run)?.compactMap({ $0 as? String }) ?? [] {
            let url = URL(fileURLWithPath: "\(run)/\(name)")
            if name == "metrics.jsonl" {
                result[name] = Data(try times(removedFrom: Data(contentsOf: url)).utf8)
            } else if name.hasPrefix("tensorboard/") {
                // Its name and numbers hold times, its length does not: a doubled or torn record would change that.
                result["tensorboard/"] = Data("\(try Data(contentsOf: url).count) bytes".utf8)
            } else if ["environment.json", "report.html"].contains(name) {
                result[name] = Data()
            } else {
                result[name] = name.hasSuffix(".h5") ? Data() : (try? Data(contentsOf: url)) ?? Data()
            }
        }
        return result
    }

    private static func times(removedFrom lines: Data) throws -> String {
        try lines.split(separator: UInt8(ascii: "\n")).map { line in
            let object = try #require(try JSONValue(parsing: line).objectValue)
            let kept = object.filter { key, _ in
                key != "step_time" && key != "tokens_per_second" && !key.hasPrefix("time/")
            }
            return JSONValue.object(JSONObject(kept.map { ($0.key, $0.value) })).text() + "\n"
        }.joined()
    }

    /// The arguments that begin a run or go on with it, whatever there is.
    private func arguments(_ recipe: String, _ run: String) -> [String] {
        let files = FileManager.default
        if files.fileExists(atPath: run + "/recipe.yaml") { return ["train", "--resume", run, "--quiet"] }
        return ["train", recipe, files.fileExists(atPath: run) ? "--resume" : "--run-dir", run, "--quiet"]
    }

    @Test(
        "a run that is killed at random moments and resumed is the run that never was",
        .enabled(if: isThere, "no model"))
    func randomKills() throws {
        let undisturbed = try Undisturbed()
        var kills = 0
        while kills < Self.kills {
            let folder = try TemporaryFolder()
            let run = folder.path("run")
            var isDone = false
            var attempts = 0
            while !isDone {
                // Enough kills for a run: the last attempt is left alone.
                let delay = attempts < 3 ? Double.random(in: 0...undisturbed.seconds) : nil
                attempts += 1
                let outcome = try Program.run(arguments(undisturbed.recipe, run)) { process in
                    guard let delay else { return }
                    Thread.sleep(forTimeInterval: delay)
                    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
                }
                isDone = outcome.status == 0
                kills += isDone ? 0 : 1
                try #require(isDone || outcome.status == -SIGKILL, "\(outcome.status) \(outcome.messages)")
            }
            #expect(try Self.snapshot(run) == undisturbed.snapshot)
        }
    }

    @Test(
        "a run that is killed at one of its file operations and resumed is the run that never was",
        .enabled(if: isThere && hasStrace, "no model, or no strace"))
    func killsAtFileOperations() throws {
        let undisturbed = try Undisturbed()
        let calls = ["fsync", "rename", "symlink", "unlink", "rmdir", "mkdir", "ftruncate"]
        var kills = 0
        // A few in the suite, and all of them when many kills are asked for.
        for call in Self.kills < 100 ? Array(calls.prefix(2)) : calls {
            for number in stride(from: 1, to: 1000, by: max(1, 60 / Self.kills)) {
                let folder = try TemporaryFolder()
                let run = folder.path("run")
                let options = [
                    "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                    "inject=\(call):signal=KILL:when=\(number)",
                ]
                let traced = try Program.run(
                    options + [Program.path] + arguments(undisturbed.recipe, run), program: "/usr/bin/strace")
                if traced.status == 0 { break }
                kills += 1
                try #require(traced.status == -SIGKILL, "\(traced.status) \(traced.messages)")
                let outcome = try Program.run(arguments(undisturbed.recipe, run))
                #expect(outcome.status == 0, "\(call) \(number): \(outcome.messages)")
                #expect(try Self.snapshot(run) == undisturbed.snapshot, "\(call) \(number)")
            }
        }
        #expect(kills > (Self.kills < 100 ? 2 : 30))
    }

    /// The recipe for an adapter with magnitudes, or for the experts and routers of a mixture with fresh weights.
    private static func recipe(_ kind: String, in folder: TemporaryFolder) throws -> String {
        let adapter = "{kind: lora, rank: 4, alpha: 8}"
        guard kind == "experts" else {
            return recipe.replacingOccurrences(of: adapter, with: "{kind: lora, rank: 4, alpha: 8, dora: true}")
        }
        var shape = try #require(
            try JSONValue(parsing: Data(contentsOf: URL(fileURLWithPath: model + "/config.json"))).objectValue)
        shape["model_type"] = "qwen3_moe"
        for (key, value) in [
            ("num_experts", 8), ("num_experts_per_tok", 2), ("moe_intermediate_size", 48), ("decoder_sparse_step", 1),
        ] { shape[key] = .integer(value) }
        shape["mlp_only_layers"] = [1]
        shape["norm_topk_prob"] = true
        try folder.write(JSONValue.object(shape).text(), "shape/config.json")
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            try FileManager.default.copyItem(atPath: "\(model)/\(name)", toPath: folder.path("shape/\(name)"))
        }
        let written = try Program.run(
            ["export", folder.path("shape"), "--initialize", "random", "--output", folder.path("mixture")])
        try #require(written.status == 0, "\(written.messages)")
        // Fresh weights say letters at random: some more of these than others.
        return recipe.replacingOccurrences(of: "path: \(model)", with: "path: \(folder.path("mixture"))")
            .replacingOccurrences(of: adapter, with: "{kind: lora, rank: 4, alpha: 8, router: true}")
            .replacingOccurrences(
                of: "[{type: math}, {type: format, weight: 0.1}]",
                with: "[{type: contains, texts: [a, e, i, o, u, s, t, r], rule: share}]")
            + "optimizer: {router_aux_loss_coef: 0.01}\n"
    }

    @Test(
        "a run of magnitudes, and one of experts, that is killed and resumed is the run that never was",
        .enabled(if: isThere, "no model"), arguments: ["magnitudes", "experts"])
    func variants(kind: String) throws {
        let models = try TemporaryFolder()
        let undisturbed = try Undisturbed(recipe: try Self.recipe(kind, in: models))
        let folder = try TemporaryFolder()
        let run = folder.path("run")
        let first = try Program.run(arguments(undisturbed.recipe, run)) { process in
            // Within the third step, or a little later.
            while process.isRunning, !FileManager.default.fileExists(atPath: run + "/checkpoints/step-000002.h5") {
                usleep(2000)
            }
            Thread.sleep(forTimeInterval: Double.random(in: 0...undisturbed.seconds / 4))
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        #expect(first.status == -SIGKILL || first.status == 0, "\(first.messages)")
        let second = try Program.run(["train", "--resume", run, "--quiet"])
        #expect(second.status == 0, "\(second.messages)")
        let resumed = try Self.snapshot(run)
        #expect(resumed == undisturbed.snapshot)
        let factors = kind == "experts" ? "mlp.experts.7.up_proj.lora_B" : "lora_magnitude_vector"
        let adapter = try #require(resumed["adapters/step-000006/adapter_model.safetensors"])
        #expect(adapter.range(of: Data(factors.utf8)) != nil)
        let begun = try #require(resumed["adapters/step-000004/adapter_model.safetensors"])
        #expect(adapter != begun, "nothing was learned")
    }

    @Test("a full disk leaves the old checkpoint and a run that can go on", .enabled(if: isThere, "no model"))
    func fullDisk() throws {
        // Evaluated after every second step, so that the last step of a shorter run is no exception.
        let overrides = ["--set", "evaluation.every=2"]
        let undisturbed = try Undisturbed(overrides)
        let folder = try TemporaryFolder()
        let run = folder.path("run")
        let recipe = undisturbed.recipe
        #expect(
            try Program.run(["train", recipe, "--run-dir", run, "--set", "steps=2", "--quiet"] + overrides).status == 0)
        // No file may have more than 256 KiB: records and adapters fit, checkpoints don't.
        let limited =
            "trap '' XFSZ; ulimit -f 512; exec '\(Program.path)' train --resume '\(run)' --set steps=6 --quiet"
        let outcome = try Program.run(["-c", limited], program: "/bin/sh")
        #expect(outcome.status == 1)
        #expect(outcome.messages == "touchstone: cannot write \(run)/checkpoints/step-000004.h5: File too large\n")
        let names = try FileManager.default.contentsOfDirectory(atPath: run + "/checkpoints").sorted()
        #expect(names == ["step-000000.h5", "step-000002.h5"])
        #expect(try Program.run(["train", "--resume", run, "--set", "steps=6", "--quiet"]).status == 0)
        #expect(try Self.snapshot(run) == undisturbed.snapshot)
    }

    @Test(
        "a run that gets no more memory ends, and goes on from its last checkpoint to the same bytes",
        .enabled(if: isThere && FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit"), "no model"))
    func outOfMemory() throws {
        let overrides = ["--set", "evaluation.every=2"]
        let undisturbed = try Undisturbed(overrides)
        let folder = try TemporaryFolder()
        let run = folder.path("run")
        #expect(
            try Program.run(
                ["train", undisturbed.recipe, "--run-dir", run, "--set", "steps=2", "--quiet"] + overrides
            ).status == 0)
        let goingOn = ["train", "--resume", run, "--set", "steps=6", "--quiet"]
        let begun = try Data(contentsOf: URL(fileURLWithPath: run + "/environment.json"))
        let outcome = try Program.run(goingOn) { process in
            // The model is loaded when the run says so here; from then on the process may not grow any more.
            while process.isRunning, try Data(contentsOf: URL(fileURLWithPath: run + "/environment.json")) == begun {
                usleep(2000)
            }
            let limit = Process()
            limit.executableURL = URL(fileURLWithPath: "/usr/bin/prlimit")
            limit.arguments = ["--pid", "\(process.processIdentifier)", "--as=1000000"]
            try limit.run()
            limit.waitUntilExit()
            // The language's own pool waits for ever for a thread that is refused to it: then the run is killed here.
            for _ in 0..<1200 where process.isRunning { usleep(50_000) }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
        // Small pieces are refused to the language itself, which traps; large ones to us.
        #expect(outcome.status == 1 || outcome.status < 0, "\(outcome.status)")
        #expect(
            outcome.status != 1 || outcome.messages.hasPrefix("touchstone: out of memory: the system refused"),
            "\(outcome.messages)")
        #expect(FileManager.default.fileExists(atPath: run + "/checkpoints/step-000002.h5"))
        let resumed = try Program.run(goingOn)
        #expect(resumed.status == 0, "\(resumed.messages)")
        #expect(try Self.snapshot(run) == undisturbed.snapshot)
    }

    @Test("a run that can't fit into memory is refused before it begins, unless it is to be tried")
    func tooLarge() throws {
        let folder = try TemporaryFolder()
        let recipe = try folder.write(Self.recipe, "recipe.yaml")
        let large = ["--set", "rollout.prompts_per_step=4096", "--set", "rollout.completions_per_prompt=1024"]
        let outcome = try Program.run(["train", recipe, "--run-dir", folder.path("run")] + large)
        #expect(outcome.status == 1 && !FileManager.default.fileExists(atPath: folder.path("run")))
        #expect(outcome.messages.contains("touchstone: the run may take "), "\(outcome.messages)")
        #expect(outcome.messages.contains("lower rollout.max_batch"), "\(outcome.messages)")
        #expect(outcome.messages.hasSuffix("; --allow-low-memory tries all the same\n"), "\(outcome.messages)")
        let split = large + ["--set", "rollout.max_batch=64", "--set", "batch.activation_memory=0.1"]
        #expect(try Program.run(["plan", recipe] + split).status == 0)
    }

    @Test(
        "resuming takes the run's own recipe, passes over damage, and refuses what changed",
        .enabled(if: isThere, "no model"))
    func resuming() throws {
        let undisturbed = try Undisturbed()
        let run = undisturbed.folder.path("run")
        let newest = run + "/checkpoints/step-000006.h5"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: newest))
        bytes[100_000] ^= 1
        try bytes.write(to: URL(fileURLWithPath: newest))
        let outcome = try Program.run(["train", "--resume", run])
        #expect(outcome.status == 0 && outcome.output == run + "\n")
        #expect(
            outcome.messages.contains(
                "touchstone: warning: \(newest): damaged: its bytes don't have the SHA-256 that it was sealed with; "
                    + "it is put aside as \(newest).damaged, and the one before is used\ntouchstone: goes on after step 4\n"
            ),
            "\(outcome.messages)")
        try FileManager.default.removeItem(atPath: newest + ".damaged")
        #expect(try Self.snapshot(run) == undisturbed.snapshot)
        let changed = try Program.run(["train", "--resume", run, "--set", "rollout.temperature=0.5"])
        #expect(changed.status == 2)
        #expect(
            changed.messages.contains("rollout.temperature: 0.5 instead of 1.0; put them back"), "\(changed.messages)")
    }

    @Test("verify-resume, replay and inspect tell the truth about a run", .enabled(if: isThere, "no model"))
    func proofs() throws {
        let undisturbed = try Undisturbed()
        let run = undisturbed.folder.path("run")
        for threads in ["1", "2"] {
            // The recipe in the checkpoint says how many threads; the bits don't depend on it.
            let path = undisturbed.folder.path("run-\(threads)")
            let outcome = try Program.run(
                ["train", undisturbed.recipe, "--run-dir", path, "--set", "threads=\(threads)", "--quiet"])
            #expect(outcome.status == 0)
            let proof = try Program.run(["verify-resume", path, "--quiet"])
            #expect(proof.status == 0 && proof.messages.isEmpty)
            #expect(
                try proof.lines == [
                    [
                        "same": true, "from": 4, "to": 6, "metrics": 2, "completions": 32, "numbers": 162_816,
                        "differences": [],
                    ]
                ])
            var (found, expected) = (try Self.snapshot(path), undisturbed.snapshot)
            (found["recipe.yaml"], expected["recipe.yaml"]) = (nil, nil)
            #expect(found == expected)
        }
        let again = try Program.run(["replay", run, "--step", "6", "--prompt", "3", "--sample", "1", "--quiet"])
        #expect(again.status == 0 && again.messages.isEmpty)
        #expect(try again.lines[0]["same"] == true && again.lines[0]["ids"]?.arrayValue?.isEmpty == false)
        let none = try Program.run(["replay", run, "--step", "6", "--prompt", "4", "--quiet"])
        #expect(none.status == 1 && none.messages.contains("step 6 has prompts 0…3 with samples 0…3, not prompt 4"))
        let checkpoint = try Program.lines(["inspect", run + "/checkpoints/step-000006.h5", "--json"], [])[0]
        #expect(checkpoint["kind"] == "checkpoint" && checkpoint["step"] == 6 && checkpoint["recipe"] == "killed")
        #expect(checkpoint["trainer"]?["state"]?["optimizer"]?["step"] == 6)
        let folder = try Program.lines(["inspect", run, "--json"], [])[0]
        #expect(folder["kind"] == "run" && folder["checkpoints"] == ["step 4": "sound", "step 6": "sound"])
    }
}
