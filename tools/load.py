"""Steady load on the lab, made by a host of it: `python -m tools.load start | mark | stop ADDRESS …`.

The load runs on the host whose address is given, as the unit evenkeel-load, until it is stopped or 15 minutes are over.
`mark` names what happens from now on; `stop` prints as JSON how many requests there were, how many failed, and how many
were in flight during each event (see tools/load_generator.py).
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.lab.access import ssh_command
from tools.lab.settings import LabError

GENERATOR = Path(__file__).with_name("load_generator.py")
DIRECTORY = "/srv/evenkeel-load"
UNIT = "evenkeel-load.service"
QUIET = "quiet"
REPORT_SECONDS = 60.0


@dataclass(frozen=True)
class Clients:
    """So many clients of one kind, which ask these URLs in turn."""

    name: str
    urls: tuple[str, ...]
    count: int
    keep_alive: bool = False
    http2: bool = False
    # Seconds between two requests of one client.
    pause: float = 0.05


class Load:
    """The load that one host of the lab makes."""

    def __init__(self, address: str) -> None:
        self.address = address

    def start(self, clients: Sequence[Clients], timeout: float = 30.0, longest: float = 900.0) -> None:
        """Bring the program and its plan, and run it."""
        plan = {"clients": [asdict(each) for each in clients], "timeout": timeout, "longest": longest}
        self._run(["rm", "-rf", DIRECTORY])
        self._write("load_generator.py", GENERATOR.read_text(encoding="utf-8"))
        self._write("load.json", json.dumps(plan))
        self.mark(QUIET)
        program = ["python3", f"{DIRECTORY}/load_generator.py", DIRECTORY]
        self._run(["systemd-run", "--quiet", "--collect", f"--unit={UNIT}", *program])

    def mark(self, event: str) -> None:
        """Say what happens from now on."""
        self._write("event", event)

    def stop(self) -> dict[str, Any]:
        """End the load; returns the report, see `report` in tools/load_generator.py."""
        self._write("stop", "")
        deadline = time.monotonic() + REPORT_SECONDS
        while self._run(["systemctl", "is-active", UNIT], check=False) == "active" and time.monotonic() < deadline:
            time.sleep(0.5)
        report: dict[str, Any] = json.loads(self._run(["cat", f"{DIRECTORY}/report.json"]))
        self._run(["rm", "-rf", DIRECTORY])
        return report

    def _write(self, name: str, content: str) -> None:
        self._run(["install", "-D", "-m", "0644", "/dev/stdin", f"{DIRECTORY}/{name}"], content)

    def _run(self, argv: Sequence[str], stdin: str = "", check: bool = True) -> str:
        command = [*ssh_command(self.address), shlex.join(["sudo", *argv])]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode:
            raise LabError(f"{self.address}: `{shlex.join(argv)}` returned {done.returncode}: {done.stderr.strip()}")
        return done.stdout.strip()


def kinds(arguments: argparse.Namespace) -> list[Clients]:
    """New connections and kept ones in equal parts, and slow requests where there are URLs for them."""
    urls = tuple(arguments.urls)
    found = [
        Clients("new", urls, arguments.clients, pause=arguments.pause),
        Clients("keep-alive", urls, arguments.clients, keep_alive=True, pause=arguments.pause),
    ]
    if arguments.slow:
        found.append(Clients("slow", tuple(arguments.slow), arguments.slow_clients, pause=0))
    if arguments.http2:
        found.append(Clients("HTTP/2", tuple(arguments.http2), arguments.http2_clients, http2=True))
    return found


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.load", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="begin to ask these URLs")
    start.add_argument("address", help="address of the host that makes the load")
    start.add_argument("urls", nargs="+", help="URLs that are asked in turn")
    start.add_argument("--clients", type=int, default=4, help="clients with new, and as many with kept connections")
    start.add_argument("--pause", type=float, default=0.05, help="seconds between two requests of a client")
    start.add_argument("--slow", action="append", default=[], help="URL whose answer takes long; may be repeated")
    start.add_argument("--slow-clients", type=int, default=8, help="clients that ask the slow URLs")
    start.add_argument("--http2", action="append", default=[], help="URL that is asked over HTTP/2; may be repeated")
    start.add_argument(
        "--http2-clients", type=int, default=1, help="clients that ask over HTTP/2, 10 requests at a time"
    )
    mark = commands.add_parser("mark", help="name what happens from now on")
    mark.add_argument("address")
    mark.add_argument("event")
    commands.add_parser("stop", help="end the load and print the report").add_argument("address")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run one command."""
    options = parse(arguments)
    load = Load(options.address)
    try:
        if options.command == "start":
            load.start(kinds(options))
        elif options.command == "mark":
            load.mark(options.event)
        else:
            print(json.dumps(load.stop()))
    except LabError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
