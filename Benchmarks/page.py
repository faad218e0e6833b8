"""Uses the server's page as a person would, in headless Chromium, with nothing but Python's standard library.

    touchstone serve MODEL --adapter NAME=FOLDER --port 8000
    python Benchmarks/page.py http://127.0.0.1:8000 --screenshot page.png "What is 57 + 38 - 46?" "And 12 + 30?"

Each question is typed and sent with Enter, and both sides must answer, with the words that the same request brings
without a page. The page may ask nobody but the server for anything, and must not complain. The browser is spoken to through
a pipe, in its DevTools protocol. One JSON line of what was seen.
"""

import argparse
import base64
import json
import os
import subprocess
import tempfile
import time
import urllib.request

ANSWERS = """[...document.querySelectorAll("section")].map(side => ({
    model: side.querySelector("select").value, figures: side.querySelector("small").textContent,
    answers: [...side.querySelectorAll(".turn.answer")].map(turn => ({
        fault: turn.classList.contains("fault"), text: turn.querySelector(":scope > span").textContent,
        thought: (turn.querySelector("details > span") || {}).textContent || ""}))}))"""


class Browser:
    """A page in Chromium."""

    def __init__(self, path, width, height):
        (theirs_in, self.out), (self.back, theirs_out) = os.pipe(), os.pipe()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        command = [path, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
                   f"--user-data-dir={self.folder.name}", "about:blank"]

        def pipes():
            # The protocol has it that commands come in at 3 and answers go out at 4.
            first, second = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(command, preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self.held, self.number, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def read(self):
        while b"\0" not in self.held:
            piece = os.read(self.back, 1 << 16)
            assert piece, "the browser has ended"
            self.held += piece
        message, self.held = self.held.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self.events.append(answer)

    def value(self, script):
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script, seconds):
        end = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < end, f"not within {seconds} s: {script}"
            time.sleep(0.1)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def ask(base, model, messages, options):
    body = {"model": model, "messages": messages, "temperature": options.temperature, "max_tokens": options.tokens,
            "seed": options.seed, "chat_template_kwargs": {"enable_thinking": True}}
    request = urllib.request.Request(
        base + "/v1/chat/completions", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + options.key})
    return json.load(urllib.request.urlopen(request))["choices"][0]["message"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--screenshot")
    parser.add_argument("--system", default="")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--key", default=os.environ.get("TOUCHSTONE_API_KEY", ""))
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--wait", type=float, default=180, help="seconds for an answer")
    options = parser.parse_args()
    base = options.base.rstrip("/")
    browser = Browser(options.browser, 1280, 800)
    try:
        browser.call("Page.navigate", url=base + "/")
        browser.until("document.readyState === 'complete'", 30)
        if options.key:
            browser.value(f"$('key').value = {json.dumps(options.key)}; loadModels()")
        browser.until("document.querySelectorAll('section select option').length > 1", 30)
        for name in ("temperature", "tokens", "seed", "system"):
            browser.value(f"$('{name}').value = {json.dumps(str(getattr(options, name)))}")
        for number, question in enumerate(options.questions):
            browser.value("prompt.focus()")
            browser.call("Input.insertText", text=question)
            for kind in ("keyDown", "keyUp"):
                browser.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
            browser.until(f"sides.every(side => side.messages.length === {2 * number + 2})", options.wait)
        sides = browser.value(ANSWERS)
        if options.screenshot:
            time.sleep(0.3)
            with open(options.screenshot, "wb") as file:
                file.write(base64.b64decode(browser.call("Page.captureScreenshot", format="png")["data"]))
        browser.value("1")
    finally:
        browser.close()

    places = {event["params"]["request"]["url"] for event in browser.events if event["method"] == "Network.requestWillBeSent"}
    strange = [place for place in places if not place.startswith((base + "/", "data:", "about:"))]
    assert not strange, f"the page asked {strange}"
    complaints = [event for event in browser.events if event["method"] == "Runtime.exceptionThrown"
                  or event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] in ("warning", "error")]
    assert not complaints, complaints[0]
    for side in sides:
        messages = [{"role": "system", "content": options.system}] if options.system else []
        for question, shown in zip(options.questions, side["answers"], strict=True):
            assert not shown["fault"], shown
            messages.append({"role": "user", "content": question})
            told = ask(base, side["model"], messages, options)
            assert (told["content"] or "") == shown["text"], (told, shown)
            assert (told.get("reasoning_content") or "") == shown["thought"], (told, shown)
            messages.append({"role": "assistant", "content": shown["text"]})
    print(json.dumps({"places": sorted(places), "sides": sides}, ensure_ascii=False))


main()
