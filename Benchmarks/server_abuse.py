"""Mistreats a running server and watches that it answers rightly all the while, with nothing but Python's standard library.

    touchstone serve Checkpoints/tiny-qwen3 --precision fp32 --api-key-file KEYS --admin-key-file ADMIN --port 8000 \\
        --allow-adapters-from ADAPTERS --default-max-tokens 16
    TOUCHSTONE_API_KEY=… TOUCHSTONE_ADMIN_KEY=… python Benchmarks/server_abuse.py http://127.0.0.1:8000 --pid PID

Broken JSON, invalid UTF-8, wrong types, hostile schemas, wrong keys, paths that lead out, huge bodies, random bytes, half
requests, idle connections, slow readers and readers that leave: each must get its status, the server must go on answering
a fixed question with the same words, and its memory must come back. One JSON line of figures, or the first thing that does
not hold.
"""

import argparse
import collections
import concurrent.futures
import http.client
import json
import multiprocessing
import os
import random
import resource
import select
import socket
import struct
import sys
import threading
import time
import urllib.parse

KEY = os.environ.get("TOUCHSTONE_API_KEY", "none")
ADMIN = os.environ.get("TOUCHSTONE_ADMIN_KEY", "none")
QUESTION = [{"role": "user", "content": "What is 57 + 38 - 46?"}]


BEGIN = time.monotonic()


def tell(text):
    print(f"{time.monotonic() - BEGIN:7.1f} s  {text}", file=sys.stderr, flush=True)


class Server:
    def __init__(self, base, pid):
        self.place = urllib.parse.urlsplit(base)
        self.pid = pid
        self.model = json.loads(self.send("GET", "/v1/models")[1])["data"][0]["id"]

    def connect(self):
        return socket.create_connection((self.place.hostname, self.place.port), timeout=60)

    def send(self, method, path, body=b"", key=KEY, kind="application/json"):
        """Status and body of an answer on a connection of its own."""
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=120)
        try:
            headers = {"Authorization": f"Bearer {key}"}
            if method == "POST":
                headers["Content-Type"] = kind
            connection.request(method, path, body if method == "POST" else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def body(self, **fields):
        return json.dumps({"model": self.model, "messages": QUESTION, "seed": 1, "temperature": 1, "max_tokens": 24, **fields}).encode()

    def question(self):
        status, body = self.send("POST", "/v1/chat/completions", self.body())
        assert status == 200, (status, body[:200])
        return json.loads(body)["choices"][0]["message"]["content"]

    def raw(self, body, path="/v1/chat/completions"):
        return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body

    def memory(self):
        """Resident MiB."""
        if not self.pid:
            return 0
        for line in open(f"/proc/{self.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd")) if self.pid else 0


VALUES = [None, -1, 1e999, [], {}, "\ud800", 9223372036854775807, 1e-320, True, [[[]]], "x" * 5000, [1, "a", None], "\0"]
SCHEMAS = [
    {"$ref": "#"}, {"anyOf": [{"$ref": "#"}]}, {"oneOf": []}, {"type": "string", "pattern": "(a|b)*a(a|b){25}"},
    {"type": "string", "pattern": "((((((((((a{9}){9}){9}){9}){9})"}, {"enum": []}, {"type": []}, 7,
    {"type": "string", "minLength": 10 ** 9}, {"type": "array", "minItems": 10 ** 15, "items": {"type": "null"}},
    {"properties": {"\u0000": False}, "required": ["\u0000"]}, {"type": "number", "minimum": 1e308, "maximum": -1e308},
    {"allOf": [{}, {}]}, {"$ref": "#/" + "a/" * 500}, {"type": "string", "pattern": "[" + "a-z" * 900 + "]{900}"}]


