"""Measures any OpenAI-compatible server under load, with nothing but Python's standard library: tokens a second, time to
the first token and time between tokens, for several numbers of clients at once.

    touchstone serve MODEL --port 8000
    llama-server -m MODEL.gguf --port 8081 --parallel 32 --ctx-size 16384 --threads 2
    python Benchmarks/server_load.py http://127.0.0.1:8000 --name touchstone --tokens 64 --clients 1 8 32

Every client asks one question after the other; each answer has exactly --tokens tokens (`ignore_eos`, greedy) and is
streamed. All servers get the same prompts in the same order, none of them twice, so that no cache of prompts helps. One
JSON line for each number of clients: run it for one server after the other, with the machine to itself.
"""

import argparse
import http.client
import json
import threading
import time
import urllib.parse

WORDS = ("bridge copper garden window silver planet marble engine forest candle harbor velvet meadow lantern thunder "
         "pepper mirror saddle anchor basket").split()


def prompt(number, length):
    """A text of its own for every number, of about `length` tokens."""
    words, state = [], number * 2654435761 + 12345
    for _ in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        words.append(WORDS[(state >> 33) % len(WORDS)])
    return f"List {number}: " + " ".join(words) + ". Continue the list:"


def ask(place, model, number, length, tokens):
    """Streams one completion; the moments at which its pieces came, and how many tokens there were."""
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
    body = json.dumps({
        "model": model, "prompt": prompt(number, length), "max_tokens": tokens, "temperature": 0, "stream": True,
        "ignore_eos": True, "stream_options": {"include_usage": True}})
    start, moments, count = time.monotonic(), [], None
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}: {answer.read(300)!r}")
    while line := answer.readline():
        if not line.startswith(b"data: ") or line.startswith(b"data: [DONE]"):
            continue
        piece = json.loads(line[6:])
        if piece.get("usage"):
            count = piece["usage"]["completion_tokens"]
        if piece.get("choices") and piece["choices"][0].get("text"):
            moments.append(time.monotonic())
    connection.close()
    if count != tokens:
        raise RuntimeError(f"{count} tokens, expected {tokens}")
    return start, moments


def quantile(numbers, share):
    numbers = sorted(numbers)
    return numbers[min(len(numbers) - 1, int(share * len(numbers)))] if numbers else float("nan")


def measure(place, model, clients, requests, length, tokens, first):
    results, failures, lock = [], [], threading.Lock()
    left = iter(range(first, first + requests))

    def client():
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            try:
                result = ask(place, model, number, length, tokens)
            except Exception as error:
                with lock:
                    failures.append(str(error))
                return
            with lock:
                results.append(result)

    start = time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    gaps = [b - a for _, moments in results for a, b in zip(moments, moments[1:])]
    waits = [moments[0] - begin for begin, moments in results if moments]
    return {
        "clients": clients, "requests": len(results), "failures": failures[:3], "seconds": round(seconds, 2),
        "tokens_per_second": round(len(results) * tokens / seconds, 2),
        "ttft_median_ms": round(1000 * quantile(waits, 0.5), 1), "ttft_p95_ms": round(1000 * quantile(waits, 0.95), 1),
        "between_tokens_median_ms": round(1000 * quantile(gaps, 0.5), 1),
        "between_tokens_p99_ms": round(1000 * quantile(gaps, 0.99), 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--name", default="server")
    parser.add_argument("--model", help="the model's name; the first of /v1/models unless given")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=2, help="questions of each client")
    parser.add_argument("--prompt-words", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    place = urllib.parse.urlsplit(options.base)
    model = options.model
    if not model:
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=60)
        connection.request("GET", "/v1/models")
        model = json.load(connection.getresponse())["data"][0]["id"]
    ask(place, model, 0, options.prompt_words, min(8, options.tokens))
    first = 1
    for clients in options.clients:
        requests = clients * options.rounds
        figures = measure(place, model, clients, requests, options.prompt_words, options.tokens, first)
        first += requests
        print(json.dumps({"server": options.name, **figures}), flush=True)


main()
