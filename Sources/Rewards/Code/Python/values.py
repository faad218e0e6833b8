# Plain typed values as JSON, for the pipe between trusted tests and an untrusted program.
#
# A value is a list of nodes, children before parents, and an element that names the root. An element is a JSON scalar
# (which stands for itself) or [index of a node]. Reading builds data of built-in types only; nothing is ever executed.
import collections, datetime, decimal, fractions, json, sys

MOST_NODES = 4_000_000
DEEPEST = 5_000
DATES = {c.__name__: c for c in (datetime.datetime, datetime.date, datetime.time)}


class ValueFault(Exception):
    """A value that can't cross the pipe."""


class Writer:
    """Writes values. `other(value)` gives a node for what is not plain data, or a list of (name, value) for a record."""

    def __init__(self, other):
        self.nodes, self.other, self.records, self.kept = [], other, {}, []

    def add(self, node):
        if len(self.nodes) >= MOST_NODES:
            raise ValueFault("the value is too large")
        self.nodes.append(node)
        return [len(self.nodes) - 1]

    def scalar(self, value):
        """The element of a value without children, or None if it has some."""
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return (value,)
        if kind is int:
            return (value,) if -(1 << 62) < value < (1 << 62) else (self.add(["x", hex(value)]),)
        if kind is float:
            return (value,)
        if isinstance(value, str):
            return (str.__str__(value),) if type(str.__str__(value)) is str else ("".join(str.__iter__(value)),)
        if isinstance(value, (bytes, bytearray)):
            return (self.add(["b" if isinstance(value, bytes) else "B", bytes(value).hex()]),)
        if isinstance(value, complex):
            return (self.add(["c", value.real, value.imag]),)
        if isinstance(value, range):
            return (self.add(["r", [hex(n) for n in (value.start, value.stop, value.step)]]),)
        if isinstance(value, decimal.Decimal):
            return (self.add(["D", str(value)]),)
        if isinstance(value, fractions.Fraction):
            return (self.add(["Q", hex(value.numerator), hex(value.denominator)]),)
        if isinstance(value, datetime.timedelta):
            return (self.add(["Z", value.days, value.seconds, value.microseconds]),)
        if kind in DATES.values():
            return (self.add(["T", kind.__name__, value.isoformat()]),)
        return None

    def children(self, value):
        """Kind and children of a container, or None."""
        if isinstance(value, tuple):
            return "u", list(tuple.__iter__(value))
        if isinstance(value, list):
            return "l", list(list.__iter__(value))
        if isinstance(value, collections.Counter):
            return "C", [x for pair in dict.items(value) for x in pair]
        if isinstance(value, dict):
            return "m", [x for pair in dict.items(value) for x in pair]
        if isinstance(value, frozenset):
            return "F", list(frozenset.__iter__(value))
        if isinstance(value, set):
            return "S", list(set.__iter__(value))
        if isinstance(value, collections.deque):
            return "q", list(collections.deque.__iter__(value))
        if isinstance(value, type({}.values())) or isinstance(value, type({}.keys())) or isinstance(value, type({}.items())):
            return "l", list(value)
        return None

    def write(self, value):
        """The element of a value; its nodes are added."""
        out, stack, open_ids = [], [(value, None)], set()
        while stack:
            item, closing = stack.pop()
            if closing is not None:
                kind, count, identity = closing
                elements = out[len(out) - count:]
                del out[len(out) - count:]
                open_ids.discard(identity)
                out.append(self.add([kind, elements]))
                continue
            scalar = self.scalar(item)
            if scalar is not None:
                out.append(scalar[0])
                continue
            parts = self.children(item)
            if parts is None and isinstance(item, int):
                out.append(self.write(int.__int__(item) if type(int.__int__(item)) is int else int.__add__(item, 0)))
                continue
            if parts is None and isinstance(item, float):
                out.append(float.__add__(item, 0.0))
                continue
            if parts is None:
                out.append(self.foreign(item))
                continue
            if id(item) in open_ids:
                raise ValueFault("the value contains itself")
            if len(open_ids) > DEEPEST:
                raise ValueFault("the value is nested too deeply")
            open_ids.add(id(item))
            stack.append((None, (parts[0], len(parts[1]), id(item))))
            stack.extend((child, None) for child in reversed(parts[1]))
        return out[0]

    def foreign(self, value):
        """A record (written once, may refer to itself) or whatever `other` makes of it."""
        if id(value) in self.records:
            return self.records[id(value)]
        answer = self.other(value)
        if not isinstance(answer, tuple):
            return self.add(answer)
        place = self.records[id(value)] = self.add(None)
        self.kept.append(value)
        pending = [(place, answer)] if not self.busy_with_records() else None
        if pending is None:
            self.queue.append((place, answer))
            return place
        self.queue = pending
        while self.queue:
            spot, (name, fields) = self.queue.pop()
            self.nodes[spot[0]] = ["R", name, {key: self.write(item) for key, item in fields.items()}]
        del self.queue
        return place

    def busy_with_records(self):
        return hasattr(self, "queue")


class Reader:
    """Reads values. `other(node)` makes something of a handle; `record(name)` makes an empty record."""

    def __init__(self, other, record):
        self.other, self.record = other, record

    def read(self, nodes, root):
        if not isinstance(nodes, list) or len(nodes) > MOST_NODES:
            raise ValueFault("too many nodes")
        made, depth, used = [None] * len(nodes), [0] * len(nodes), set()
        for index, node in enumerate(nodes):
            if node[0] == "R":
                made[index] = self.record(node[1])
        for index, node in enumerate(nodes):
            if node[0] == "R":
                continue

            def element(item):
                if not isinstance(item, list):
                    return item
                (child,) = item
                if nodes[child][0] == "R":
                    return made[child]
                if not 0 <= child < index or child in used:
                    raise ValueFault("the nodes are no tree")
                used.add(child)
                depth[index] = max(depth[index], depth[child] + 1)
                return made[child]

            made[index] = self.node(node, element)
            if depth[index] > DEEPEST + 1:
                raise ValueFault("the value is nested too deeply")
        top = lambda item: made[item[0]] if isinstance(item, list) else item
        for index, node in enumerate(nodes):
            if node[0] == "R":
                for key, item in node[2].items():
                    object.__setattr__(made[index], str(key), top(item))
        return top(root)

    def node(self, node, element):
        kind = node[0]
        if kind == "x":
            return int(node[1], 16)
        if kind in ("b", "B"):
            return (bytes if kind == "b" else bytearray).fromhex(node[1])
        if kind == "c":
            return complex(node[1], node[2])
        if kind == "r":
            return range(*(int(n, 16) for n in node[1]))
        if kind == "D":
            return decimal.Decimal(node[1])
        if kind == "Q":
            return fractions.Fraction(int(node[1], 16), int(node[2], 16))
        if kind == "Z":
            return datetime.timedelta(*node[1:])
        if kind == "T":
            return DATES[node[1]].fromisoformat(node[2])
        if kind in "luSFqmC" and len(kind) == 1:
            items = [element(item) for item in node[1]]
            if kind in "mC":
                pairs = dict(zip(items[::2], items[1::2]))
                return pairs if kind == "m" else collections.Counter(pairs)
            make = {"l": list, "u": tuple, "S": set, "F": frozenset, "q": collections.deque}[kind]
            return make(items)
        return self.other(node)
