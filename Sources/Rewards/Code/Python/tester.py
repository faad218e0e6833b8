# Runs trusted tests. The program under test lives in another process; here are only proxies, and only plain values come
# back. A line that starts with C is a message for the program, one with D is the result.
import ast, builtins, functools, importlib, itertools, math, types, typing, unittest

MODULES = {
    "bisect", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq", "inspect", "io", "itertools",
    "json", "math", "operator", "os", "random", "re", "statistics", "string", "sys", "time", "typing",
}


class ProgramGone(BaseException):
    """The program died or took too long; no further test makes sense."""


class ProgramError(Exception):
    """An error of the program that has no built-in name, such as an exit."""


class Pipe:
    def __init__(self):
        self.read, self.write, self.number, self.callbacks = sys.stdin.buffer.readline, sys.stdout.buffer, 0, []
        self.gone = self.changed = False

    def line(self, mark, message):
        self.write.write(mark + json.dumps(message).encode() + b"\n")
        self.write.flush()

    def ask(self, op, **message):
        self.number += 1
        self.line(b"C", dict(message, op=op, id=self.number))
        while True:
            line = self.read()
            if line[:1] != b"R":
                self.gone = True
                raise ProgramGone(line[1:].decode().strip())
            reply = json.loads(line[1:])
            if not isinstance(reply, dict):
                raise ValueFault("the reply is no object")
            if "callback" in reply:
                self.line(b"C", self.run_callback(reply))
                continue
            if "raise" in reply:
                raise error_from(reply, op)
            self.changed = reply.get("changed") is True
            return self.value(reply)

    def run_callback(self, reply):
        try:
            arguments = self.value(reply)
            return self.written(self.callbacks[reply["callback"]](*arguments))
        except Exception as error:
            return {"raise": f"{type(error).__name__}: {error}"[:200]}

    def value(self, reply):
        return Reader(self.handle, self.new_record).read(reply["nodes"], reply["root"])

    def handle(self, node):
        if node[0] == "y":
            return self.callbacks[node[1]]
        if node[0] != "o" or not isinstance(node[1], int):
            raise ValueFault("an unknown kind of value")
        return Proxy(node[1], str(node[2]), str(node[3]))

    def new_record(self, name):
        kind = dict.get(space, name)
        if not isinstance(kind, type):
            raise ValueFault(f"an unknown record {name!r}")
        return object.__new__(kind)

    def other(self, value):
        if isinstance(value, Proxy):
            return ["o", object.__getattribute__(value, "_handle")]
        if type(value).__name__ in records and isinstance(getattr(value, "__dict__", None), dict):
            return type(value).__name__, dict(value.__dict__)
        if callable(value):
            self.callbacks.append(value)
            return ["b!", len(self.callbacks) - 1]
        if isinstance(value, (types.GeneratorType, map, filter, zip, type(iter([])))):
            return self.other(functools.partial(next, value))
        raise ValueFault(f"can't hand a {type(value).__name__} to the program")

    def written(self, value):
        writer = Writer(self.other)
        root = writer.write(value)
        return {"nodes": writer.nodes, "root": root}


def error_from(reply, op):
    """A built-in exception of the same name as the program's, never one that ends or skips tests or ends a loop early."""
    text = str(reply.get("text"))[:500] + (f" (line {reply['line']} of the program)" if reply.get("line") else "")
    for name in reply["raise"]:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception) and kind not in (StopIteration, StopAsyncIteration):
            try:
                return kind(text) if name == reply["raise"][0] else type(str(reply["raise"][0])[:100], (kind,), {})(text)
            except Exception:
                break
        if name == "StopIteration" and op == "next":
            return StopIteration()
    return ProgramError(f"{str(reply['raise'][0])[:100]}: {text}")


