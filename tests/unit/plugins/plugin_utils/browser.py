# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium by its own protocol, https://chromedevtools.github.io/devtools-protocol: widths, paper, keys, clicks."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tools.audit_sample import CHROMIUM

PATIENCE = 120
needs_browser = pytest.mark.skipif(
    not shutil.which("chromium"), reason="chromium is not installed: the page was not opened in a browser"
)
# Beyond those that the shell below gives to the browser.
FIRST_FREE = 10


class Browser:
    """One tab, for one page. What that says on the console, or what fails in it, is kept in `complaints`."""

    def __init__(self, directory: Path, home: str) -> None:
        self.home = home
        self.complaints: list[str] = []
        self._number, self._buffer, self._loaded = 0, b"", False
        told, self._tell = (fcntl.fcntl(end, fcntl.F_DUPFD, FIRST_FREE) for end in os.pipe())
        self._hear, said = (fcntl.fcntl(end, fcntl.F_DUPFD, FIRST_FREE) for end in os.pipe())
        options = ["--remote-debugging-pipe", f"--user-data-dir={directory}", "about:blank"]
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{told} 4>&{said}', "bash", *CHROMIUM, *options],
            pass_fds=(told, said),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(told)
        os.close(said)
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._tell)
        os.close(self._hear)

    def open(self, address: str) -> None:
        """Go there, and wait until all of it is there."""
        self._loaded, self.complaints = False, []
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + PATIENCE
        while not self._loaded:
            self._note(self._read(deadline))

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One call, and its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._tell, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            heard = self._read(deadline)
            if heard.get("id") == self._number:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self._note(heard)

    def _note(self, heard: dict[str, Any]) -> None:
        if heard.get("method") == "Page.loadEventFired":
            self._loaded = True
        if heard.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.complaints.append(json.dumps(heard["params"]))

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            spoken = select.select([self._hear], [], [], max(0, deadline - time.monotonic()))
            assert spoken[0], "the browser says nothing"
            part = os.read(self._hear, 1 << 20)
            assert part, "the browser has ended"
            self._buffer += part
        line, _end, self._buffer = self._buffer.partition(b"\0")
        heard: dict[str, Any] = json.loads(line)
        return heard
