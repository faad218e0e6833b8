# Tests written for pytest and unittest, without either running the program.


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