class Proxy:
    """Something of the program's. It can be called, looked at and iterated; comparing and computing with it is not
    forwarded, because then the program would judge itself."""

    __slots__ = ("_handle", "_kind", "_name")

    def __init__(self, handle, kind, name):
        for key, value in (("_handle", handle), ("_kind", kind), ("_name", name)):
            object.__setattr__(self, key, value)

    def __call__(self, *arguments, **named):
        mutable = [a for a in arguments if isinstance(a, (list, dict, set, bytearray, collections.deque)) or
                   type(a).__name__ in records]
        message = pipe.written([list(arguments), named])
        result = pipe.ask("call", handle=self._handle, changes=bool(mutable), **message)
        # A function that returns nothing may have worked in place.
        if not (mutable and pipe.changed):
            return result
        for old, new in zip(arguments, result):
            put_in_place(old, new)

    def __getattr__(self, name):
        if name.startswith("__") and name not in ("__name__", "__doc__", "__dict__"):
            raise AttributeError(name)
        return pipe.ask("attr", handle=self._handle, name=name)

    def __setattr__(self, name, value):
        pipe.ask("set", handle=self._handle, name=name, **pipe.written(value))

    def __len__(self):
        return pipe.ask("len", handle=self._handle)

    def __bool__(self):
        return self._kind != "object" or pipe.ask("bool", handle=self._handle) is True

    def __str__(self):
        return plain_text(pipe.ask("str", handle=self._handle))

    def __repr__(self):
        return plain_text(pipe.ask("repr", handle=self._handle))

    def __iter__(self):
        return ProxyIterator(pipe.ask("iter", handle=self._handle))

    def __next__(self):
        return pipe.ask("next", handle=self._handle)

    def __getitem__(self, key):
        return pipe.ask("item", handle=self._handle, **pipe.written(key))

    def __instancecheck__(self, value):
        return isinstance(value, Proxy) and value._kind == "object" and value._name == self._name

    def __eq__(self, other):
        return isinstance(other, Proxy) and self._handle == other._handle

    def __hash__(self):
        return hash(self._handle)


class ProxyIterator:
    def __init__(self, proxy):
        self.next = proxy.__next__ if isinstance(proxy, Proxy) else iter(proxy).__next__

    def __iter__(self):
        return self

    def __next__(self):
        return self.next()


def plain_text(value):
    if type(value) is not str:
        raise ValueFault("no text")
    return value


def put_in_place(old, new):
    if isinstance(old, (list, bytearray)) and type(new) is type(old):
        old[:] = new
    elif isinstance(old, (dict, set)) and isinstance(new, (dict, set)) and isinstance(new, dict) == isinstance(old, dict):
        old.clear()
        old.update(new)
    elif isinstance(old, collections.deque) and isinstance(new, collections.deque):
        old.clear()
        old.extend(new)
    elif type(old).__name__ in records and type(new) is type(old):
        old.__dict__.update(new.__dict__)


class Names(dict):
    """The names that tests see: their own, then built-in ones, then trusted modules, then the program's."""

    def __missing__(self, name):
        if name == spec.get("entry_point"):
            value = self[name] = self.of_program(name)
            return value
        if hasattr(builtins, name) or name.startswith("__"):
            raise KeyError(name)
        if name in MODULES:
            return importlib.import_module(name)
        if name == "pytest":
            return sys.modules["pytest"]
        if hasattr(typing, name) and name[0].isupper():
            return getattr(typing, name)
        value = self[name] = self.of_program(name)
        return value

    def of_program(self, name):
        try:
            value = pipe.ask("get", name=name)
        except (KeyError, ValueFault):
            raise KeyError(name) from None
        if isinstance(value, Proxy) or type(value) in (int, float, str, bool, tuple, list, dict, set, type(None)):
            return value
        raise KeyError(name)


class Solution(types.ModuleType):
    """The module `solution` that tests import: the program's names."""

    def __getattr__(self, name):
        if name == "__all__":
            return [n for n in pipe.ask("names") if type(n) is str and (n == spec.get("entry_point") or not hasattr(builtins, n))]
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return space.of_program(name)
        except KeyError:
            raise ImportError(f"the program has no {name!r}") from None


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


def tests_of_pytest():
    run_in_space(spec["test"], "test_solution.py")
    learn_records()
    for name, item in list(dict.items(space)):
        if isinstance(item, type) and issubclass(item, unittest.TestCase):
            for method in unittest.TestLoader().getTestCaseNames(item):
                yield f"{name}.{method}", functools.partial(run_unittest, item(method))
        elif isinstance(item, type) and name.startswith("Test"):
            for method in [m for m in dir(item) if m.startswith("test")]:
                yield from cases_of(f"{name}.{method}", getattr(item, method), item)
        elif isinstance(item, types.FunctionType) and name.startswith("test"):
            yield from cases_of(name, item, None)


def run_unittest(case):
    result = unittest.TestResult()
    case.run(result)
    gone = [text for _, text in result.errors + result.failures if "ProgramGone" in text]
    if gone:
        raise ProgramGone("the program ended")
    if result.testsRun != 1 or not result.wasSuccessful() or result.skipped or result.expectedFailures:
        problems = result.errors + result.failures
        raise AssertionError(problems[0][1].strip().splitlines()[-1] if problems else "the test did not run")


