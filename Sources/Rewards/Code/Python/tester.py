# Runs trusted tests. The program under test lives in another process; proxies.py has what is seen of it here.


def run_in_space(text, name):
    exec(compile(text, name, "exec", dont_inherit=True), space)


def learn_records():
    """Classes that the tests define travel as data: their names are told to the program."""
    names = {n for n, v in dict.items(space) if isinstance(v, type) and v.__module__ == "tests" and "__slots__" not in v.__dict__}
    if names - records:
        records.update(names)
        pipe.ask("records", names=sorted(names))


def attempt(label, body):
    """Whether a test passes: it must come to its end without any error."""
    try:
        body()
    except ProgramGone:
        raise
    except BaseException as error:
        if not pipe.gone:
            return f"{label}: {type(error).__name__}: {str(error)[:300]}"
    # A test that catches every error doesn't pass because the program is gone.
    if pipe.gone:
        raise ProgramGone("the program ended")
    return None


def guess_entry_point():
    """The function under test, if the data don't tell it and it has the name of a built-in one."""
    called = []
    for text in spec["tests"]:
        names = {n.func.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        called.append(names)
    if called and all(hasattr(builtins, name) for names in called for name in names):
        return min(set.intersection(*called), default="")
    return ""


def tests_of_asserts():
    spec["entry_point"] = spec["entry_point"] or guess_entry_point()
    for text in spec["setup"]:
        run_in_space(text, "setup")
    learn_records()
    for index, text in enumerate(spec["tests"]):
        yield f"test {index + 1} ({text.strip()[:120]})", functools.partial(run_in_space, text, f"test {index + 1}")


def tests_of_check():
    for text in spec["setup"]:
        try:
            run_in_space(text, "prompt")
        except ProgramGone:
            raise
        except Exception:
            pass
    entry = spec["entry_point"]
    if entry.isidentifier():
        space.pop(entry, None)
    run_in_space(spec["test"], "test")
    learn_records()
    yield "check", lambda: space["check"](eval(entry, space))


def tests_of_calls():
    name, tolerance = spec["fn_name"], spec.get("rel_tol")

    def run(case):
        target = space.of_program(spec["cls"])() if spec.get("cls") else space.of_program(name)
        if spec.get("cls"):
            target = getattr(target, name)
        got = target(*case["args"])
        if not any(equal(got, expected, tolerance) for expected in case["expected"]):
            raise AssertionError(f"got {short(got)}, expected {short(case['expected'][0])}")

    for index, case in enumerate(spec["cases"]):
        yield f"case {index + 1}", functools.partial(run, case)


def short(value):
    try:
        return repr(value)[:120]
    except Exception:
        return type(value).__name__


def equal(got, expected, tolerance):
    """Whether two plain values are the same; a tuple is a list, as JSON has no tuples."""
    if isinstance(got, Proxy):
        return False
    if isinstance(expected, (list, tuple)):
        return type(got) in (list, tuple) and len(got) == len(expected) and all(
            equal(g, e, tolerance) for g, e in zip(got, expected))
    if isinstance(expected, dict):
        got = {str(k): v for k, v in got.items()} if isinstance(got, dict) else None
        return got is not None and got.keys() == expected.keys() and all(
            equal(got[k], e, tolerance) for k, e in expected.items())
    kinds = {type(got), type(expected)}
    if kinds <= {int, float} and float in kinds:
        if math.isnan(got) or math.isnan(expected):
            return math.isnan(got) and math.isnan(expected)
        return got == expected or abs(got - expected) <= (tolerance or 1e-9) * max(1.0, abs(expected)) < math.inf
    return type(got) in (type(expected), bool, int) and got == expected


def fault_of_tests():
    """What is wrong with the tests' own text, whatever the program is."""
    texts = spec.get("tests") or [spec.get("test")]
    for number, text in enumerate(t for t in texts if type(t) is str):
        try:
            compile(text, "tests", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            place = f" in line {error.lineno}" if getattr(error, "lineno", None) else ""
            return f"test {number + 1} is no Python{place}: {str(error)[:200]}"
    if spec["type"] == "humaneval" and not spec["entry_point"].isidentifier():
        try:
            compile(spec["entry_point"], "entry_point", "eval")
        except (SyntaxError, ValueError):
            return f"the entry point {spec['entry_point'][:60]!r} is no Python"
    return None


def main():
    unreadable = fault_of_tests()
    if unreadable:
        pipe.line(b"D", {"passed": 0, "total": spec["count"], "unreadable": True, "reason": unreadable})
        return
    kinds = {"assert": tests_of_asserts, "humaneval": tests_of_check, "call": tests_of_calls, "pytest": tests_of_pytest}
    passed, total, reason, labels = 0, 0, None, []
    try:
        for label, body in kinds[spec["type"]]():
            total += 1
            fault = attempt(label, body)
            passed += fault is None
            reason = reason or fault
            if fault and not spec["all"]:
                break
    except ProgramGone as gone:
        pipe.line(b"D", {"passed": passed, "total": max(total, spec["count"]), "gone": True, "reason": str(gone)})
        return
    except (Exception, SystemExit) as error:
        pipe.line(b"D", {"passed": 0, "total": max(total, spec["count"], 1), "broken": True,
                         "reason": f"the tests can't be set up: {type(error).__name__}: {str(error)[:300]}"})
        return
    if total == 0:
        pipe.line(b"D", {"passed": 0, "total": 0, "broken": True, "reason": "there is no test"})
        return
    pipe.line(b"D", {"passed": passed, "total": max(total, spec["count"]), "reason": reason or ""})


pipe = Pipe()
spec = json.loads(pipe.read())
# What tests print must not reach the pipe.
sys.stdout = open("/dev/null", "w")
records = set()
space = Names(__name__="tests", __builtins__=builtins)
sys.modules["tests"] = types.ModuleType("tests")
sys.modules["solution"] = Solution("solution")
sys.modules["pytest"] = make_pytest()
sys.setrecursionlimit(5000)
main()
