# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of keepalived, and what keepalived asks: a program that stands alone.

keepalived_check.py configuration PROGRAM FILE   whether keepalived takes that configuration
keepalived_check.py unit UNIT                    whether it serves, where it was started at all
keepalived_check.py url SECONDS http://…         whether an HTTP server answers with a status of 200 to 399

It ends with 0 for yes and 1 for no. The last one runs every second on each host: it imports nothing that takes long.
"""

from __future__ import annotations

import os
import socket
import sys

# Kernel: include/uapi/linux/connector.h and cn_proc.h.
NETLINK_CONNECTOR, CN_IDX_PROC, CN_VAL_PROC, PROC_CN_MCAST_LISTEN = 11, 1, 1, 1
STATUS_BYTES = 512
NO_EVENTS = (
    "vrrp_track_process: the kernel tells nobody here of processes that end ({error}), as in a container; "
    "allowed here is keepalived_process_events: false"
)


def say(text: str) -> None:
    """A line for who asked. The program stands alone: it has no AnsibleModule to say it with."""
    sys.stdout.write(f"{text}\n")


def configuration(program: str, path: str) -> int:
    """Ask keepalived itself; what it does not ask in its test is asked here."""
    import signal
    import subprocess

    with open(path, encoding="utf-8", errors="replace") as stream:
        tracks = any(line.startswith("vrrp_track_process") for line in stream)
    problem = process_events() if tracks else ""
    if problem:
        say(NO_EVENTS.format(error=problem))
        return 1
    # In a session of its own: 2.2.7 sends SIGTERM to its own group where a script has a user, once it has read all.
    argv = [program, "--config-test", "--log-console", "--use-file", path]
    done = subprocess.run(  # pylint: disable=ansible-bad-function  # the program stands alone
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace").strip()
    if said:
        say(said)
    if done.returncode == -signal.SIGTERM:
        return 1 if said else 0
    if done.returncode and not said:
        say(f"{program} --config-test ended with {done.returncode} and without a word")
    return 1 if done.returncode else 0


def process_events() -> str:
    """Empty where the kernel would tell a listener of processes; else why it does not."""
    import struct

    length = 4
    message = struct.pack("=IIIIHHI", CN_IDX_PROC, CN_VAL_PROC, 0, 0, length, 0, PROC_CN_MCAST_LISTEN)
    header = struct.pack("=IHHII", 16 + len(message), 3, 0, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR) as kernel:
            kernel.bind((0, CN_IDX_PROC))
            kernel.send(header + message)
    except OSError as error:
        return str(error.strerror)
    return ""


def unit(name: str) -> int:
    """A unit that nobody started is none of ours; one that fails, or is about to be started again, does not serve."""
    import subprocess

    argv = ["systemctl", "show", "--property=ActiveState,SubState,MainPID", name]
    answer = subprocess.run(  # pylint: disable=ansible-bad-function  # the program stands alone
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True
    )
    shown = dict(line.partition("=")[::2] for line in answer.stdout.decode().splitlines())
    state, pid = shown.get("ActiveState", "unknown"), shown.get("MainPID", "0")
    if state == "inactive":
        return 0
    if state != "active":
        say(f"{name} is {state} ({shown.get('SubState')})")
        return 1
    if not children(pid):
        say(f"{name} is active, but its process {pid} has no process that speaks VRRP")
        return 1
    return 0


def children(pid: str) -> list[str]:
    """The processes that `pid` started."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            return stream.read().split()
    except OSError:
        return []


def url(seconds: float, address: str) -> int:
    """A GET over a new connection; the first line of the answer says enough."""
    host, port, path = split_url(address)
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            named = f"[{host}]" if ":" in host else host
            request = (
                f"GET {path} HTTP/1.1\r\nHost: {named}:{port}\r\nUser-Agent: keepalived\r\nConnection: close\r\n\r\n"
            )
            connection.sendall(request.encode("ascii"))
            answer = b""
            while b"\r\n" not in answer and len(answer) < STATUS_BYTES:
                chunk = connection.recv(STATUS_BYTES)
                if not chunk:
                    break
                answer += chunk
    except OSError as error:
        say(f"GET {address} was not answered: {error}")
        return 1
    words = answer.split(b"\r\n")[0].split()
    if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1][:1] in (b"2", b"3"):
        return 0
    say(f"GET {address} was answered with {answer.splitlines()[:1]}")
    return 1


def split_url(address: str) -> tuple[str, int, str]:
    """Host, port and path of `http://…`; ValueError for anything else."""
    scheme, slashes, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    if scheme != "http" or not slashes or not place:
        raise ValueError(f"{address!r} is no URL that begins with http://")
    if place.startswith("["):
        host, _bracket, port = place[1:].partition("]")
        return host, int(port[1:] or 80), slash + path or "/"
    host, _colon, port = place.partition(":")
    return host, int(port or 80), slash + path or "/"


def main(arguments: list[str]) -> int:
    """What the first argument asks for."""
    if len(arguments) == 3 and arguments[0] == "configuration":
        return configuration(arguments[1], arguments[2])
    if len(arguments) == 2 and arguments[0] == "unit":
        return unit(arguments[1])
    if len(arguments) == 3 and arguments[0] == "url":
        return url(float(arguments[1]), arguments[2])
    say(__doc__ or "")
    return 2


if __name__ == "__main__":
    STATUS = main(sys.argv[1:])
    sys.stdout.flush()
    # Without the interpreter's tidying up: it takes as long as the check.
    os._exit(STATUS)
