# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions put to a program after its reload: does it still serve? Read-only, and bounded in time."""

from __future__ import annotations

import socket
import ssl
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Callable, NoReturn

from .host import Host

INTERVAL = 0.2
LONGEST = 120
ANSWER_BYTES = 1_000_000

Question = Callable[[], str]

HTTP_ARGS: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "status": {"type": "list", "elements": "int", "default": [200]},
    "contains": {"type": "str"},
    "headers": {"type": "dict", "default": {}},
    "verify": {"type": "bool", "default": True},
}
TCP_ARGS: dict[str, Any] = {
    "host": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "required": True},
}
# What `probe` reads, as the options of a module.
PROBE_ARGS: dict[str, Any] = {
    "http": {"type": "dict", "options": HTTP_ARGS},
    "tcp": {"type": "dict", "options": TCP_ARGS},
    "unit": {"type": "str"},
    "command": {"type": "list", "elements": "str"},
    "within": {"type": "int", "default": 5},
}


def until_well(ask: Question, seconds: float, stop: Callable[[str], bool] = lambda words: False) -> str:
    """Ask until the answer is "" (well) or `seconds` are over; return the last words. `stop` ends the waiting early."""
    end = time.monotonic() + seconds
    while True:
        words = ask()
        if not words or stop(words) or time.monotonic() + INTERVAL > end:
            return words
        time.sleep(INTERVAL)


class Probe(ABC):
    """One question. `within` is how many seconds it may take until the answer is right."""

    def __init__(self, within: float = 5.0) -> None:
        self.within = within

    def failure(self, host: Host) -> str:
        """Empty where all is well; else one sentence: what was asked, what came, what was expected."""
        return until_well(lambda: self.ask(host), self.within)

    @abstractmethod
    def ask(self, host: Host) -> str:
        """Ask once."""


class HttpProbe(Probe):
    """A GET request from the host itself. Redirects are answers, proxies are not used."""

    def __init__(
        self, url: str, status: list[int], contains: str, headers: Mapping[str, str], verify: bool, within: float
    ):
        super().__init__(within)
        self.url, self.status, self.contains, self.headers, self.verify = url, status, contains, dict(headers), verify

    def ask(self, host: Host) -> str:
        try:
            status, body = get(self.url, self.headers, self.verify, max(1.0, self.within))
        except (OSError, ValueError) as error:  # URLError is an OSError
            return f"GET {self.url} was not answered: {getattr(error, 'reason', error)}"
        if status not in self.status:
            return f"GET {self.url} answered {status}; expected {' or '.join(map(str, self.status))}"
        if self.contains and self.contains not in body:
            return f"GET {self.url} answered {status}, but the body does not contain {self.contains!r}"
        return ""


def get(url: str, headers: Mapping[str, str], verify: bool, timeout: float) -> tuple[int, str]:
    """Status and body, without proxies and without following redirects; OSError or ValueError where nobody answers."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect()
    )
    sent = {"User-Agent": "evenkeel-probe", **headers}
    request = urllib.request.Request(url, headers=sent)  # noqa: S310 - `probe` and `proof` allow http and https only
    try:
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.read(ANSWER_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read(ANSWER_BYTES).decode("utf-8", "replace")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves 3xx answers as they are."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class TcpProbe(Probe):
    """Whether something accepts connections."""

    def __init__(self, address: str, port: int, within: float) -> None:
        super().__init__(within)
        self.address, self.port = address, port

    def ask(self, host: Host) -> str:
        try:
            with socket.create_connection((self.address, self.port), timeout=max(1.0, self.within)):
                return ""
        except OSError as error:
            return f"TCP {self.address} port {self.port} takes no connection: {error}"


class UnitProbe(Probe):
    """Whether a systemd unit is active, once it has made up its mind."""

    def __init__(self, unit: str, within: float) -> None:
        super().__init__(within)
        self.unit = unit

    def ask(self, host: Host) -> str:
        state = host.run(["systemctl", "is-active", self.unit]).out.strip()
        return "" if state == "active" else f"unit {self.unit} is {state or 'unknown'}; expected active"


class CommandProbe(Probe):
    """Whether a command returns 0."""

    def __init__(self, argv: list[str], within: float) -> None:
        super().__init__(within)
        self.argv = argv

    def ask(self, host: Host) -> str:
        result = host.run(self.argv, timeout=max(1.0, self.within))
        return "" if result.ok else f"{' '.join(self.argv)} returned {result.rc}: {result.words}"


class BadProbe(ValueError):
    """A probe or proof that cannot be understood; the message names it and says what is allowed."""


def probe(option: Mapping[str, Any]) -> Probe:
    """The probe that an element of option `probe` describes, with its defaults filled in by the argument spec."""
    within = seconds("probe", option.get("within"), 5)
    kinds = [kind for kind in ("http", "tcp", "unit", "command") if option.get(kind)]
    if len(kinds) != 1:
        _refuse(option, "exactly one of http, tcp, unit, command")
    asked = option[kinds[0]]
    if kinds == ["http"]:
        if not str(asked["url"]).startswith(("http://", "https://")):
            _refuse(option, "a url that begins with http:// or https://")
        return HttpProbe(
            asked["url"],
            list(asked.get("status") or [200]),
            asked.get("contains") or "",
            asked.get("headers") or {},
            bool(asked.get("verify", True)),
            within,
        )
    if kinds == ["tcp"]:
        if not 1 <= int(asked["port"]) <= 65535:
            _refuse(option, "a port from 1 to 65535")
        return TcpProbe(asked.get("host") or "127.0.0.1", int(asked["port"]), within)
    return UnitProbe(asked, within) if kinds == ["unit"] else CommandProbe(list(asked), within)


def seconds(option: str, given: int | None, default: int) -> float:
    """Option `within` of a probe or proof."""
    if given is not None and not 1 <= given <= LONGEST:
        raise BadProbe(f"{option}: within is {given}; allowed are 1 to {LONGEST} seconds.")
    return float(default if given is None else given)


def _refuse(option: Mapping[str, Any], allowed: str) -> NoReturn:
    given = {key: value for key, value in option.items() if value is not None}
    raise BadProbe(f"probe is {given!r}; allowed is {allowed}.")
