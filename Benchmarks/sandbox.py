"""What the sandbox costs: programs judged a second, and one run beside the bare program.

    python3 Benchmarks/sandbox.py [--touchstone PROGRAM] [--count N]

The bare program is the same function and its test in one fresh interpreter (`python3 -I -S -c`), which is what a judge without
a sandbox does. Build with `swift build -c release` first; touchstone-confine must lie beside touchstone.
"""
import argparse, json, os, resource, subprocess, time
from pathlib import Path

PROGRAM = "def double(x):\n    return 2 * x  # {n}\n"


def processor_time():
    """Seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def verify(options, kind, jobs):
    """Seconds, and seconds of the processors, for all runs; every program differs, so that no verdict is remembered."""
    lines = "".join(json.dumps({"id": n, "completion": "```python\n" + PROGRAM.format(n=n) + "```",
                                "tests": {"type": "assert", "tests": ["assert double(2) == 4"]}}) + "\n"
                    for n in range(options.count))
    arguments = [options.touchstone, "verify", "code", "--quiet", "--sandbox", kind, "--jobs", str(jobs)]
    times = []
    for text in ("", lines):
        start, used = time.perf_counter(), processor_time()
        result = subprocess.run(arguments, input=text, capture_output=True, text=True)
        times.append((time.perf_counter() - start, processor_time() - used))
    verdicts = [json.loads(line)["verdict"] for line in result.stdout.splitlines()]
    if verdicts != ["passed"] * options.count:
        return None
    # Without the start and the trial of the sandbox.
    return times[1][0] - times[0][0], times[1][1] - times[0][1]


def bare(options):
    start, used = time.perf_counter(), processor_time()
    for n in range(options.count):
        subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", PROGRAM.format(n=n) + "assert double(2) == 4"], check=True)
    return time.perf_counter() - start, processor_time() - used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--touchstone", default=str(Path(__file__).parent.parent / ".build/release/touchstone"))
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    count = options.count
    alone, used = bare(options)
    print(f"bare interpreter        {1000 * alone / count:7.1f} ms a run ({1000 * used / count:.1f} of a processor), "
          f"{count / alone:6.1f} runs/s one after another")
    width = len(os.sched_getaffinity(0))
    for kind in ("namespaces", "landlock"):
        for jobs in sorted({1, width}):
            found = verify(options, kind, jobs)
            if found is None:
                print(f"{kind:11} {jobs} at once: this machine can't, see 'touchstone sandbox check'")
                continue
            seconds, used = found
            print(f"{kind:11} {jobs:3} at once {1000 * seconds * jobs / count:7.1f} ms a run ({1000 * used / count:.1f} of a "
                  f"processor), {count / seconds:6.1f} runs/s")


main()
