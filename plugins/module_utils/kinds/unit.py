# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A systemd unit: whether it is enabled, masked and running, and the links that make it so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..changes import BlobStore, ChangeFailed, Kind
from ..host import CommandFailed, Host, Result

UNIT_DIRECTORY = "/etc/systemd/system"
# Words of `systemctl is-enabled` for a unit that nothing starts.
IDLE = ("", "disabled", "static")
RUNNING = ("active", "reloading", "activating", "refreshing")
PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState", "FragmentPath", "SourcePath", "TriggeredBy")


@dataclass(frozen=True)
class UnitInfo:
    """What systemd says of one unit."""

    name: str
    load: str = "not-found"
    file_state: str = ""
    active: bool = False
    fragment: str = ""
    source: str = ""
    # Sockets, timers and paths that start this unit.
    triggers: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """Whether there is anything to enable or start."""
        return self.load != "not-found"

    @property
    def masked(self) -> bool:
        """Whether the unit is masked."""
        return self.load == "masked" or self.file_state.startswith("masked")

    @property
    def is_sysv(self) -> bool:
        """Whether the unit was generated from an init script, which update-rc.d enables."""
        return self.file_state == "generated" and self.source.startswith("/etc/init.d/")


def parse_show(output: str) -> list[dict[str, str]]:
    """`systemctl show` answers one block of `key=value` lines per unit."""
    blocks = []
    for block in output.strip("\n").split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines() if "=" in line)
        blocks.append({key: value for key, _rest, value in pairs})
    return blocks


def read_units(host: Host, names: Sequence[str]) -> dict[str, UnitInfo]:
    """What systemd knows of `names`, asked in one command."""
    if not names:
        return {}
    options = [f"--property={','.join(PROPERTIES)}", "--no-pager", "--"]
    answer = host.must(["systemctl", "show", *options, *names])
    blocks = parse_show(answer.out)
    if len(blocks) != len(names):
        raise CommandFailed(answer)
    return {name: _info(host, name, block) for name, block in zip(names, blocks)}


def _info(host: Host, name: str, block: dict[str, str]) -> UnitInfo:
    info = UnitInfo(
        name=block.get("Id") or name,
        load=block.get("LoadState", "not-found"),
        file_state=block.get("UnitFileState", ""),
        active=block.get("ActiveState") in RUNNING,
        fragment=block.get("FragmentPath", ""),
        source=block.get("SourcePath", ""),
        triggers=tuple(block.get("TriggeredBy", "").split()),
    )
    if not info.is_sysv:
        return info
    word = host.run(["systemctl", "is-enabled", "--", name]).out.strip()
    return replace(info, file_state=word or "disabled")


def unit_links(host: Host, unit: str) -> dict[str, str]:
    """Every link below /etc/systemd/system that enables, masks or renames `unit`: path and where it leads."""
    links: dict[str, str] = {}
    top = host.path(UNIT_DIRECTORY)
    for directory in [top, *_dependency_directories(top)]:
        for entry in _entries(directory):
            if not entry.is_symlink():
                continue
            to = os.readlink(entry.path)
            if entry.name == unit or (directory == top and os.path.basename(to) == unit):
                links[f"{UNIT_DIRECTORY}{entry.path[len(top) :]}"] = to
    return dict(sorted(links.items()))


def _dependency_directories(top: str) -> list[str]:
    suffixes = (".wants", ".requires", ".upholds")
    return sorted(entry.path for entry in _entries(top) if entry.name.endswith(suffixes) and entry.is_dir())


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


