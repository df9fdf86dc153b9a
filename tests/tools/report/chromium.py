# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a window, driven over its debugging pipe (Chrome DevTools Protocol): pages as a reader
sees them."""
import base64
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time


class Browser:
    """One browser with one page. Every wait ends after `limit` seconds with what was waited for."""

    def __init__(self, limit=60):
        self.limit = limit
        self.numbers = itertools.count(1)
        self.events = []
        self.rest = b""
        self.profile = tempfile.mkdtemp(prefix="imgforge-chromium-", dir="/var/tmp")
        commands, self.write_end = os.pipe()
        self.read_end, answers = os.pipe()
        os.dup2(
            commands, 30
        )  # Chromium reads from 3 and writes to 4; bash's redirections below put them there
        os.dup2(answers, 31)
        program = shutil.which("chromium")
        self.process = subprocess.Popen(
            [
                "bash",
                "-c",
                'exec "$@" 3<&30 4>&31 30<&- 31>&-',
                "chromium",
                program,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
                "--hide-scrollbars",
                "--force-color-profile=srgb",
                f"--user-data-dir={self.profile}",
                "about:blank",
            ],
            pass_fds=(30, 31),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": self.profile},
        )
        for descriptor in (commands, answers, 30, 31):
            os.close(descriptor)
        target = self.call("Target.createTarget", url="about:blank", session=None)["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True, session=None)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self, end, awaited):
        """The next message of the browser."""
        while b"\0" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                raise TimeoutError(f"the browser gave no answer to {awaited} within {self.limit} s")
            more = os.read(self.read_end, 1 << 20)
            if not more:
                raise RuntimeError(f"the browser ended while {awaited} was waited for")
            self.rest += more
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def call(self, method, session="page", **parameters):
        number = next(self.numbers)
        request = {"id": number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = self.session
        os.write(self.write_end, json.dumps(request).encode() + b"\0")
        end = time.monotonic() + self.limit
        while True:
            answer = self.message(end, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url, width, dark):
        """Loads a page at that width, in CSS pixels; returns the URLs that it fetched."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        self.events.clear()
        self.call("Page.navigate", url=url)
        end = time.monotonic() + self.limit
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.message(end, f"the load of {url}"))
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def run(self, script):
        """The value of a script in the page."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"]))
        return result["result"].get("value")

    def screenshot(self, file):
        """The whole page as a PNG, at most 4000 pixels high."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)[
            "data"
        ]
        pathlib.Path(file).write_bytes(base64.b64decode(data))
