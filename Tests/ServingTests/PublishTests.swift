import FileTesting
import Foundation
import OrderedJSON
import Testing

@Suite("Publishing while training", .serialized)
struct PublishTests {
    /// Runs the command and gives its output.
    private static func run(_ arguments: [String], input: String = "") throws -> String {
        let folder = try TemporaryFolder()
        let path = folder.path + "/in"
        try input.write(toFile: path, atomically: true, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ServerProcess.path).deletingLastPathComponent()
            .appendingPathComponent("touchstone")
        process.arguments = arguments
        process.standardInput = FileHandle(forReadingAtPath: path)
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(arguments)")
        return String(decoding: output, as: UTF8.self)
    }

    private static let recipe = """
        kind: grpo
        name: live
        seed: 7
        model: {path: "\(Workbench.modelPath)", precision: fp32}
        adapter: {kind: lora, rank: 4, alpha: 8}
        data: {train: {generator: arithmetic, operands: [2, 3], digits: [1, 2]}}
        rewards: [{type: math}]
        rollout: {prompts_per_step: 8, completions_per_prompt: 8, max_new_tokens: 32}
        optimizer: {learning_rate: 1e-3}
        steps: 3

        """

    @Test(
        "each step's adapter is served, and its log-probabilities are those that the trainer computes, bit for bit",
        arguments: [true, false])
    func publishes(overHTTP: Bool) async throws {
        let folder = try TemporaryFolder()
        let (run, served) = (folder.path + "/run", folder.path + "/served")
        try FileManager.default.createDirectory(atPath: served, withIntermediateDirectories: true)
        let server = try await ServerProcess(
            overHTTP ? ["--allow-adapters-from", folder.path] : ["--adapters-dir", served])
        let recipe = folder.path + "/recipe.yaml"
        try (Self.recipe + "publish: \(overHTTP ? "http://127.0.0.1:\(server.port)" : "served")\n")
            .write(toFile: recipe, atomically: true, encoding: .utf8)
        _ = try Self.run(["train", recipe, "--run-dir", run, "--quiet"])
        var entry: JSONValue?
        // A watched folder is looked at twice a second.
        for _ in 0..<200 {
            entry = try await server.get("/v1/models").json["data"]?.arrayValue?.first { $0["id"] == "live" }
            let version = entry?["version"]?.intValue ?? 0
            // A step that learns nothing publishes what is there already.
            if version > (overHTTP ? 1 : 0) { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await Task.sleep(for: .milliseconds(overHTTP ? 0 : 1500))
        if overHTTP { #expect(entry?["version"]?.intValue ?? 0 > 1) }

        let answer = try await server.post(
            "/v1/chat/completions",
            [
                "model": "live", "messages": [["role": "user", "content": "What is 3 + 4?"]], "seed": 2,
                "max_tokens": 40, "logprobs": true, "return_token_ids": true,
            ]
        ).json
        let prompt = try #require(answer["prompt_token_ids"]?.arrayValue)
        let tokens = try #require(answer["choices"]?[0]?["token_ids"]?.arrayValue)
        let told = answer["choices"]?[0]?["logprobs"]?["content"]?.arrayValue?.compactMap { $0["logprob"]?.doubleValue }
        let scored = try Self.run(
            ["score", Workbench.modelPath, "--precision", "fp32", "--adapter", run + "/adapter", "--quiet"],
            input: JSONValue.object(["ids": .array(prompt + tokens)]).text() + "\n")
        let expected = try JSONValue(parsing: scored)["logprobs"]?.arrayValue?.dropFirst(prompt.count)
            .compactMap(\.doubleValue)
        #expect(told?.map { Float($0).bitPattern } == expected?.map { Float($0).bitPattern })
        #expect(told?.count == tokens.count)
    }

    @Test("serve starts the server that lies beside the command, and says how to build it where it is missing")
    func serve() async throws {
        let help = try Self.run(["serve", "--help"])
        #expect(help.contains("--adapters-dir") && help.contains("touchstone serve"))
        let folder = try TemporaryFolder()
        let program = URL(fileURLWithPath: ServerProcess.path).deletingLastPathComponent()
            .appendingPathComponent("touchstone").path
        try FileManager.default.copyItem(atPath: program, toPath: folder.path + "/touchstone")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: folder.path + "/touchstone")
        process.arguments = ["serve", "model"]
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 1 && text.contains("build it with 'make server'"))
    }
}