class UnitKind(Kind):
    """State: exists, enabled (systemd's word), masked, active, sysv, links; a wanted state has only what shall hold."""

    name = "unit"

    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """What systemd says now, and the links on disk."""
        info = read_units(host, [target])[target]
        return {
            "exists": info.exists,
            "enabled": info.file_state,
            "masked": info.masked,
            "active": info.active,
            "sysv": info.source.startswith("/etc/init.d/"),
            "links": unit_links(host, target),
        }

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Equal in everything that both of them say."""
        return all(one[key] == other[key] for key in one.keys() & other.keys())

    def is_back(self, now: dict[str, Any], before: dict[str, Any]) -> bool:
        """A unit that is gone is as it was, where nothing started it: its file is a target of its own."""
        idle = before["enabled"] in IDLE and not before["masked"] and not before["active"] and not before["links"]
        return self.same(now, before) or (idle and not now["exists"] and not now["links"])

    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Stop first, then links, then start: a masked unit cannot be started."""
        if state.get("active") is False:
            self._stop(target, host)
        if "links" in state:
            self._put_links(target, state["links"], host)
        else:
            self._put_words(target, state, host)
        if state.get("sysv") and state.get("enabled") in ("enabled", "disabled"):
            host.must(["systemctl", "enable" if state["enabled"] == "enabled" else "disable", "--", target])
        if state.get("active") is True:
            self._start(target, host)

    def _put_words(self, target: str, state: dict[str, Any], host: Host) -> None:
        info = read_units(host, [target])[target]
        wants_nothing = state.get("enabled") != "enabled" and not state.get("masked")
        if not info.exists and wants_nothing:
            return
        if state.get("masked") is False and info.masked:
            host.must(["systemctl", "unmask", "--", target])
        if "enabled" in state and state["enabled"] != info.file_state:
            host.must(["systemctl", "enable" if state["enabled"] == "enabled" else "disable", "--", target])
        if state.get("masked") is True and not info.masked:
            host.must(["systemctl", "mask", "--", target])

    def _put_links(self, target: str, wanted: dict[str, str], host: Host) -> None:
        found = unit_links(host, target)
        if found == wanted:
            return
        for path in found.keys() - wanted.keys():
            host.fs.unlink(host.path(path))
        for path, to in wanted.items():
            if found.get(path) == to:
                continue
            if path in found:
                host.fs.unlink(host.path(path))
            if not os.path.isdir(os.path.dirname(host.path(path))):
                host.fs.mkdir(os.path.dirname(host.path(path)), 0o755)
            host.fs.symlink(to, host.path(path))
        for directory in {os.path.dirname(host.path(path)) for path in {**found, **wanted}}:
            _settle(directory, host)
        if host.has_systemd:
            host.must(["systemctl", "daemon-reload"])

    def _start_socket(self, target: str, host: Host, refused: Result) -> Result:
        """A socket cannot listen while its service runs by itself: the service starts once more, behind the socket."""
        answer = host.must(["systemctl", "show", "--property=Triggers", "--value", "--no-pager", "--", target])
        running = [name for name, unit in read_units(host, answer.out.split()).items() if unit.active]
        if not running:
            return refused
        host.must(["systemctl", "stop", "--", *running])
        result = host.run(["systemctl", "start", "--", target])
        host.must(["systemctl", "start", "--", *running])
        return result

    def _stop(self, target: str, host: Host) -> None:
        if host.has_systemd and read_units(host, [target])[target].active:
            host.must(["systemctl", *_queue(host), "stop", "--", target])

    def _start(self, target: str, host: Host) -> None:
        if not host.has_systemd or read_units(host, [target])[target].active:
            return
        result = host.run(["systemctl", *_queue(host), "start", "--", target])
        if not result.ok and target.endswith(".socket"):
            result = self._start_socket(target, host, result)
        if not result.ok:
            log = host.run(["journalctl", "--unit", target, "--lines=5", "--no-pager", "--output=cat"])
            raise ChangeFailed(f"{target} does not start: {result.words} {log.out.strip()}".strip())


def _settle(directory: str, host: Host) -> None:
    """Make the links durable; a dependency directory without any goes, as with systemctl."""
    if directory != host.path(UNIT_DIRECTORY) and not host.fs.listdir(directory):
        host.fs.rmdir(directory)
        directory = host.path(UNIT_DIRECTORY)
    host.fs.fsync_dir(directory)


def _queue(host: Host) -> list[str]:
    """While the host boots, waiting for a job would wait for ourselves."""
    booting = host.run(["systemctl", "is-system-running"]).out.strip() in ("initializing", "starting")
    return ["--no-block"] if booting else []