def fuzzed(server, generator):
    """A request, and the statuses that are right for it."""
    kind = generator.randrange(10)
    body = json.loads(server.body(max_tokens=2, n=1, stop=["x"], logprobs=True, top_logprobs=2, stream=False))
    path = generator.choice(["/v1/chat/completions", "/v1/completions"])
    if path == "/v1/completions":
        body["prompt"], body["logprobs"] = "1 + 1 =", 1
    text = json.dumps(body).encode()
    if kind <= 2:
        damaged = bytearray(text)
        for _ in range(generator.randrange(1, 6)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        return "damaged", "POST", path, bytes(damaged), KEY, {200, 400, 404, 413}
    if kind == 3:
        return "cut", "POST", path, text[:generator.randrange(len(text))], KEY, {400}
    if kind <= 5:
        field = generator.choice(list(body) + ["tools", "response_format", "echo", "stop_token_ids", "thinking_budget"])
        body[field] = generator.choice(VALUES)
        return "types", "POST", path, json.dumps(body).encode(), KEY, {200, 400, 404, 413}
    if kind == 6:
        body.pop("stop")
        body["response_format"] = {"type": "json_schema", "json_schema": {"schema": generator.choice(SCHEMAS)}}
        return "schema", "POST", path, json.dumps(body).encode(), KEY, {200, 400}
    if kind == 7:
        return "utf8", "POST", path, text.replace(b"model", b"\xff\xfe\xed\xa0\x80", 1), KEY, {400}
    if kind == 8:
        wrong = generator.choice(["", "x", KEY + "x", KEY[:-1], "\u00e9", ADMIN[::-1] + "y"])
        return "key", "POST", path, text, wrong, {401} if KEY != "none" else {200}
    lead_out = generator.choice([
        "../../../../etc", "/etc", "/proc/self", "..", "a/../../..", "\0", "/" + "a" * 5000, "%2e%2e/", "file:///etc", "."])
    load = json.dumps({"lora_name": "evil", "lora_path": lead_out, "load_inplace": True}).encode()
    key, right = generator.choice([(ADMIN, {400, 403, 404}), ("wrong", {401, 403} if ADMIN != "none" else {400, 403, 404})])
    return "path", "POST", "/v1/load_lora_adapter", load, key, right


def exchange(server, method, path, body, key):
    """Status and body of an answer on a connection of its own, without what an HTTP library makes of either."""
    with server.connect() as connection:
        connection.sendall((
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode("latin-1") + body)
        answer = b""
        while (end := answer.find(b"\r\n\r\n")) < 0:
            piece = connection.recv(65536)
            if not piece:
                raise OSError("the server closed the connection without an answer")
            answer += piece
        fields = dict(line.split(b": ", 1) for line in answer[:end].lower().split(b"\r\n")[1:])
        # A stream ends with an empty chunk.
        length = int(fields.get(b"content-length", -1))
        while len(answer) < end + 4 + length if length >= 0 else not answer.endswith(b"0\r\n\r\n"):
            piece = connection.recv(65536)
            if not piece:
                raise OSError("the server closed the connection in its answer")
            answer += piece
        return int(answer[9:12]), answer[end + 4:]


def fuzz_process(server, count, workers, seed):
    """A process's part: statuses by kind, the slowest answer of each kind in seconds, and what was wrong."""
    statuses, slowest, wrong, lock = collections.Counter(), {}, [], threading.Lock()

    def work(number):
        generator = random.Random(seed * 1000 + number)
        for _ in range(count // workers):
            if wrong:
                return
            kind, method, path, body, key, right = fuzzed(server, generator)
            start = time.monotonic()
            try:
                status, answer = exchange(server, method, path, body, key)
            except Exception as error:
                status, answer = repr(error), b"{}"
            seconds = time.monotonic() - start
            with lock:
                statuses[kind, status] += 1
                slowest[kind] = max(slowest.get(kind, 0), seconds)
                if status not in right or (status != 200 and "error" not in json.loads(answer)):
                    wrong.append((kind, status, body[:300], answer[:300]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, slowest, wrong


def fuzz(server, count, processes, workers, seed):
    statuses, slowest = collections.Counter(), {}
    with concurrent.futures.ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
        parts = [pool.submit(fuzz_process, server, count // processes, workers, seed * 100 + number) for number in range(processes)]
        for part in parts:
            counts, times, wrong = part.result()
            assert not wrong, wrong[0]
            statuses += counts
            slowest = {kind: round(max(times.get(kind, 0), slowest.get(kind, 0)), 2) for kind in {*times, *slowest}}
    table = {}
    for (kind, status), times in sorted(statuses.items()):
        table.setdefault(kind, {})[str(status)] = times
    tell(f"{count} fuzzed requests, slowest of each kind in seconds: {slowest}")
    return table, slowest


def sockets(server, idle):
    """What never becomes a whole request."""
    waiting = [server.connect() for _ in range(idle)]
    assert server.question() == server.words, "with idle connections"
    tell(f"{idle} idle connections")
    halves = []
    for _ in range(200):
        half = server.connect()
        half.send(server.raw(server.body())[:random.randrange(1, 300)])
        halves.append(half)
    assert server.question() == server.words, "with half requests"
    tell("half requests")
    for connection in waiting + halves:
        connection.close()
    slow = []
    for _ in range(16):
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader.connect((server.place.hostname, server.place.port))
        reader.send(server.raw(server.body(stream=True, max_tokens=900, ignore_eos=True, logprobs=True, top_logprobs=20)))
        slow.append(reader)
    time.sleep(1)
    assert server.question() == server.words, "with slow readers"
    tell("slow readers")
    for reader in slow:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reader.close()
    for number in range(200):
        leaver = server.connect()
        leaver.send(server.raw(server.body(stream=number % 2 == 0, max_tokens=900, ignore_eos=True)))
        if number % 4 == 0:
            leaver.recv(100)
        leaver.close()
    for _ in range(2000):
        noise = server.connect()
        try:
            noise.send(os.urandom(random.randrange(1, 2000)))
        except OSError:
            pass
        noise.close()
    assert server.question() == server.words, "after noise"
    tell("readers that leave, and noise")


def bodies(server):
    """Bodies over the limit, announced and endless."""
    statuses = []
    for size in [64 << 20, 1 << 40]:
        connection = server.connect()
        connection.send((f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
                         f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n").encode())
        try:
            # As long as nothing has been answered: the server need not take what it has refused.
            while not select.select([connection], [], [], 0)[0]:
                connection.settimeout(1)
                try:
                    connection.send(b" " * (1 << 16))
                except TimeoutError:
                    pass
            connection.settimeout(60)
        except OSError:
            pass
        try:
            statuses.append(connection.recv(64).split(b" ")[1].decode())
        except (OSError, IndexError):
            statuses.append("closed")
        connection.close()
    deep = b"[" * 200_000
    statuses.append(server.send("POST", "/v1/completions", deep)[0])
    assert statuses[0] in ("413", "closed") and statuses[1] in ("413", "closed") and statuses[2] == 400, statuses
    return statuses


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--pid", type=int, help="the server's process, to watch its memory")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=4, help="processes that send fuzzed requests")
    parser.add_argument("--workers", type=int, default=8, help="connections of each of them")
    parser.add_argument("--idle", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, limit[1]), limit[1]))
    server = Server(options.base, options.pid)
    server.words = server.question()
    # What is used at first is kept: the memory of a warm server is what counts.
    fuzz(server, min(4000, options.requests), options.processes, options.workers, options.seed + 1)
    sockets(server, options.idle)
    bodies(server)
    time.sleep(3)
    before, start = (server.memory(), server.descriptors()), time.time()
    table, slowest = fuzz(server, options.requests, options.processes, options.workers, options.seed)
    seconds = time.time() - start
    sockets(server, options.idle)
    sizes = bodies(server)
    time.sleep(5)
    assert server.question() == server.words
    metrics = server.send("GET", "/metrics")[1].decode()
    running = [line for line in metrics.splitlines() if line.startswith(("touchstone_sequences_running", "touchstone_prompts_running"))]
    assert all(float(line.split()[-1]) == 0 for line in running), running
    after = (server.memory(), server.descriptors())
    print(json.dumps({
        "requests": sum(sum(row.values()) for row in table.values()), "fuzz_seconds": round(seconds, 1),
        "statuses": table, "slowest_seconds": slowest, "huge_bodies": sizes, "idle": options.idle,
        "seconds": round(time.time() - start, 1), "memory_mib": [before[0], after[0]],
        "descriptors": [before[1], after[1]]}))
    sys.exit(0 if after[0] <= before[0] * 1.1 + 32 and after[1] <= before[1] + 8 else "memory or descriptors did not come back")


main()
