import FileTesting
import Foundation
import InferenceCore
import OrderedJSON
import Testing

@testable import Serving

@Suite("Server over HTTP", .serialized)
struct ServerTests {
    private static let chat: JSONValue = [
        "model": "tiny-qwen3", "messages": [["role": "user", "content": "What is 12 + 30?"]], "seed": 5,
        "max_tokens": 40, "logprobs": true, "return_token_ids": true,
    ]

    private static func with(_ changes: JSONObject) -> JSONValue {
        var object = chat.objectValue ?? [:]
        for (key, value) in changes { object[key] = value }
        return .object(object)
    }

    @Test("models, chat, streams, tokens and figures are served in OpenAI's form")
    func places() async throws {
        let server = try await ServerProcess()
        #expect(try await server.get("/health").json["status"] == "ok")
        #expect(try await server.get("/ready").status == 200)
        #expect(try await server.get("/v1/models").json["data"]?[0]?["id"] == "tiny-qwen3")
        let whole = try await server.post("/v1/chat/completions", Self.chat)
        #expect(whole.status == 200)
        let bench = try Workbench()
        let prompt = try #require(try whole.json["prompt_token_ids"]?.arrayValue).compactMap(\.intValue)
        let expected = try bench.alone(prompt, seed: 5, samples: 1, adapter: nil, temperature: 1, max: 40)[0]
        let choice = try #require(try whole.json["choices"]?[0])
        #expect(choice["token_ids"]?.arrayValue?.compactMap(\.intValue) == expected.tokens)
        let logProbs = choice["logprobs"]?["content"]?.arrayValue?.compactMap { $0["logprob"]?.doubleValue }
        #expect(logProbs?.map { Float($0).bitPattern } == expected.logProbs.map(\.bitPattern))

        let stream = try await server.post(
            "/v1/chat/completions", Self.with(["stream": true, "stream_options": ["include_usage": true]]))
        #expect(stream.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        #expect(stream.events.last == "[DONE]")
        let pieces = try stream.events.dropLast().map { try JSONValue(parsing: $0) }
        func text(_ key: String) -> String {
            pieces.compactMap { $0["choices"]?[0]?["delta"]?[key]?.stringValue }.joined()
        }
        #expect(text("content") == choice["message"]?["content"]?.stringValue)
        #expect(pieces.last?["usage"]?["completion_tokens"]?.intValue == expected.tokens.count)

        let plain = try await server.post(
            "/v1/completions",
            ["model": "tiny-qwen3", "prompt": ["1 +", "2 +"], "max_tokens": 4, "n": 2, "logprobs": 1])
        #expect(try plain.json["choices"]?.arrayValue?.count == 4)
        let tokens = try await server.post("/tokenize", ["prompt": "hällo<|im_end|>"])
        let ids = try #require(try tokens.json["tokens"])
        #expect(try await server.post("/detokenize", ["tokens": ids]).json["prompt"] == "hällo<|im_end|>")
        let metrics = try await server.get("/metrics").text
        #expect(metrics.contains("touchstone_generation_tokens_total{model=\"tiny-qwen3\"} "))
        #expect(metrics.contains("touchstone_time_to_first_token_seconds_count{model=\"tiny-qwen3\"} "))
        let page = try await server.get("/")
        #expect(page.text.contains("<title>Touchstone") && page.headers["content-security-policy"] != nil)
        #expect(!server.log.contains("12 + 30"))
        #expect(await server.end() == 0)
    }

    @Test("keys are asked for, those for administration apart; only JSON and only this machine's names are taken")
    func keys() async throws {
        let folder = try TemporaryFolder()
        try "# users\nuser-key\n\nother\n".write(toFile: folder.path + "/keys", atomically: true, encoding: .utf8)
        try "admin-key\n".write(toFile: folder.path + "/admin", atomically: true, encoding: .utf8)
        let server = try await ServerProcess([
            "--api-key-file", folder.path + "/keys", "--admin-key-file", folder.path + "/admin",
        ])
        let unload: JSONValue = ["lora_name": "x"]
        #expect(try await server.get("/health").status == 200)
        for path in ["/v1/models", "/metrics"] {
            #expect(try await server.get(path).status == 401)
            #expect(try await server.get(path, key: "user-kex").status == 401)
            #expect(try await server.get(path, key: "other").status == 200)
        }
        #expect(try await server.post("/v1/chat/completions", Self.chat).status == 401)
        #expect(try await server.post("/v1/unload_lora_adapter", unload, key: "user-key").status == 403)
        #expect(try await server.post("/v1/unload_lora_adapter", unload, key: "admin-key").status == 404)
        let form = try await server.send("/v1/completions", Data("{}".utf8), key: "user-key", type: "text/plain")
        #expect(form.status == 400)
        let connection = try server.connection()
        connection.write("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer other\r\n\r\n")
        #expect(connection.read().hasPrefix("HTTP/1.1 403"))
        let answer = try await server.get("/v1/models", key: "wrong").json
        #expect(answer["error"]?["code"] == "invalid_api_key" && answer["error"]?["type"] == "authentication_error")
    }

