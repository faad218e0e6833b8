import Foundation
import OrderedJSON
import Testing
import WorkerProcesses

@testable import Rewards

/// A small web server in Python, whose answers depend on the path.
private final class LocalServer {
    private static let source = #"""
        import http.server, json, socket, socketserver, sys, threading, time
        state = {"busy": 0, "now": 0, "most": 0}
        lock = threading.Lock()
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *args): pass
            def reply(self, value, status=200, headers={}):
                body = (value if isinstance(value, str) else json.dumps(value)).encode()
                self.send_response(status)
                for key, text in headers.items(): self.send_header(key, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                path = self.path
                if path == "/score":
                    self.reply({"id": body["id"], "scores": [len(s["completion"]) for s in body["samples"]]})
                elif path == "/busy":
                    with lock: state["busy"] += 1
                    if state["busy"] % 3: self.reply("later", 503)
                    else: self.reply({"id": body["id"], "scores": [1] * len(body["samples"])})
                elif path == "/broken": self.reply("no", 500)
                elif path == "/refused": self.reply("bad key", 401)
                elif path == "/moved": self.reply("", 302, {"Location": "/score"})
                elif path == "/short": self.reply({"id": body["id"], "scores": [1]})
                elif path == "/slow": time.sleep(30)
                elif path == "/drip":
                    self.send_response(200); self.send_header("Content-Length", "1000"); self.end_headers()
                    for _ in range(100): self.wfile.write(b" "); self.wfile.flush(); time.sleep(0.1)
                elif path == "/flood":
                    self.send_response(200); self.end_headers()
                    while True: self.wfile.write(b"x" * 65536)
                elif path == "/lost": self.connection.shutdown(socket.SHUT_RDWR)
                elif path == "/v1/chat/completions":
                    with lock:
                        state["now"] += 1; state["most"] = max(state["most"], state["now"])
                    time.sleep(0.05)
                    with lock: state["now"] -= 1
                    asked = body["messages"][-1]["content"]
                    key = self.headers.get("Authorization", "")
                    text = "Rating: 3\nOn reflection.\nRating: 7" if "good" in asked else asked
                    if "key" in asked: text = "Rating: 10" if key == "Bearer secret" else "Rating: 0"
                    if "most" in asked: text = "Rating: %d" % state["most"]
                    self.reply({"choices": [{"message": {"role": "assistant", "content": text}}]})
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 128
        server = Server(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        """#

    let url: String
    private let process = Process()
    private let input = Pipe()

    init() throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", Self.source]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        url = "http://127.0.0.1:\(port)"
    }

    deinit {
        // Signals may be blocked in it, as they are in the threads of tests.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

@Suite(
    "Servers", .serialized,
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3"), "needs /usr/bin/python3"))
struct ServerRewardTests {
    private let samples = ["a", "bcd"].map { RewardSample(prompt: "", completion: $0) }
    /// Ample time, so that only what never ends is late.
    private let options = RewardServer.Options(timeout: 20, retries: 2, concurrency: 2, key: "secret", pause: 0.01)
    private let impatient = RewardServer.Options(timeout: 0.8, retries: 1, concurrency: 2, pause: 0.01)

    @Test("a server gets the message of a plugin; what may pass is asked again")
    func http() async throws {
        let local = try LocalServer()
        func score(_ path: String) async throws -> RewardBatch {
            let options = ["/slow", "/drip"].contains(path) ? impatient : options
            return try await HTTPReward(server: RewardServer(local.url + path, options: options)).score(samples)
        }
        #expect(try await score("/score").outcomes == [.score(1), .score(3)])
        #expect(try await score("/busy").outcomes == [.score(1), .score(1)])
        for (path, boundary, text) in [
            ("/broken", RewardFailure.Boundary.unavailable, "status 500, expected 200: no"),
            ("/refused", .unavailable, "status 401, expected 200: bad key"), ("/moved", .unavailable, "status 302"),
            ("/short", .wrongCount, "the reply has 1 scores, expected 2"),
            ("/slow", .timeout, "no answer within 0.8 s"),
            ("/drip", .timeout, "no answer within 0.8 s"), ("/flood", .unparsable, "the answer is too large"),
            ("/lost", .unavailable, "/lost: "),
        ] {
            let failure = await #expect(throws: RewardFailure.self, "\(path)") { try await score(path) }
            #expect(failure?.boundary == boundary, "\(path): \(String(describing: failure))")
            #expect(failure?.detail.contains(text) == true, "\(path): \(String(describing: failure))")
        }
    }

    @Test("answers to many requests at once are not mixed up")
    func manyRequests() async throws {
        let local = try LocalServer()
        let reward = HTTPReward(
            server: try RewardServer(local.url + "/score", options: .init(timeout: 60, retries: 0, concurrency: 16)))
        let lengths = try await inOrder(Array(1...200), width: 200) { length in
            let sample = RewardSample(prompt: "", completion: String(repeating: "x", count: length))
            return try await reward.score([sample]).outcomes
        }
        #expect(lengths == (1...200).map { [.score(Double($0))] })
    }

    @Test("nobody at the address is unavailable; an address must be one of HTTP")
    func nobody() async throws {
        let reward = HTTPReward(server: try RewardServer("http://127.0.0.1:1/x", options: options))
        let failure = await #expect(throws: RewardFailure.self) { try await reward.score(samples) }
        #expect(failure?.boundary == .unavailable)
        for address in ["", "file:///etc/passwd", "http://", "a b"] {
            #expect(throws: RewardsError.self, "\(address)") { try RewardServer(address) }
        }
    }

    @Test("the judge's last mark counts, on the scale from 0 to 1; without one the sample has failed")
    func judge() async throws {
        let local = try LocalServer()
        let server = try RewardServer(local.url + "/v1/chat/completions", options: options)
        let reward = try JudgeReward(
            server: server, question: .init(model: "m", pattern: "Rating: *(-?[0-9]+)") { $0.completion })
        let texts = ["good", "Rating: 11", "none", "key"]
        let outcomes = try await reward.score(texts.map { RewardSample(prompt: "", completion: $0) }).outcomes
        #expect(outcomes.map(\.score) == [0.7, nil, nil, 1], "\(outcomes)")
        #expect(outcomes[1].failure?.detail == "the judge's mark is 11.0, expected 0.0 to 10.0")
        #expect(outcomes[2].failure?.detail == "the judge's reply has no mark: none")
        #expect(outcomes[2].failure?.boundary == .unparsable)
        _ = try await reward.score((0..<12).map { _ in RewardSample(prompt: "", completion: "good") })
        let most = try await reward.score([RewardSample(prompt: "", completion: "most")]).outcomes[0].score
        #expect((most ?? 1) <= 0.2, "at most 2 requests at the same time")
    }

    @Test("many judgements at once stay in the order of their samples")
    func judgeOrder() async throws {
        let local = try LocalServer()
        let server = try RewardServer(
            local.url + "/v1/chat/completions", options: .init(timeout: 60, retries: 0, concurrency: 12))
        let reward = try JudgeReward(
            server: server, question: .init(model: "m", pattern: "Rating: *(-?[0-9]+)") { $0.completion })
        let samples = (0..<100).map { RewardSample(prompt: "", completion: "Rating: \($0 % 11)") }
        let outcomes = try await reward.score(samples).outcomes
        #expect(outcomes == (0..<100).map { .score(Double($0 % 11) / 10) })
    }

    @Test("a judge whose pattern or range makes no sense is refused")
    func judgeFaults() throws {
        let server = try RewardServer("http://127.0.0.1:1")
        for (pattern, best, message) in [
            ("[0-9]+", 10.0, "judge: pattern '[0-9]+' has no group; put ( ) around the number"),
            ("([0-9]+)", 0, "judge: range is 0.0 twice, expected two numbers"),
        ] {
            let error = #expect(throws: RewardsError.self) {
                try JudgeReward(
                    server: server, question: .init(model: "m", pattern: pattern, best: best) { $0.completion })
            }
            #expect(error?.message == message)
        }
        let reward = try JudgeReward(server: server, question: .init(model: "m", pattern: "x*(a|)") { $0.completion })
        #expect(throws: RewardFailure.self) { try reward.mark(in: "bbb") }
    }
}
