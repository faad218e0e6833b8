"""Replaces an adapter in place under streaming clients, again and again, with nothing but Python's standard library.

    touchstone serve MODEL --allow-adapters-from ADAPTERS --port 8000
    python Benchmarks/hot_load.py http://127.0.0.1:8000 ADAPTERS --pid PID

ADAPTERS is a folder with at least two PEFT folders, such as a run's `adapters`. Sixteen clients stream, some greedy, some
seeded, first without any replacement and then during 200 of them. No request may fail; each answer must carry one version
from beginning to end, and be, token for token and log-probability for log-probability, what that version gives alone. The
longest pause of a stream is told in decode steps: the median time between two tokens of the streams while nothing is
replaced. What the machine itself does to such steps is measured first: as many processes as processors compute for 45 ms and
meet, again and again, with nothing else running; the longest of these rounds is told in medians too. One JSON line of figures.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import random
import threading
import time
import urllib.parse

QUESTION = [{"role": "user", "content": "What is 57 + 38 - 46? Think about it first."}]
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("TOUCHSTONE_API_KEY", "none")}


class Server:
    def __init__(self, base, pid):
        self.place, self.pid = urllib.parse.urlsplit(base), pid

    def post(self, path, body, headers=HEADERS):
        connection = http.client.HTTPConnection(self.place.hostname, self.place.port, timeout=600)
        connection.request("POST", path, json.dumps(body), headers)
        return connection, connection.getresponse()

    def load(self, name, path):
        headers = dict(HEADERS, Authorization="Bearer " + os.environ.get("TOUCHSTONE_ADMIN_KEY", "none"))
        connection, answer = self.post("/v1/load_lora_adapter", {"lora_name": name, "lora_path": path, "load_inplace": True}, headers)
        body = json.load(answer)
        connection.close()
        assert answer.status == 200, body
        return body["digest"]

    def ask(self, model, seed, tokens):
        """One stream: its version, its tokens with their log-probabilities, and when its pieces came."""
        connection, answer = self.post("/v1/chat/completions", {
            "model": model, "messages": QUESTION, "seed": seed, "temperature": 0 if seed % 2 else 1, "max_tokens": tokens,
            "ignore_eos": True, "stream": True, "logprobs": True})
        assert answer.status == 200, answer.read(300)
        versions, said, moments = set(), [], []
        while line := answer.readline():
            if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
                continue
            piece = json.loads(line[6:])
            assert "error" not in piece, piece
            versions.add(piece["system_fingerprint"])
            logprobs = piece["choices"][0].get("logprobs")
            if logprobs and logprobs["content"]:
                moments.append((time.monotonic(), len(logprobs["content"])))
                said += [(t["token"], t["logprob"]) for t in logprobs["content"]]
        connection.close()
        assert len(versions) == 1 and len(said) == tokens, (versions, len(said))
        return versions.pop(), said, moments

    def memory(self):
        if not self.pid:
            return 0
        for line in open(f"/proc/{self.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) // 1024


def streams(server, options, is_over, results, failures):
    def client(number):
        generator = random.Random(number)
        try:
            while not is_over():
                seed = generator.randrange(1 << 30)
                results.append((seed, *server.ask("hot", seed, options.tokens)))
        except Exception as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=client, args=(n,)) for n in range(options.clients)]
    for thread in threads:
        thread.start()
    return threads


def gaps(results):
    """Seconds a token between the pieces of each stream: a piece may hold several tokens where text is held back."""
    return [(b[0] - a[0]) / b[1] for *_, moments in results for a, b in zip(moments, moments[1:])]


def worst(results, loads, start, step, count=4):
    """The longest pauses: when, how many streams shared them, and what began, came in and was replaced meanwhile."""
    intervals = sorted(
        ((b[0] - a[0]) / b[1], a[0], b[0]) for *_, moments in results for a, b in zip(moments, moments[1:]))[::-1]
    told = []
    for pause, begin, end in intervals:
        if any(begin < t["end"] and end > t["begin"] for t in told):
            continue
        inside = lambda moment: begin - 0.02 <= moment <= end
        told.append({
            "begin": begin, "end": end, "at_s": round(begin - start, 2), "steps": round(pause / step, 2),
            "streams": sum(1 for p, a, b in intervals if a < end and b > begin and p > 0.75 * pause),
            "first_tokens": sum(inside(moments[0][0]) for *_, moments in results),
            "ends": sum(inside(moments[-1][0]) for *_, moments in results),
            "replacements": sum(inside(moment) for moment in loads)})
        if len(told) == count:
            break
    return [{key: value for key, value in t.items() if key not in ("begin", "end")} for t in told]


def work(loops, meeting, rounds):
    for _ in range(rounds):
        meeting.wait()
        for _ in range(loops):
            pass
        meeting.wait()


def rounds_of_machine(seconds, length=0.045):
    """Seconds of rounds in which each processor does the same work."""
    start = time.perf_counter()
    for _ in range(3_000_000):
        pass
    loops = int(3_000_000 * length / (time.perf_counter() - start))
    rounds, count = int(seconds / length), os.cpu_count()
    meeting = multiprocessing.Barrier(count + 1)
    helpers = [multiprocessing.Process(target=work, args=(loops, meeting, rounds)) for _ in range(count)]
    for helper in helpers:
        helper.start()
    times = []
    for _ in range(rounds):
        meeting.wait()
        start = time.perf_counter()
        meeting.wait()
        times.append(time.perf_counter() - start)
    for helper in helpers:
        helper.join()
    return times


def quantile(numbers, share):
    return sorted(numbers)[min(len(numbers) - 1, int(share * len(numbers)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("adapters")
    parser.add_argument("--pid", type=int)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--replacements", type=int, default=200)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--calm", type=float, default=20, help="seconds without replacements")
    parser.add_argument("--machine", type=float, default=20, help="seconds to measure the machine without the server at work")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two replacements")
    parser.add_argument("--check", type=int, default=60, help="answers that are compared with those given alone")
    options = parser.parse_args()
    server = Server(options.base.rstrip("/"), options.pid)
    root = os.path.abspath(options.adapters)
    folders = sorted(e.path for e in os.scandir(root) if os.path.exists(e.path + "/adapter_config.json"))
    assert len(folders) >= 2, "two adapters are needed"
    machine = rounds_of_machine(options.machine)
    server.load("hot", folders[0])

    failures, calm, began_calm = [], [], time.monotonic()
    end = began_calm + options.calm
    for thread in streams(server, options, lambda: time.monotonic() > end, calm, failures):
        thread.join()
    step = quantile(gaps(calm), 0.5)

    results, replaced, memory, loads, replacements = [], 0, [server.memory()], [], []
    threads = streams(server, options, lambda: replaced >= options.replacements, results, failures)
    start = time.monotonic()
    for number in range(options.replacements):
        began = time.monotonic()
        server.load("hot", folders[(number + 1) % len(folders)])
        loads.append(time.monotonic() - began)
        replacements.append(time.monotonic())
        replaced += 1
        if (number + 1) % max(1, options.replacements // 4) == 0:
            memory.append(server.memory())
        time.sleep(options.pause)
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    assert not failures, failures[0]

    names = {server.load(f"alone-{number}", folder): f"alone-{number}" for number, folder in enumerate(folders)}
    checked = random.Random(1).sample(results, min(options.check, len(results)))
    for seed, version, said, _ in checked:
        again = server.ask(names[version], seed, options.tokens)
        assert again[0] == version and again[1] == said, "an answer is not what its version gives alone"
    pauses = gaps(results)
    print(json.dumps({
        "clients": options.clients, "replacements": options.replacements, "completions": len(results), "failures": 0,
        "versions_seen": len({version for _, version, _, _ in results}), "checked_alone": len(checked),
        "machine_longest_round": round(max(machine) / quantile(machine, 0.5), 2),
        "step_ms": round(1000 * step, 2), "longest_pause_calm_steps": round(max(gaps(calm)) / step, 2),
        "longest_pause_steps": round(max(pauses) / step, 2), "p999_pause_steps": round(quantile(pauses, 0.999) / step, 2),
        "worst_calm": worst(calm, [], began_calm, step), "worst": worst(results, replacements, start, step),
        "load_median_ms": round(1000 * quantile(loads, 0.5), 1), "memory_mib": memory, "seconds": round(seconds, 1)}))


if __name__ == "__main__":
    main()
