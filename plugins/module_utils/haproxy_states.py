# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what was set at HAProxy's runtime socket (drain, maint, weights) over reloads and restarts.

This file stands alone, because it is also the program that HAProxy's unit runs before each start, reload and stop:
haproxy_states.py SOCKET CONFIGURATION STATE_FILE

A switch goes the other way: its map file is what lasts, and the program tells HAProxy what stands there, as
haproxy_states.py --switch SOCKET MASTER_SOCKET MAP_FILE
The journal runs that after each change of the file, also when a change is undone.

HAProxy's own dump of its servers would do more than that when it is loaded: the addresses, ports and TLS settings in it
win over a configuration that was changed since. So only servers that somebody touched are kept, without address and
without the columns behind `srvrecord`, and with the port that the configuration has.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH = "--switch"
USAGE = f"""usage: haproxy_states.py SOCKET CONFIGURATION STATE_FILE
       haproxy_states.py {SWITCH} SOCKET MASTER_SOCKET MAP_FILE
"""
SOCKET_SECONDS = 5.0
LOCK_SECONDS = 2 * SOCKET_SECONDS
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


def parse_old_workers(answer: str) -> list[int]:
    """Pids of the workers of former generations, in the master's answer to `show proc`."""
    _rest, _heading, old = answer.partition("# old workers")
    fields = [line.split() for line in old.partition("\n#")[0].splitlines()]
    return sorted(int(each[0]) for each in fields if len(each) > 1 and each[0].isdigit() and each[1] == "worker")


def old_workers(master_socket: str) -> list[int]:
    """Workers that only finish what they have; none where no master answers."""
    try:
        return parse_old_workers(query(master_socket, "show proc")) if master_socket else []
    except OSError:
        return []


def ask_old(master_socket: str, command: str) -> list[str]:
    """The answers of the old workers; one that ends meanwhile does not answer."""
    answers = []
    for pid in old_workers(master_socket):
        try:
            answers.append(query(master_socket, f"@!{pid} {command}"))
        except OSError:
            continue
    return [answer for answer in answers if answer]


def parse_map(content: str) -> dict[str, str]:
    """The entries of a map file."""
    lines = (line.split() for line in content.splitlines() if not line.lstrip().startswith("#"))
    return {fields[0]: fields[1] for fields in lines if len(fields) > 1}


def tell_switch(socket_path: str, master_socket: str, map_file: str) -> str:
    """Have HAProxy take the entries of a map file over, in every worker. Returns its words where it refuses.

    One entry is replaced as a whole: a request sees the old value or the new one. Where HAProxy does not run, it reads
    the file when it starts.
    """
    for key, value in parse_map(read(map_file)).items():
        command = f"set map {map_file} {key} {value}"
        try:
            answer = query(socket_path, command).strip()
        except OSError:
            return ""
        if answer:
            return f"HAProxy at {socket_path} refused `{command}`: {answer}"
        ask_old(master_socket, command)
    return ""


@contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """Keep others from writing the file meanwhile: a slow one would put an older state in place of a newer one.

    Who waits longer than HAProxy may take to answer goes on: the file is replaced as a whole all the same.
    """
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _locked(directory) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
    finally:
        os.close(directory)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def save(socket_path: str, configuration: str, state_file: str) -> None:
    """Keep what is set now. Where HAProxy does not run, what was kept before stays."""
    with one_at_a_time(state_file):
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
    if len(arguments) == 4 and arguments[0] == SWITCH:
        words = tell_switch(*arguments[1:])
        sys.stderr.write(f"{words}\n" if words else "")
        return 1 if words else 0
    if len(arguments) != 3:
        sys.stderr.write(USAGE)
        return 2
    save(*arguments)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
