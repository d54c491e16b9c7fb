# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many file descriptors a configuration of HAProxy needs, and whether its unit may open so many.

This file stands alone, because it is also a program that looks at a new configuration before it is in force:
haproxy_limits.py CONFIGURATION UNIT DROP_IN

This counts as HAProxy's own start does: two descriptors for a connection, one for each listener, check and agent, three
for each thread. What it keeps for itself, the runtime socket, the master and peers was seen to be 33 to 54 with 2.6 and
3.0, and is taken as 64. As root HAProxy would raise the limit by itself; a unit's limit is kept, as somebody set it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable

OWN_FILES, FILES_OF_CONNECTION, FILES_OF_THREAD = 64, 2, 3
ASK_SECONDS = 10
LIMIT = re.compile(r"^\s*(?:Default)?LimitNOFILE\s*=\s*(\S+)", re.MULTILINE)


def needed(maxconn: int, threads: int, sockets: int) -> int:
    """The descriptors for so many connections, threads, and listeners with checks."""
    return FILES_OF_CONNECTION * maxconn + FILES_OF_THREAD * threads + sockets + OWN_FILES


def allowed(limit: int, threads: int, sockets: int) -> int:
    """The connections that a limit is enough for."""
    return max(0, (limit - needed(0, threads, sockets)) // FILES_OF_CONNECTION)


def read_configuration(text: str) -> tuple[int, int, int]:
    """The process's maxconn and threads, 0 where they are not given, and its listeners and checks."""
    section, maxconn, threads, sockets = "", 0, 0, 0
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if not line[0].isspace():
            section = words[0]
        elif section == "global" and len(words) > 1 and words[1].isdigit():
            maxconn = int(words[1]) if words[0] == "maxconn" else maxconn
            threads = int(words[1]) if words[0] == "nbthread" else threads
        else:
            sockets += _sockets(words)
    return maxconn, threads, sockets


def _sockets(words: list[str]) -> int:
    if words[0] == "bind":
        return 1
    return sum(words.count(name) for name in ("check", "agent-check")) if words[0] == "server" else 0


def read_limit(text: str) -> int | None:
    """The last hard limit in what systemd tells; None where there is none or it is infinite."""
    found = LIMIT.findall(text)
    hard = found[-1].split(":")[-1] if found else ""
    return int(hard) if hard.isdigit() else None


def unit_limit(unit: str, drop_in: str) -> int | None:
    """The unit's limit, as its files say now, even before systemd has read them; None where nobody knows.

    systemd's manager names the files, so that a drop-in which it has never seen is read here.
    """
    said = _ask(["systemctl", "cat", "--", unit])
    if f"# {drop_in}\n" not in said:
        said += f"\n{_read(drop_in)}"
    if not LIMIT.search(said):
        said = _ask(["systemctl", "show", "--property=DefaultLimitNOFILE"])
    return read_limit(said)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _ask(argv: list[str]) -> str:
    try:
        done = subprocess.run(  # pylint: disable=ansible-bad-function  # the program stands alone
            argv, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def problem(configuration: str, limit: int | None, processors: int) -> str:
    """One sentence where the limit is too low for the connections; else nothing."""
    maxconn, threads, sockets = read_configuration(configuration)
    threads = threads or processors
    if limit is None or not maxconn or needed(maxconn, threads, sockets) <= limit:
        return ""
    return (
        f"maxconn is {maxconn}, which needs {needed(maxconn, threads, sockets)} file descriptors; allowed is at most "
        f"{allowed(limit, threads, sockets)} with the unit's LimitNOFILE={limit}, or a higher haproxy_file_limit."
    )


def main(arguments: Iterable[str]) -> int:
    """Run as a program."""
    path, unit, drop_in = arguments
    with open(path, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    found = problem(text, unit_limit(unit, drop_in), len(os.sched_getaffinity(0)))
    if found:
        sys.stderr.write(found + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
