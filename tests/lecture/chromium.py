"""A browser for tests: headless Chromium, controlled through a pipe by its DevTools protocol.

python -m tests.lecture.chromium companion.html DIR [FORMULA]    three widths, both themes, as PNGs
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
SECONDS = 60


def installed():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One page. `with Chromium() as browser: browser.open(path); browser.run("document.title")`.

    errors      what the page has thrown          requests    what it has asked for, since it was opened
    """

    def __enter__(self):
        self.room = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()
        os.set_inheritable(to_browser, True)
        os.set_inheritable(from_browser, True)
        # Chromium reads from descriptor 3 and writes to 4; the shell puts the pipe's ends there.
        command = ["bash", "-c", f'exec "$@" 3<&{to_browser} 4>&{from_browser}', "bash", installed(), *FLAGS]
        self.process = subprocess.Popen(
            [*command, f"--user-data-dir={self.room.name}", "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser), os.close(from_browser)
        self.numbers, self.buffer, self.session = itertools.count(1), b"", None
        self.errors, self.requests = [], []
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *error):
        os.close(self.write)
        self.process.kill()
        self.process.wait()
        os.close(self.read)
        self.room.cleanup()

    def call(self, method, **parameters):
        """One command, and its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self):
        while b"\0" not in self.buffer:
            part = os.read(self.read, 1 << 20)
            assert part, "the browser has gone"
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, path, width=1400, height=900):
        """Load a file, or an address, in a window of this size."""
        self.size(width, height)
        self.requests = []
        self.call("Page.navigate", url=path if "://" in str(path) else Path(path).resolve().as_uri())
        self.wait("document.readyState === 'complete'")

    def wait(self, condition):
        """Until a condition in JavaScript holds; what is not defined yet does not."""
        deadline = time.monotonic() + SECONDS
        while not self.run(f"(() => {{ try {{ return Boolean({condition}); }} catch (early) {{ return false; }} }})()"):
            assert time.monotonic() < deadline, f"waited {SECONDS} s for {condition}"
            time.sleep(0.02)

    def size(self, width, height):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def media(self, theme="light", medium="screen"):
        """Prefer a light or a dark page; look at it on a screen or on paper ("print")."""
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.call("Emulation.setEmulatedMedia", media=medium, features=features)

    def run(self, script):
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key):
        """A key, as a reader presses it."""
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def click(self, selector):
        """A click in the middle of what the CSS selector finds."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoViewIfNeeded();"
            " const box = e.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def draw(self, points):
        """Press the mouse at the first of the points (x, y) of the window, move it along the others, let go."""
        kinds = ["mousePressed", *["mouseMoved"] * (len(points) - 1), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [*points, points[-1]], strict=True):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def settle(self):
        """Wait until the page has drawn itself twice more."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def screenshot(self, path):
        """What is in the window, as a PNG file."""
        self.settle()
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
        return path


def main(page, folder, formula="5"):
    Path(folder).mkdir(parents=True, exist_ok=True)
    with Chromium() as browser:
        for theme in ("light", "dark"):
            browser.media(theme)
            for width, height in ((1400, 900), (820, 1000), (390, 844)):
                browser.open(page, width, height)
                browser.run(f"document.getElementById('f-{formula}').scrollIntoView()")
                print(browser.screenshot(Path(folder) / f"{theme}_{width}.png"))


if __name__ == "__main__":
    main(*sys.argv[1:])