def cases_of(label, function, owner):
    for values in parameters(function):
        def run(values=values):
            cleanup = []
            try:
                bound = function if owner is None else functools.partial(function, prepared(owner))
                wanted = [n for n in signature(function, owner) if n not in values]
                bound(**values, **{n: fixture(n, cleanup) for n in wanted})
            finally:
                for generator in cleanup:
                    next(generator, None)
        yield label, run


def prepared(owner):
    instance = owner()
    for name in ("setup_method", "setUp"):
        if hasattr(instance, name):
            method = getattr(instance, name)
            method(None) if method.__code__.co_argcount > 1 else method()
    return instance


def signature(function, owner):
    code = function.__code__
    optional = len(function.__defaults__ or ())
    return code.co_varnames[0 if owner is None else 1:code.co_argcount - optional]


def parameters(function):
    rows = [{}]
    for names, values in getattr(function, "_parameters", ()):
        names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
        sets = [dict(zip(names, getattr(v, "values", v) if len(names) > 1 else getattr(v, "values", (v,)))) for v in values]
        rows = [{**a, **b} for a in rows for b in sets]
    return rows


def fixture(name, cleanup):
    function = dict.get(space, name)
    if name == "request" or not getattr(function, "_is_fixture", False):
        raise ProgramError(f"no fixture {name!r}")
    value = function(**{n: fixture(n, cleanup) for n in signature(function, None)})
    if isinstance(value, types.GeneratorType):
        cleanup.append(value)
        return next(value)
    return value


class Raises:
    def __init__(self, kinds, match=None):
        self.kinds, self.match, self.value = kinds, match, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        import re
        kinds = self.kinds if isinstance(self.kinds, tuple) else (self.kinds,)
        if kind is None:
            raise AssertionError(f"did not raise {self.kinds}")
        names = [k._name for k in kinds if isinstance(k, Proxy)]
        kinds = tuple(k for k in kinds if isinstance(k, type))
        if not issubclass(kind, kinds) and kind.__name__ not in names:
            return False
        self.value, self.type = error, kind
        if self.match and not re.search(self.match, str(error)):
            raise AssertionError(f"{self.match!r} is not in {str(error)[:200]!r}")
        return True


class Approx:
    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.rel, self.abs, self.nan_ok = expected, rel, abs, nan_ok

    def near(self, got, expected):
        if type(got) not in (int, float, complex, decimal.Decimal, fractions.Fraction) or type(got) is bool:
            return got == expected and not isinstance(got, Proxy)
        if got != got or expected != expected:
            return self.nan_ok and got != got and expected != expected
        bound = max((1e-6 if self.rel is None else self.rel) * abs(expected), 1e-12 if self.abs is None else self.abs)
        return got == expected or abs(got - expected) <= bound < math.inf

    def __eq__(self, got):
        if isinstance(self.expected, dict):
            return isinstance(got, dict) and got.keys() == self.expected.keys() and all(
                self.near(got[k], e) for k, e in self.expected.items())
        if isinstance(self.expected, (list, tuple)):
            return type(got) in (list, tuple) and len(got) == len(self.expected) and all(
                map(self.near, got, self.expected))
        return self.near(got, self.expected)

    def __repr__(self):
        return f"approx({self.expected!r})"


def make_pytest():
    """As much of pytest as tests of functions use."""
    module = types.ModuleType("pytest")

    def parametrize(names, values, **_):
        def mark(function):
            function._parameters = getattr(function, "_parameters", []) + [(names, list(values))]
            return function
        return mark

    def mark_fixture(function=None, **_):
        def mark(function):
            function._is_fixture = True
            return function
        return mark(function) if function else mark

    def raises(kinds, function=None, *arguments, match=None, **named):
        if function is None:
            return Raises(kinds, match)
        with Raises(kinds, match):
            function(*arguments, **named)

    def fail(reason="", *_, **__):
        raise AssertionError(reason or "failed")

    class Mark:
        def __getattr__(self, name):
            def mark(*arguments, **_):
                return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else (lambda item: item)
            return mark

    marks = Mark()
    marks.parametrize = parametrize
    module.mark, module.fixture, module.raises, module.approx = marks, mark_fixture, raises, Approx
    module.fail = module.skip = module.xfail = fail
    module.param = lambda *values, **_: types.SimpleNamespace(values=values)
    module.main = lambda *_, **__: 0
    return module


def main():
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
