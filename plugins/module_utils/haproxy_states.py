# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what was set at HAProxy's runtime socket (drain, maint, weights) over reloads and restarts.

This file stands alone, because it is also the program that HAProxy's unit runs before each start, reload and stop:
haproxy_states.py SOCKET CONFIGURATION STATE_FILE

HAProxy's own dump of its servers would do more than that when it is loaded: the addresses, ports and TLS settings in it
win over a configuration that was changed since. So only servers that somebody touched are kept, without address and
without the columns behind `srvrecord`, and with the port that the configuration has.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile

SOCKET_SECONDS = 5.0
FORCED_MAINT, FORCED_DRAIN = 1, 8
# The columns that HAProxy wants at least, in their order; with fewer it drops the line.
COLUMNS = (
    *("be_id", "be_name", "srv_id", "srv_name", "srv_addr", "srv_op_state", "srv_admin_state", "srv_uweight"),
    *("srv_iweight", "srv_time_since_last_change", "srv_check_status", "srv_check_result", "srv_check_health"),
    *("srv_check_state", "srv_agent_state", "bk_f_forced_id", "srv_f_forced_id", "srv_fqdn", "srv_port", "srvrecord"),
)
# The first line is the version of the format; without it HAProxy 2.6 warns about the file.
HEADER = f"1\n# {' '.join(COLUMNS)}\n"
SECTION = re.compile(r"\s*(global|defaults|frontend|backend|listen|peers|userlist|resolvers|mailers|cache|program)\b")
POOL = re.compile(r"\s*(?:backend|listen)\s+(\S+)")
SERVER = re.compile(r"\s*server\s+(\S+)\s+\S*?:(\d+)(?:\s|$)")


def query(path: str, command: str) -> str:
    """What HAProxy answers to one command on a socket of its own; raises OSError where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(SOCKET_SECONDS)
        connection.connect(path)
        connection.sendall(command.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        chunks = []
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks).decode("utf-8", "replace")


def parse_states(answer: str) -> list[dict[str, str]]:
    """The servers in the answer to `show servers state`, each by column."""
    names: list[str] = []
    found = []
    for line in answer.splitlines():
        fields = line.split()
        if line.startswith("#"):
            names = fields[1:]
        elif names and len(fields) >= len(COLUMNS):
            found.append(dict(zip(names, fields)))
    return found


def was_touched(server: dict[str, str]) -> bool:
    """Whether somebody set the server's state or weight at run time."""
    forced = int(server["srv_admin_state"]) & (FORCED_MAINT | FORCED_DRAIN)
    return bool(forced) or server["srv_uweight"] != server["srv_iweight"]


def configured_ports(configuration: str) -> dict[tuple[str, str], str]:
    """The port of each server that a configuration writes out, by pool and server."""
    ports: dict[tuple[str, str], str] = {}
    pool = ""
    for line in configuration.splitlines():
        if SECTION.match(line):
            heading = POOL.match(line)
            pool = heading.group(1) if heading else ""
        server = SERVER.match(line)
        if pool and server:
            ports[(pool, server.group(1))] = server.group(2)
    return ports


def render(answer: str, configuration: str) -> str:
    """The state file: what `answer` says of the servers that somebody touched."""
    ports = configured_ports(configuration)
    lines = []
    for server in filter(was_touched, parse_states(answer)):
        port = ports.get((server["be_name"], server["srv_name"]), server["srv_port"])
        kept = {**server, "srv_addr": "-", "srv_port": port}
        lines.append(" ".join(kept[name] for name in COLUMNS) + "\n")
    return HEADER + "".join(lines)


def write(path: str, content: str) -> None:
    """Replace the file as a whole, or leave it as it is."""
    handle, fresh = tempfile.mkstemp(prefix=".server-states-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(fresh, 0o644)
        os.replace(fresh, path)
    except BaseException:
        os.unlink(fresh)
        raise


def read(path: str) -> str:
    """The content of a file, or nothing where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def save(socket_path: str, configuration: str, state_file: str) -> None:
    """Keep what is set now. Where HAProxy does not run, what was kept before stays."""
    try:
        answer = query(socket_path, "show servers state")
    except OSError:
        if not os.path.exists(state_file):
            write(state_file, HEADER)
        return
    wanted = render(answer, read(configuration))
    if wanted != read(state_file):
        write(state_file, wanted)


def main(arguments: list[str]) -> int:
    """Run as a program."""
    if len(arguments) != 3:
        sys.stderr.write("usage: haproxy_states.py SOCKET CONFIGURATION STATE_FILE\n")
        return 2
    save(*arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
