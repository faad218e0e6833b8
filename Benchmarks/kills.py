"""Kills runs of a recipe at random moments, resumes them, and compares what they leave with a run that was never stopped.

    python Benchmarks/kills.py .build/release/touchstone Recipes/quickstart.yaml FOLDER --runs 100 [--threads 1]

Each run gets SIGKILL once, at a moment drawn evenly from the time that the undisturbed one took: while it generates, rewards,
updates, evaluates or writes. Then it is resumed, or begun again where it had written nothing yet. What must be equal: every
line of metrics.jsonl but its times, completions.jsonl, evaluations.jsonl and the adapter, byte for byte. A run that differs is
kept in FOLDER, and the status is 1. One JSON line of figures.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

TIMES = ("step_time", "tokens_per_second")
FILES = ("completions.jsonl", "evaluations.jsonl", "adapter/adapter_model.safetensors")


def contents(folder):
    """Digests of what must be equal; None where something is missing."""
    try:
        with open(folder + "/metrics.jsonl") as lines:
            rows = [{k: v for k, v in json.loads(line).items() if not k.startswith("time/") and k not in TIMES} for line in lines]
        digests = [hashlib.sha256(json.dumps(rows).encode()).hexdigest()]
        for name in FILES:
            with open(f"{folder}/{name}", "rb") as file:
                digests.append(hashlib.sha256(file.read()).hexdigest())
        return digests
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("touchstone")
    parser.add_argument("recipe")
    parser.add_argument("folder")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--threads", type=int, default=0, help="of the killed runs; no result depends on them")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `touchstone train`")
    options = parser.parse_args()
    settings = [argument for setting in options.set for argument in ("--set", setting)]

    def train(*arguments):
        return subprocess.Popen(
            [options.touchstone, "train", *arguments, "--quiet"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    os.makedirs(options.folder)
    whole, run = options.folder + "/whole", options.folder + "/run"
    start = time.monotonic()
    errors = (process := train(options.recipe, "--run-dir", whole, *settings)).communicate()[1]
    assert process.returncode == 0, errors.decode(errors="replace")
    seconds, expected = time.monotonic() - start, contents(whole)
    assert expected, "the run left no metrics, completions, evaluations or adapter to compare"
    settings += ["--set", f"threads={options.threads}"]

    moments, killed, resumed, equal = random.Random(options.seed), 0, 0, 0
    for number in range(options.runs):
        shutil.rmtree(run, ignore_errors=True)
        process = train(options.recipe, "--run-dir", run, *settings)
        time.sleep(moments.uniform(0.05, seconds))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
        if os.path.exists(run + "/recipe.yaml"):
            resumed += 1
            process = train("--resume", run, *settings)
        else:
            shutil.rmtree(run, ignore_errors=True)
            process = train(options.recipe, "--run-dir", run, *settings)
        errors = process.communicate()[1]
        if process.returncode == 0 and contents(run) == expected:
            equal += 1
        else:
            shutil.move(run, f"{options.folder}/different-{number}")
            print(f"run {number}: status {process.returncode} {errors.decode(errors='replace')}", file=sys.stderr)
    print(json.dumps({
        "runs": options.runs, "killed": killed, "resumed": resumed, "equal": equal, "undisturbed_seconds": round(seconds, 1)}))
    sys.exit(equal != options.runs)


main()
