"""Trains while a live server serves each step, and compares what the server tells with what the trainer computes.

    python Benchmarks/train_and_serve.py Checkpoints/tiny-qwen3 --precision fp32 --steps 8

Starts `touchstone serve` and `touchstone train` with `publish: http://…`. As long as the training runs, every version that
the server names is asked questions, seeded, with log-probabilities. Afterwards `touchstone score`, which is the trainer's
forward pass, scores the same tokens under the adapter folder of that step: each log-probability must have the same bits.
One JSON line of figures.
"""

import argparse
import json
import os
import struct
import subprocess
import tempfile
import time
import urllib.request

RECIPE = """
kind: grpo
name: live
seed: 7
model: {{path: "{model}", precision: {precision}}}
adapter: {{kind: lora, rank: 4, alpha: 8}}
data: {{train: {{generator: arithmetic, operands: [2, 3], digits: [1, 2]}}}}
rewards: [{{type: math}}]
rollout: {{prompts_per_step: 8, completions_per_prompt: 8, max_new_tokens: 48}}
optimizer: {{learning_rate: 1e-3}}
steps: {steps}
checkpoint: {{every: 1, keep: 1000}}
publish: http://127.0.0.1:{port}
"""
QUESTIONS = ["What is 3 + 4?", "What is 57 + 38 - 46?", "Name three colours."]


def bits(number):
    return struct.unpack("I", struct.pack("f", number))[0]


class Server:
    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def get(self, path):
        return json.load(urllib.request.urlopen(self.base + path, timeout=60))

    def ask(self, question, seed, tokens):
        body = {"model": "live", "messages": [{"role": "user", "content": question}], "seed": seed, "temperature": 1,
                "max_tokens": tokens, "logprobs": True, "return_token_ids": True}
        request = urllib.request.Request(
            self.base + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        answer = json.load(urllib.request.urlopen(request, timeout=300))
        choice = answer["choices"][0]
        return (answer["system_fingerprint"], answer["prompt_token_ids"], choice["token_ids"],
                [bits(token["logprob"]) for token in choice["logprobs"]["content"]])


def score(options, adapter, answers):
    lines = "".join(json.dumps({"ids": prompt + tokens}) + "\n" for prompt, tokens, _ in answers)
    command = [options.touchstone, "score", options.model, "--precision", options.precision, "--adapter", adapter, "--quiet"]
    output = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    return [[bits(x) for x in json.loads(line)["logprobs"][len(prompt):]]
            for line, (prompt, _, _) in zip(output.splitlines(), answers, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--port", type=int, default=8135)
    parser.add_argument("--touchstone", default=".build/release/touchstone")
    parser.add_argument("--server", help="the server's program, where it does not lie beside touchstone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recipe, run = folder + "/recipe.yaml", folder + "/run"
        with open(recipe, "w") as file:
            file.write(RECIPE.format(
                model=os.path.abspath(options.model), precision=options.precision, steps=options.steps, port=options.port))
        start = [options.server] if options.server else [options.touchstone, "serve"]
        server = subprocess.Popen(start + [
            options.model, "--precision", options.precision, "--port", str(options.port), "--allow-adapters-from", folder],
            stderr=subprocess.DEVNULL)
        client, training, answers, versions = Server(options.port), None, {}, {}
        try:
            while True:
                try:
                    client.get("/ready")
                    break
                except OSError:
                    assert server.poll() is None, "the server has ended"
                    time.sleep(0.2)
            training = subprocess.Popen([options.touchstone, "train", recipe, "--run-dir", run, "--quiet"], stdout=subprocess.DEVNULL)
            asked = 0
            while True:
                isOver = training.poll() is not None
                live = next((m for m in client.get("/v1/models")["data"] if m["id"] == "live"), None)
                if live:
                    versions[live["digest"]] = live["version"]
                    digest, *answer = client.ask(QUESTIONS[asked % len(QUESTIONS)], asked, options.tokens)
                    answers.setdefault(digest, []).append(answer)
                    asked += 1
                if isOver:
                    break
            assert training.returncode == 0, "the training failed"
        finally:
            for process in (training, server):
                if process and process.poll() is None:
                    process.terminate()
                    process.wait()

        folders = sorted(e.path for e in os.scandir(run + "/adapters") if e.is_dir() and not e.is_symlink())
        steps, compared = {}, 0
        for digest, given in answers.items():
            equal = [path for path in folders if score(options, path, given) == [told for *_, told in given]]
            assert equal, f"version {versions.get(digest)} is no step of the trainer, bit for bit"
            steps[versions.get(digest)] = [int(path[-6:]) for path in equal]
            compared += sum(len(told) for *_, told in given)
        print(json.dumps({
            "model": os.path.basename(options.model), "precision": options.precision, "steps": options.steps,
            "versions_asked": len(answers), "answers": sum(map(len, answers.values())), "log_probabilities": compared,
            "different_bits": 0, "step_of_version": {str(k): v for k, v in sorted(steps.items(), key=str)}}))


main()
