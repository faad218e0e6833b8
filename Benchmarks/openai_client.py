"""Proves a running touchstone-server with PyPI's `openai`, as its users do: models, chat, streaming, log-probabilities,
choice of adapter, and adapters replaced under load.

    touchstone serve Checkpoints/tiny-qwen3 --precision fp32 --allow-adapters-from ADAPTERS --port 8000
    python Benchmarks/openai_client.py http://127.0.0.1:8000 ADAPTERS

ADAPTERS is a folder with at least two PEFT folders, such as a run's `adapters`. Ends with status 0 and one JSON line of
figures, or with the first thing that does not hold.
"""

import asyncio
import json
import os
import random
import sys
import time
import urllib.request

from openai import AsyncOpenAI, BadRequestError, NotFoundError, OpenAI

REPLACEMENTS, CLIENTS = 200, 16
QUESTION = [{"role": "user", "content": "What is 57 + 38 - 46?"}]


def load(base, name, path):
    body = json.dumps({"lora_name": name, "lora_path": path, "load_inplace": True}).encode()
    request = urllib.request.Request(
        base + "/v1/load_lora_adapter", body,
        {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ.get("TOUCHSTONE_ADMIN_KEY", "none")})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["digest"]


def plain(client, model):
    """Chat, stream, log-probabilities, errors."""
    settings = dict(model=model, messages=QUESTION, max_tokens=48, seed=3, temperature=1, logprobs=True, top_logprobs=3)
    whole = client.chat.completions.create(**settings)
    choice = whole.choices[0]
    assert whole.usage.completion_tokens == len(choice.logprobs.content) and choice.finish_reason in ("stop", "length")
    assert all(len(token.top_logprobs) == 3 for token in choice.logprobs.content)
    text, logprobs = "", []
    for chunk in client.chat.completions.create(stream=True, stream_options={"include_usage": True}, **settings):
        if not chunk.choices:
            assert chunk.usage == whole.usage
            continue
        text += chunk.choices[0].delta.content or ""
        if chunk.choices[0].logprobs:
            logprobs += chunk.choices[0].logprobs.content
    assert text == choice.message.content and logprobs == choice.logprobs.content
    person = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 130}}, "required": ["age"]}
    answer = client.chat.completions.create(
        model=model, messages=QUESTION, max_tokens=200, seed=1, temperature=2, extra_body={"enable_thinking": False},
        response_format={"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": person}})
    if answer.choices[0].finish_reason == "stop":
        assert 0 <= json.loads(answer.choices[0].message.content)["age"] <= 130
    two = client.completions.create(model=model, prompt=["1 + 1 =", "2 + 2 ="], n=2, max_tokens=4, seed=1, logprobs=1)
    assert len(two.choices) == 4 and [c.index for c in two.choices] == [0, 1, 2, 3]
    for kind, call in [
        (NotFoundError, lambda: client.chat.completions.create(model="nobody", messages=QUESTION)),
        (BadRequestError, lambda: client.chat.completions.create(model=model, messages=[])),
        (BadRequestError, lambda: client.chat.completions.create(
            model=model, messages=QUESTION, response_format={"type": "json_schema", "json_schema": {
                "name": "x", "schema": {"oneOf": []}}})),
    ]:
        try:
            call()
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")


async def hot(base, folders):
    """Sixteen streaming clients while the adapter they use is replaced in place."""
    client = AsyncOpenAI(base_url=base + "/v1", api_key=os.environ.get("TOUCHSTONE_API_KEY", "none"), max_retries=0)
    replaced, results = 0, []

    async def stream(seed):
        text, digests = "", set()
        pieces = await client.chat.completions.create(
            model="hot", messages=QUESTION, seed=seed, temperature=1, max_tokens=32, stream=True, logprobs=True)
        tokens = []
        async for chunk in pieces:
            digests.add(chunk.system_fingerprint)
            text += chunk.choices[0].delta.content or ""
            if chunk.choices[0].logprobs:
                tokens += [(t.token, t.logprob) for t in chunk.choices[0].logprobs.content]
        assert len(digests) == 1, digests
        results.append((seed, digests.pop(), text, tokens))

    async def keep_asking(number):
        while replaced < REPLACEMENTS:
            await stream(random.randrange(1 << 30))

    async def keep_replacing():
        nonlocal replaced
        for number in range(REPLACEMENTS):
            await asyncio.to_thread(load, base, "hot", folders[number % len(folders)])
            replaced += 1
            await asyncio.sleep(0.02)

    start = time.time()
    await asyncio.gather(keep_replacing(), *(keep_asking(n) for n in range(CLIENTS)))
    seconds = time.time() - start
    return results, seconds


def alone(client, base, folders, results):
    """Each answer is the one that its version gives when nothing else runs."""
    names = {}
    for number, folder in enumerate(folders):
        names[load(base, f"alone-{number}", folder)] = f"alone-{number}"
    checked = random.sample(results, min(len(results), 100))
    for seed, digest, text, tokens in checked:
        answer = client.chat.completions.create(
            model=names[digest], messages=QUESTION, seed=seed, temperature=1, max_tokens=32, logprobs=True)
        choice = answer.choices[0]
        assert answer.system_fingerprint == digest and choice.message.content == text
        assert [(t.token, t.logprob) for t in choice.logprobs.content] == tokens
    return len(checked), len({digest for _, digest, _, _ in results})


def main():
    base, adapters = sys.argv[1].rstrip("/"), os.path.abspath(sys.argv[2])
    folders = sorted(e.path for e in os.scandir(adapters) if os.path.exists(e.path + "/adapter_config.json"))
    assert len(folders) >= 2, "two adapters are needed"
    client = OpenAI(base_url=base + "/v1", api_key=os.environ.get("TOUCHSTONE_API_KEY", "none"), max_retries=0)
    model = client.models.list().data[0].id
    plain(client, model)
    digest = load(base, "hot", folders[0])
    assert any(m.id == "hot" for m in client.models.list())
    answer = client.chat.completions.create(model="hot", messages=QUESTION, max_tokens=8, seed=1)
    assert answer.model == "hot" and answer.system_fingerprint == digest
    plain(client, "hot")
    results, seconds = asyncio.run(hot(base, folders))
    checked, versions = alone(client, base, folders, results)
    print(json.dumps({
        "replacements": REPLACEMENTS, "clients": CLIENTS, "completions": len(results), "failures": 0,
        "versions_seen": versions, "checked_alone": checked, "seconds": round(seconds, 1)}))


main()