    @Test("adapters are loaded, replaced, refused and unloaded over HTTP; nothing outside the folders is read")
    func adapters() async throws {
        let folder = try TemporaryFolder()
        let bench = try Workbench()
        let (allowed, outside) = (folder.path + "/allowed", folder.path + "/outside")
        for path in [allowed, outside] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        for (index, name) in ["one", "two"].enumerated() {
            try Workbench.trainable(bench.served.model, seed: UInt64(index + 1)).write(to: "\(allowed)/\(name)")
        }
        try Workbench.trainable(bench.served.model, seed: 3).write(to: "\(outside)/secret")
        symlink("\(outside)/secret", "\(allowed)/link")
        try FileManager.default.createDirectory(atPath: "\(allowed)/linked", withIntermediateDirectories: true)
        for name in ["adapter_config.json", "adapter_model.safetensors"] {
            symlink("\(outside)/secret/\(name)", "\(allowed)/linked/\(name)")
        }
        let server = try await ServerProcess(["--allow-adapters-from", allowed])
        func load(_ changes: JSONObject) async throws -> ServerProcess.Answer {
            try await server.post("/v1/load_lora_adapter", .object(changes))
        }
        let first = try await load(["lora_name": "a", "lora_path": .string(allowed + "/one")])
        #expect(first.status == 200)
        let digest = try #require(try first.json["digest"]?.stringValue)
        #expect(digest == (try bench.adapter(1)).contentDigest())
        #expect(try await load(["lora_name": "a", "lora_path": "two"]).status == 400)
        let swapped = try await load(["lora_name": "a", "lora_path": "two", "expected_digest": .string(digest)])
        #expect(swapped.status == 200)
        #expect(
            try await load(["lora_name": "a", "lora_path": "one", "expected_digest": .string(digest)]).status == 409)
        #expect(try await load(["lora_name": "a", "lora_path": "one", "load_inplace": true]).status == 200)
        for path in [
            "../outside/secret", allowed + "/../outside/secret", outside + "/secret", "link", "linked", "nothing", "/",
            "/proc/self", "one/../../outside/secret", "\u{0}", String(repeating: "a/", count: 4000),
        ] {
            let answer = try await load(["lora_name": "b", "lora_path": .string(path)])
            #expect(answer.status == 404, "\(path.prefix(60))")
            #expect(!answer.text.contains(folder.path))
        }
        for name in ["", "a b", "../x", "tiny-qwen3", ".x", "a/b", String(repeating: "n", count: 200)] {
            let answer = try await load(["lora_name": .string(name), "lora_path": "one"])
            #expect([400, 409].contains(answer.status), "\(name.prefix(20))")
        }
        let ids = try await server.get("/v1/models").json["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue }
        #expect(ids == ["tiny-qwen3", "a"])
        let asked = try await server.post("/v1/chat/completions", Self.with(["model": "a"]))
        #expect(try asked.json["model"] == "a" && asked.json["system_fingerprint"]?.stringValue == digest)
        #expect(try await server.post("/v1/unload_lora_adapter", ["lora_name": "a"]).status == 200)
        #expect(try await server.post("/v1/chat/completions", Self.with(["model": "a"])).status == 404)
    }

    @Test("hostile requests are refused in OpenAI's form, and the server goes on")
    func abuse() async throws {
        let server = try await ServerProcess(["--max-body", "1"])
        let deep = String(repeating: "[", count: 100_000)
        let bodies: [Data] = [
            Data(), Data("{".utf8), Data("[]".utf8), Data(deep.utf8), Data([0xFF, 0xFE, 0x00]), Data("null".utf8),
            Data("{\"model\":\"tiny-qwen3\",\"messages\":[{\"role\":\"user\",\"content\":\"\u{1}\"}]".utf8),
            Data("{\"model\":\"tiny-qwen3\",\"messages\":[{\"role\":\"user\",\"content\":\"".utf8) + [0xC3, 0x28]
                + Data("\"}]}".utf8),
        ]
        for body in bodies {
            for path in ["/v1/chat/completions", "/v1/completions", "/tokenize", "/v1/load_lora_adapter"] {
                let answer = try await server.send(path, body)
                #expect((400..<500).contains(answer.status), "\(path) \(body.count)")
                #expect(try answer.json["error"]?["message"] != nil)
            }
        }
        let tooLarge = try await server.send("/v1/chat/completions", Data(repeating: 0x20, count: 2 << 20))
        #expect(tooLarge.status == 413)
        #expect(try await server.get("/nothing").status == 404)
        var idle: [RawConnection] = []
        for _ in 0..<300 { idle.append(try server.connection()) }
        for (index, connection) in idle.enumerated() {
            let parts = [
                "GET", "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"mo",
                "\0\0\0",
                "GET /" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\n\r\n", "",
            ]
            connection.write(parts[index % parts.count])
        }
        let streaming = Self.with(["stream": true, "max_tokens": 900, "ignore_eos": true]).text()
        for _ in 0..<8 {
            let connection = try server.connection()
            connection.write(
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(streaming.utf8.count)\r\n\r\n" + streaming)
            #expect(connection.read().contains("200 OK"))
        }
        // The eight have gone in mid-stream: nothing of them may be left.
        let answer = try await server.post("/v1/chat/completions", Self.chat)
        #expect(answer.status == 200)
        var metrics = ""
        for _ in 0..<300 {
            metrics = try await server.get("/metrics").text
            if metrics.contains("touchstone_sequences_running 0\n") { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(metrics.contains("reason=\"cancelled\"} 8\n"))
        idle = []
        #expect(server.isRunning)
    }

    @Test("what runs ends when the server is asked to, what comes then is refused")
    func graceful() async throws {
        let server = try await ServerProcess()
        let body = Self.with(["max_tokens": 600, "ignore_eos": true])
        let running = Task { try await server.post("/v1/chat/completions", body) }
        for _ in 0..<500 {
            if try await server.get("/metrics").text.contains("touchstone_sequences_running 1\n") { break }
        }
        let status = Task { await server.end() }
        let answer = try await running.value
        #expect(answer.status == 200)
        #expect(try answer.json["usage"]?["completion_tokens"] == 600)
        #expect(await status.value == 0)
    }
}
