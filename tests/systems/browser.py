# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A real headless Chromium with one page, driven through a pair of pipes by its DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
         "--remote-debugging-pipe", "--allow-file-access-from-files")  # fmt: skip
TIME_LIMIT = 60


class Page:
    """A page of the browser.

    Attributes:
        events: what the browser told of by itself, such as requests and messages of the console.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0
        self._rest = b""
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._reader, 1 << 20)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._rest += piece
        message, self._rest = self._rest.split(b"\0", 1)
        answer: dict[str, Any] = json.loads(message)
        return answer

    def ask(self, script: str) -> Any:
        """Return the JSON value of an expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, script: str) -> None:
        """Wait for an expression to be true."""
        self._wait(lambda: bool(self.ask(script)), script)

    @staticmethod
    def _wait(is_so: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + TIME_LIMIT
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(what)
            time.sleep(0.02)

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Open a file in a window of a size, for a reader who wants it light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        self.until(f"location.href === {json.dumps(path.as_uri())} && document.readyState === 'complete'")

    def picture(self, path: Path) -> None:
        """Take a picture of what the window shows."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the page was opened."""
        sent = (event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent")
        return [event["request"]["url"] for event in sent]

    def complaints(self) -> list[str]:
        """Return what went wrong in the page since it was opened."""
        self.ask("0")
        kinds = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"}
        return [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]


@contextmanager
def browser(program: Path, home: Path) -> Iterator[Page]:
    """Start a browser whose files are in a directory, and end it."""
    to_it, our_writer = os.pipe()
    our_reader, from_it = os.pipe()

    def hand_over() -> None:  # the browser reads from 3 and writes to 4
        low, high = os.dup(to_it), os.dup(from_it)
        spare = [os.dup2(low, 100), os.dup2(high, 101)]
        os.dup2(spare[0], 3)
        os.dup2(spare[1], 4)

    with subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={home}"],
        close_fds=False,
        preexec_fn=hand_over,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(to_it)
        os.close(from_it)
        try:
            yield Page(our_reader, our_writer)
        finally:
            process.terminate()
            os.close(our_reader)
            os.close(our_writer)
