"""Judges whole data sets of programs with `touchstone verify code` and counts what came of it.

    python3 Benchmarks/code_corpora.py humaneval FILE [--touchstone PROGRAM]    canonical solutions, and mutants if a row has any
    python3 Benchmarks/code_corpora.py mbpp FILE                                reference solutions
    python3 Benchmarks/code_corpora.py attacks FILE                             completions with an expected reward

FILE holds the data set's own JSON Lines. A row of the last kind has `completion`, `tests` and `expected_reward`; its programs
try to break out: run it only where `touchstone sandbox check` says that the sandbox holds.
"""
import argparse, collections, json, subprocess, time
from pathlib import Path


def fenced(program):
    return "```python\n" + program + "\n```"


def humaneval(rows):
    """(what is judged, the reward that is due) of canonical solutions and mutants."""
    for row in rows:
        tests = {"type": "humaneval", "entry_point": row["entry_point"], "prompt": row["prompt"], "test": row["test"]}
        yield {"id": row["task_id"], "completion": row["canonical_solution"], "tests": tests}, 1
        for number, mutant in enumerate(row.get("mutants", [])):
            yield {"id": f"{row['task_id']} mutant {number}", "completion": fenced(mutant["code"]), "tests": tests}, 0


def mbpp(rows):
    for row in rows:
        tests = {"type": "assert", "tests": row["test_list"], "setup": "\n".join(row.get("test_imports", []))}
        yield {"id": row["task_id"], "completion": fenced(row["code"]), "tests": tests}, 1


def attacks(rows):
    for row in rows:
        yield {"id": row["id"], "completion": row["completion"], "tests": row["tests"]}, row["expected_reward"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["humaneval", "mbpp", "attacks"])
    parser.add_argument("file")
    default = Path(__file__).resolve().parent.parent / ".build/release/touchstone"
    parser.add_argument("--touchstone", default=str(default))
    options = parser.parse_args()
    rows = [json.loads(line) for line in Path(options.file).read_text().splitlines()]
    cases = list({"humaneval": humaneval, "mbpp": mbpp, "attacks": attacks}[options.kind](rows))
    lines = "".join(json.dumps(case) + "\n" for case, _ in cases)
    start = time.perf_counter()
    result = subprocess.run([options.touchstone, "verify", "code", "--quiet"], input=lines, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - start
    verdicts = [json.loads(line) for line in result.stdout.splitlines()]
    counts = collections.Counter()
    for (case, due), verdict in zip(cases, verdicts, strict=True):
        right = verdict["score"] == due
        counts["due 1" if due else "due 0", "as due" if right else "otherwise"] += 1
        if not right:
            print(f"  {case['id']}: {verdict}")
    print(f"{options.kind}: {len(cases)} programs in {seconds:.0f} s: "
          + ", ".join(f"{due} {what} {count}" for (due, what), count in sorted(counts.items())))


if __name__ == "__main__":
    main()
