"""A small hub that speaks the protocol of the Hugging Face hub, and lies on request: the repository's name says how."""

import hashlib
import http.server
import json
import sys
import threading
import time

WEIGHTS = bytes(range(256)) * 4096
CONFIG = b'{"model_type": "qwen3"}'
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "notes/inner.txt": b"inner", "pytorch_model.bin": b"no"}
cut = set()


def listing(name):
    siblings = []
    for path, body in FILES.items():
        entry = {"rfilename": path, "size": len(body)}
        if path == "model.safetensors":
            entry["lfs"] = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        else:
            entry["blobId"] = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
        siblings.append(entry)
    by_path = {entry["rfilename"]: entry for entry in siblings}
    odd = {
        "traversal": "../evil.json", "absolute": "/tmp/evil.json", "backslash": "..\\evil.json", "empty": "",
        "control": "a\nb.json", "below": "config.json/x.json", "twice": "Config.json", "marker": ".Repository", "dots": "a/../../evil.json",
        "deep": "a/" * 8 + "evil.json", "drive": "C:evil.json", "longname": "e" * 201,
    }
    if name in odd:
        siblings.append({"rfilename": odd[name], "size": 1})
    if name == "hash":
        by_path["model.safetensors"]["lfs"]["sha256"] = "0" * 64
    if name == "blob":
        by_path["config.json"]["blobId"] = "0" * 40
    if name == "badsize":
        by_path["config.json"]["size"] = -1
    if name == "hugesize":
        by_path["config.json"]["size"] = 2**63 - 1
    return {"sha": "main" if name == "nocommit" else COMMIT, "siblings": siblings}


class Hub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        path = self.path.split("?")[0].strip("/").split("/")
        if path[0] == "cdn":
            if self.headers.get("Authorization"):
                return self.answer(400, b"the token was shown to another server")
            return self.send_file("redirect", path[1])
        if path[:2] == ["api", "models"]:
            name = path[3]
            if name == "private" and self.headers.get("Authorization") != "Bearer secret":
                return self.answer(401)
            if name == "notjson":
                return self.answer(200, b"<html>")
            if name == "missing":
                return self.answer(404)
            return self.answer(200, json.dumps(listing(name)).encode())
        if path[2:4] != ["resolve", COMMIT]:
            return self.answer(404)
        self.send_file(path[1], "/".join(path[4:]))

    def send_file(self, name, path):
        body = FILES[path]
        port = self.server.server_port
        large = path == "model.safetensors"
        if name == "loop" and large:
            return self.answer(302, headers=[("Location", self.path)])
        if name == "file" and large:
            return self.answer(302, headers=[("Location", "file:///etc/passwd")])
        if name == "redirect" and large and not self.path.startswith("/cdn"):
            return self.answer(302, headers=[("Location", f"http://localhost:{port}/cdn/{path}")])
        if name == "short" and large:
            return self.answer(200, body[:1000], length=len(body))
        if name == "clipped" and large:
            return self.answer(200, body[:1000])
        if name == "silent" and large:
            time.sleep(30)
        if name == "long" and large:
            return self.answer(200, body + b"more")
        start = 0
        wanted = self.headers.get("Range")
        if wanted and name != "norange":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if name in ("flaky", "norange", "wrongrange") and large and name not in cut:
            cut.add(name)
            return self.answer(200, body[: len(body) // 2], length=len(body))
        if start:
            first = start + 1 if name == "wrongrange" else start
            return self.answer(206, body[start:], [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")])
        self.answer(200, body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
sys.stdin.read()  # Ends with the tests, however those end.
