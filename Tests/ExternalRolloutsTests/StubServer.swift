import Foundation
import OrderedJSON

/// A small server that speaks as vLLM does. Its completions depend on prompt, seed and a salt alone; what it does wrong is
/// set under `/misbehave`.
final class StubServer: @unchecked Sendable {
    private static let source = #"""
        import http.server, json, socket, socketserver, sys, threading, time
        lock = threading.Lock()
        state = {"adapters": [], "mode": "", "count": 0, "salt": 0, "asked": 0, "loaded": [], "unloaded": [],
                 "most": 0, "requests": [], "now": 0, "peak": 0}
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *args): pass
            def reply(self, value, status=200):
                body = (value if isinstance(value, str) else json.dumps(value)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def error(self, status, text): self.reply({"error": {"message": text}}, status)
            def do_GET(self):
                with lock: snapshot = json.loads(json.dumps(state))
                if self.path == "/state": return self.reply(snapshot)
                self.reply({"data": [{"id": name} for name in ["base"] + snapshot["adapters"]]})
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/misbehave":
                    with lock: state.update(body)
                    return self.reply({})
                if self.path == "/v1/load_lora_adapter":
                    with lock:
                        name = body["lora_name"]
                        if name in state["adapters"]: return self.error(400, "already been loaded")
                        if state["mode"] == "refuse": return self.error(400, "rank 16 is greater than max_lora_rank 8")
                        open(body["lora_path"] + "/adapter_config.json").close()
                        state["adapters"].append(name); state["loaded"].append(name)
                        state["most"] = max(state["most"], len(state["adapters"]))
                    return self.reply("Success")
                if self.path == "/v1/unload_lora_adapter":
                    with lock:
                        if body["lora_name"] not in state["adapters"]: return self.error(404, "not found")
                        state["adapters"].remove(body["lora_name"]); state["unloaded"].append(body["lora_name"])
                    return self.reply("Success")
                with lock:
                    state["asked"] += 1
                    state["requests"].append(body)
                    mode = ""
                    if state["mode"] and state["count"] != 0:
                        state["count"] -= 1
                        mode = state["mode"]
                    known = body["model"] in state["adapters"]
                    state["now"] += 1; state["peak"] = max(state["peak"], state["now"])
                try: self.complete(body, mode, known)
                finally:
                    with lock: state["now"] -= 1
            def complete(self, body, mode, known):
                if mode == "500": return self.error(500, "engine died")
                if mode == "400": return self.error(400, "no")
                if mode == "503": return self.error(503, "later")
                if mode == "lost": return self.connection.shutdown(socket.SHUT_RDWR)
                if mode == "slow": time.sleep(20)
                if mode == "late": time.sleep(2.5)
                if mode == "forgets":
                    with lock: state["adapters"].clear()
                    known = False
                if not known: return self.error(404, "The model `%s` does not exist." % body["model"])
                ends = body["stop_token_ids"]
                count = body["max_tokens"]
                mix = sum(body["prompt"]) * 31 + body["seed"] + state["salt"]
                tokens = [(mix // (i + 1) + 7 * i) % 200 + 20 for i in range(count)]
                tokens = [t for t in tokens if t not in ends]
                while len(tokens) < count: tokens.append(19)
                logprobs = [-0.25 - (t % 50) / 10 for t in tokens]
                finish = "length"
                if body["seed"] % 3 == 0:
                    tokens, logprobs, finish = tokens[:4] + [ends[0]], logprobs[:5], "stop"
                choice = {"index": 0, "text": "?", "finish_reason": finish, "stop_reason": None,
                          "prompt_token_ids": list(body["prompt"])}
                answer = {"object": "text_completion", "model": body["model"], "choices": [choice]}
                if mode == "ids": tokens[1] = 10 ** 9
                if mode == "negative": tokens[1] = -1
                if mode == "short": logprobs = logprobs[1:]
                if mode == "nan": logprobs[0] = float("nan")
                if mode == "infinite": logprobs[0] = -9999.0
                if mode == "model": answer["model"] = "base"
                if mode == "early": finish = choice["finish_reason"] = "length"; tokens, logprobs = tokens[:2], logprobs[:2]
                if mode == "prompt": choice["prompt_token_ids"] = [1]
                if mode == "empty": tokens, logprobs = [], []
                if mode == "long": tokens, logprobs = tokens * 9, logprobs * 9
                if mode == "json": return self.reply("{\"choices\": [")
                choice["token_ids"] = tokens
                choice["logprobs"] = {"tokens": ["token_id:%d" % t for t in tokens], "token_logprobs": logprobs}
                self.reply(answer)
        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128
        server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
        print(server.server_address[1], flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        """#

    static let isThere = FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }
    private let process = Process()
    private let input = Pipe()

    /// - Parameter port: 0 for any.
    init(port: Int = 0) throws {
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", Self.source, String(port)]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        self.port = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    deinit { end() }

    /// Kills it.
    func end() {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Does something wrong with the next completions; for ever with −1.
    func misbehave(_ mode: String, count: Int = -1) throws {
        try post(["mode": .string(mode), "count": .integer(count)])
    }

    /// Makes other completions from now on.
    func salt(_ salt: Int) throws { try post(["salt": .integer(salt)]) }

    private func post(_ body: JSONValue) throws {
        // Foundation's synchronous loading has no bodies.
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        curl.arguments = [
            "-c",
            "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1] + '/misbehave', sys.argv[2].encode()))",
            url, body.text(),
        ]
        try curl.run()
        curl.waitUntilExit()
    }

    /// What it has seen.
    func state() throws -> JSONValue {
        guard let address = URL(string: url + "/state") else { throw CocoaError(.fileNoSuchFile) }
        return try JSONValue(parsing: Data(contentsOf: address))
    }
}
