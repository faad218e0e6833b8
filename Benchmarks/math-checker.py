"""Times `touchstone verify math` beside math-verify in one sitting, and changes answers at random to see that it holds.

    PYTHON Benchmarks/math-checker.py CORPUS [--touchstone PROGRAM] [--rows N]
    PYTHON Benchmarks/math-checker.py CORPUS --fuzz 1000000
    PYTHON Benchmarks/math-checker.py CORPUS --large

CORPUS holds JSON Lines with "gold" and "prediction", and, for accuracy, "expected" and "ambiguous". PYTHON is an
interpreter that has math-verify 0.9 (pip install "math-verify[antlr4_13_2]"); --fuzz and --large do without.

A time is that of one check in a warm process: for Touchstone from writing a line into its pipe until its answer is there, for
math-verify from parsing the gold answer until its verdict, in process. Build with `swift build -c release` first.
"""
import argparse, json, logging, random, subprocess, sys, time
from pathlib import Path

PIECES = ["\\frac{1}{", "\\sqrt{", "^{", "}", "{", "(", ")", "9999999999", "\\boxed{", "\\text{", "$", "\\left", "\\int_0^1 ",
          "\\lim_{x\\to0}", "dx", "\\begin{pmatrix}", "\\cup", "!", "%", "|", "\\pm", "_", ",", " or ", "\u221a", "\u00bd", "\u0660",
          "\\infty", "e^", "10^{10^{10}}", "<think>", "####", "answer is "]


class Touchstone:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "verify", "math", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, gold, prediction, config=None):
        row = {"gold": gold, "prediction": prediction}
        line = json.dumps({**row, "config": config} if config else row).encode() + b"\n"
        start = time.perf_counter()
        self.process.stdin.write(line)
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        seconds = time.perf_counter() - start
        return json.loads(answer)["verdict"], seconds

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def rows_of(options):
    rows = [json.loads(line) for line in Path(options.corpus).read_text().splitlines()]
    return random.Random(options.seed).sample(rows, min(options.rows, len(rows))) if options.rows else rows


def peer():
    """math-verify as its users call it; None where it is not installed."""
    try:
        from math_verify import parse, verify
    except ImportError:
        return None

    # It says of each time-out what was too long, at full length.
    logging.disable(logging.CRITICAL)

    def check(gold, prediction):
        start = time.perf_counter()
        try:
            bare = parse(gold) if "$" in gold or "boxed" in gold else parse("$" + gold + "$")
            verdict = verify(bare, parse(prediction))
        except Exception:
            verdict = False
        return verdict, time.perf_counter() - start

    return check


def summary(name, times, right, judged, false_positives):
    times = sorted(times)
    at = lambda share: 1000 * times[min(len(times) - 1, int(share * len(times)))]
    print(f"{name:12} {len(times):6} checks  median {at(0.5):8.3f} ms  p90 {at(0.9):8.2f}  p99 {at(0.99):8.1f}  "
          f"worst {1000 * times[-1]:8.1f}" + (f"  right {right}/{judged}, wrongly accepted {false_positives}" if judged else ""))


def compare(options):
    rows = rows_of(options)
    ours, theirs = Touchstone(options.touchstone), peer()
    ours.ask("\\sqrt8", "\\boxed{2\\sqrt2}")
    checks = {"touchstone": lambda row: ours.ask(row["gold"], row["prediction"], row.get("config"))}
    if theirs:
        theirs("1", "$1$")
        checks["math-verify"] = lambda row: theirs(row["gold"], row["prediction"])
    else:
        print("math-verify is not installed in this interpreter: only Touchstone is timed", file=sys.stderr)
    results = {name: [] for name in checks}
    # In turn, fifty rows at a time: both meet the same moods of the machine, neither finds its caches taken by the other.
    for block in range(0, len(rows), 50):
        for name, check in checks.items():
            results[name] += [check(row) for row in rows[block:block + 50]]
    for name, found in results.items():
        sure = [(verdict in (True, "correct"), row) for (verdict, _), row in zip(found, rows)
                if "expected" in row and not row.get("ambiguous")]
        summary(name, [seconds for _, seconds in found], sum(v == r["expected"] for v, r in sure), len(sure),
                sum(v and not r["expected"] for v, r in sure))
    ours.close()


def large(options):
    """Inputs of up to a megabyte that cost a careless checker seconds."""
    ours = Touchstone(options.touchstone)
    times = []
    for size in (10_000, 100_000, 1_000_000):
        for unit in ["(", "\\sqrt{", "9", "1+", "x", "{", "\\boxed{", "\\frac{1}{", "$", "1,", "answer is ", "\n", "-", "|", "2^",
                     "\\text{a}", "<answer>", "\\boxed{1} or ", "a b ", "\\lim_{x\\to0}", "\\int_0^1", "1 000 ", "!"]:
            text = unit * (size // len(unit))
            for prediction in (text, "\\boxed{" + text + "}", text + " \\boxed{1}"):
                verdict, seconds = ours.ask("\\sqrt2", prediction)
                times.append(seconds)
                if seconds > 0.5:
                    print(f"  {seconds:.2f} s: {size} bytes of {unit!r}, {verdict}")
    summary("large inputs", times, 0, 0, 0)
    ours.close()


def fuzz(options):
    """Changed predictions, by the million: each line must get its line, and the program must live."""
    rows, dice = rows_of(options), random.Random(options.seed)
    short = [row for row in rows if len(row["prediction"]) < 400 and len(row["gold"]) < 400]
    process = subprocess.Popen([options.touchstone, "verify", "math", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    counts, slowest, sent, start = {}, 0.0, 0, time.perf_counter()
    block = 500
    while sent < options.fuzz:
        lines = []
        for _ in range(min(block, options.fuzz - sent)):
            row, other = dice.choice(short), dice.choice(short)
            text = row["prediction"]
            for _ in range(dice.randint(1, 4)):
                place, kind = dice.randint(0, len(text)), dice.randint(0, 4)
                cut = place + dice.randint(0, 3)
                piece = [dice.choice(PIECES), chr(dice.randint(32, 126)), "", chr(dice.randint(1, 0x2FFF)),
                         other["prediction"][place:cut + 5]][kind]
                text = text[:place] + piece + text[place if kind == 0 else cut:]
            lines.append(json.dumps({"gold": row["gold"], "prediction": text}).encode() + b"\n")
        begun = time.perf_counter()
        process.stdin.write(b"".join(lines))
        process.stdin.flush()
        for line in lines:
            answer = process.stdout.readline()
            if not answer:
                sys.exit(f"the program ended within the {block} lines after {sent}: status {process.wait()}")
            verdict = json.loads(answer)["verdict"]
            counts[verdict] = counts.get(verdict, 0) + 1
        slowest = max(slowest, time.perf_counter() - begun)
        sent += len(lines)
    process.stdin.close()
    seconds = time.perf_counter() - start
    print(f"{sent} changed answers in {seconds:.0f} s ({sent / seconds:.0f}/s), slowest {block} lines {slowest:.2f} s, "
          f"exit status {process.wait()}: {dict(sorted(counts.items()))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--touchstone", default=str(Path(__file__).parent.parent / ".build/release/touchstone"))
    parser.add_argument("--rows", type=int, default=0, help="only so many rows, drawn at random")
    parser.add_argument("--fuzz", type=int, default=0, help="so many changed answers instead")
    parser.add_argument("--large", action="store_true", help="inputs of up to 1 MB instead")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    (fuzz if options.fuzz else large if options.large else compare)(options)


if __name__ == "__main__":
    main()
