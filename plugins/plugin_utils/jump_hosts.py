# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are reached through which others, as their SSH arguments say.

What a person's own ssh_config says is not seen here.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError

ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
OPTION = re.compile(r"\s*(proxyjump|proxycommand)(?:\s*=\s*|\s+)(.*)", re.IGNORECASE | re.DOTALL)


def hosts_behind(hostvars: Mapping[str, Mapping[str, Any]], names: set[str], cache: str | None = None) -> list[str]:
    """The hosts that are reached through the host with these names and addresses, sorted."""
    behind = _all_behind(hostvars, cache)
    return sorted({host for name in names for host in behind.get(name, ())} - names)


def jumps(arguments: str) -> set[str]:
    """The hosts that these arguments of ssh go through."""
    found: set[str] = set()
    for option, value in _proxies(_words(arguments)):
        if option == "proxyjump":
            found |= {_host(part) for part in value.split(",")}
        else:
            # Which word of a command is the host is for the command to know; a wrong guess is no host's name.
            found |= {_host(word) for word in _words(value) if not word.startswith(("-", "%"))}
    return found - {"", "none"}


def _all_behind(hostvars: Mapping[str, Mapping[str, Any]], cache: str | None) -> dict[str, list[str]]:
    """Every host's variables are looked at once per run: the answer is kept where all forks of the run find it."""
    if cache is None:
        return _look(hostvars)
    name = hashlib.sha256(json.dumps(sorted(hostvars)).encode()).hexdigest()[:32]
    with Path(cache, f"evenkeel-jumps-{name}.json").open("a+", encoding="utf-8") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        text = stream.read()
        behind: dict[str, list[str]] = json.loads(text) if text else _look(hostvars)
        if not text:
            stream.write(json.dumps(behind))
    return behind


def _look(hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    behind: dict[str, list[str]] = {}
    for host in hostvars:
        for through in jumps(_arguments(hostvars[host])):
            behind.setdefault(through, []).append(host)
    return behind


def _arguments(variables: Mapping[str, Any]) -> str:
    try:
        return " ".join(str(variables.get(name) or "") for name in ARGUMENTS)
    except AnsibleError:
        # They cannot be templated: nobody reaches that host, by whatever way.
        return ""


def _proxies(words: list[str]) -> Iterator[tuple[str, str]]:
    """ProxyJump and ProxyCommand in the spellings that ssh takes: -J x, -Jx, -o A=x, -oA=x, -o 'A x'."""
    for number, word in enumerate(words):
        following = words[number + 1] if number + 1 < len(words) else ""
        if word.startswith("-J"):
            yield "proxyjump", word[2:] or following
        elif word.startswith("-o"):
            match = OPTION.fullmatch(word[2:] or following)
            if match:
                yield match[1].lower(), match[2]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        # An open quote: ssh will say so itself.
        return text.split()


def _host(destination: str) -> str:
    """The host of [user@]host[:port], [user@][address]:port or ssh://[user@]host[:port]."""
    host = destination.strip().removeprefix("ssh://").rpartition("@")[2].rstrip("/")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host
