"""Lets a Python function score completions for Touchstone.

    python3 -m touchstone_reward my_rewards.py:brevity

The function is called as TRL calls its reward functions: with keyword arguments, each a list with one entry a sample, and
it returns a list of numbers, or None where it does not apply. It is given prompts, completions, completion_ids,
finish_reasons, messages, every column of the data, log_metric, log_extra and trainer_state (None); a function without
**kwargs is given only those that it names. It may be async.

Prompts and completions are texts that are also conversations: completion[0]["content"] is the text, and
prompt[-1]["content"] the last message. With --messages they are plain lists of messages, as TRL has them for
conversational data. In a recipe, the command runs in the recipe's folder.

What the function prints goes to standard error. If it raises, the samples of that call have failed; the process lives on.
"""

import asyncio
import importlib
import importlib.util
import inspect
import json
import math
import os
import sys
import traceback


class Character(str):
    """A character that is also the message at its place."""

    def __new__(cls, text, message):
        self = super().__new__(cls, text)
        self.message = message
        return self

    def __getitem__(self, key):
        return self.message[key] if isinstance(key, str) else super().__getitem__(key)

    def get(self, key, default=None):
        return self.message.get(key, default)


class Conversation(str):
    """A text that is also a list of messages: text[i] is a message where it is asked for a key."""

    def __new__(cls, text, messages):
        self = super().__new__(cls, text)
        self.messages = messages
        return self

    def __getitem__(self, key):
        if isinstance(key, int) and -len(self.messages) <= key < len(self.messages):
            character = super().__getitem__(key) if -len(self) <= key < len(self) else ""
            return Character(character, self.messages[key])
        return super().__getitem__(key)


def load(spec):
    """The function that `file.py:name` or `package.module:name` names."""
    place, _, name = spec.rpartition(":")
    if not place or not name:
        raise SystemExit(f"touchstone_reward: '{spec}' names no function; expected my_rewards.py:function")
    sys.path.insert(0, os.getcwd())
    if place.endswith(".py"):
        if not os.path.isfile(place):
            raise SystemExit(f"touchstone_reward: there is no file {os.path.abspath(place)}")
        sys.path.insert(0, os.path.dirname(os.path.abspath(place)))
        module_spec = importlib.util.spec_from_file_location(os.path.basename(place)[:-3], place)
        module = importlib.util.module_from_spec(module_spec)
        sys.modules[module_spec.name] = module
        module_spec.loader.exec_module(module)
    else:
        module = importlib.import_module(place)
    function = getattr(module, name, None)
    if not callable(function):
        raise SystemExit(f"touchstone_reward: {place} has no function {name}")
    return function


def arguments(samples, as_messages, logs):
    """The keyword arguments for a batch."""
    prompts, completions = [], []
    for sample in samples:
        asked = sample.get("messages")
        reply = [{"role": "assistant", "content": sample["completion"]}]
        if as_messages:
            prompts.append(asked or [{"role": "user", "content": sample["prompt"]}])
            completions.append(reply)
        else:
            prompts.append(Conversation(sample["prompt"], asked or [{"role": "user", "content": sample["prompt"]}]))
            completions.append(Conversation(sample["completion"], reply))
    names = dict.fromkeys(name for sample in samples for name in sample["columns"])
    columns = {name: [sample["columns"].get(name) for sample in samples] for name in names}

    def log_metric(name, value):
        logs[str(name)] = float(value)

    columns.update(
        prompts=prompts,
        completions=completions,
        completion_ids=[sample["completion_ids"] for sample in samples],
        finish_reasons=[sample["finish_reason"] for sample in samples],
        messages=[sample.get("messages") for sample in samples],
        log_metric=log_metric,
        log_extra=lambda column, values: None,
        trainer_state=None,
    )
    return columns


def accepted(function, given):
    """Those of the arguments that a function takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return given
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return given
    return {parameter.name: given[parameter.name] for parameter in parameters if parameter.name in given}


def score(value):
    """A score as the protocol has it."""
    if value is None:
        return None
    number = float(value)
    if math.isfinite(number):
        return number
    return {"failed": "non_finite", "reason": f"the function returned {number}"}


def answer(function, request, as_messages):
    """The reply to a message."""
    logs = {}
    samples = request["samples"]
    try:
        result = function(**accepted(function, arguments(samples, as_messages, logs)))
        if inspect.isawaitable(result):

            async def wait():
                return await result

            result = asyncio.run(wait())
        values = list(result)
        if len(values) != len(samples):
            reason = f"the function returned {len(values)} scores for {len(samples)} completions"
            return {"id": request["id"], "failed": "wrong_count", "reason": reason}
        logs = {name: value for name, value in logs.items() if math.isfinite(value)}
        return {"id": request["id"], "scores": [score(value) for value in values], "logs": logs}
    except Exception as error:
        traceback.print_exc()
        return {"id": request["id"], "failed": "crash", "reason": f"{type(error).__name__}: {error}"}


def main():
    """Answers messages until standard input ends."""
    options = [argument for argument in sys.argv[1:] if argument.startswith("--")]
    specs = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if len(specs) != 1 or any(option != "--messages" for option in options):
        raise SystemExit("usage: python3 -m touchstone_reward [--messages] FILE.py:FUNCTION")
    # Only replies may stand on standard output: whatever else is printed, also by libraries, goes to standard error.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdin.reconfigure(encoding="utf-8")
    function = load(specs[0])
    for line in sys.stdin:
        if line.strip():
            replies.write(json.dumps(answer(function, json.loads(line), bool(options)), allow_nan=False) + "\n")
            replies.flush()


if __name__ == "__main__":
    main()
