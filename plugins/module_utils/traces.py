# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine itself leaves on a host, beside the configuration that it was asked for; and taking that away.

The order makes an interruption harmless: first what calls the journal, then the journal, by one rename. Before the
rename nothing is forgotten, after it nothing is known; what an interrupted removal left is found by the next one.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import boot_unit, hold, motd, receipt_head, switch, tree_manifest
from .fs import TEMPORARY_PREFIX
from .host import Host
from .journal import Journal
from .lock import HostLock, LockHeld
from .record import name_of

# What the engine keeps in a state directory; a directory with anything else in it is not removed.
OWN_NAMES = frozenset({"bin", "fenced", "lock", "owned", "pristine", "runs", hold.NAME, receipt_head.DIRECTORY})
OWN_PREFIXES = (tree_manifest.PREFIX, TEMPORARY_PREFIX)
# Where the state directory lies between its rename and its end.
ASIDE = ".evenkeel-removed"
STAGES = ("/tmp", "/var/tmp")  # noqa: S108 - where a killed validation may have left its empty directory
TRANSIENT = "/run/systemd/transient"
STAGE_PREFIX = f"{TEMPORARY_PREFIX}stage-"


class Obstructed(Exception):
    """Something speaks against the removal; nothing was removed. One sentence for each."""

    def __init__(self, obstacles: Sequence[str]) -> None:
        super().__init__(" ".join(obstacles))
        self.obstacles = list(obstacles)


@dataclass
class Traces:
    """What is there."""

    # In the order of removal.
    paths: list[str] = field(default_factory=list)
    runs: int = 0
    # What speaks against it.
    obstacles: list[str] = field(default_factory=list)
    # Configuration that stands and is not undone: `kind target`.
    standing: list[str] = field(default_factory=list)
    # Boot units of other state directories, which have traces of their own.
    others: list[str] = field(default_factory=list)


def find(state_dir: str, host: Host) -> Traces:
    """Look, and change nothing."""
    found = Traces(paths=list(_paths(state_dir, host)), others=list(_other_units(state_dir, host)))
    found.obstacles += _foreign(state_dir, host)
    if os.path.isdir(state_dir) and not found.obstacles:
        journal = Journal(state_dir, host)
        found.runs = len(journal.runs())
        found.standing = _standing(journal)
        found.obstacles += _busy(journal, host)
    return found


def remove(state_dir: str, host: Host, run: str) -> Traces:
    """Take everything away that `find` names. Raises Obstructed before anything is touched."""
    if not os.path.isdir(state_dir):
        return _take_away(find(state_dir, host), state_dir, host)
    problems = _foreign(state_dir, host)
    if problems:
        raise Obstructed(problems)
    lock = HostLock(state_dir, host.fs)
    try:
        with lock.held(run):
            # Looked at again under the lock: nobody can begin now.
            return _take_away(find(state_dir, host), state_dir, host)
    except LockHeld as error:
        raise Obstructed([str(error)]) from None


def _take_away(found: Traces, state_dir: str, host: Host) -> Traces:
    if found.obstacles:
        raise Obstructed(found.obstacles)
    unit = os.path.join(boot_unit.UNIT_DIR, boot_unit.unit_name(state_dir))
    for path in found.paths:
        if os.path.dirname(path) == TRANSIENT:
            _forget_unit(os.path.basename(path), host)
        host.fs.remove_tree(_put_aside(state_dir, host) if path == state_dir else path)
        host.fs.fsync_dir(os.path.dirname(path))
        if path == unit and host.has_systemd:
            host.must(["systemctl", "daemon-reload"])
    return found


def _forget_unit(name: str, host: Host) -> None:
    """A timer whose record is at its end, and its service where that failed: systemd takes their files away itself."""
    for verb in ("stop", "reset-failed"):
        host.run(["systemctl", verb, "--", name])


def _put_aside(state_dir: str, host: Host) -> str:
    """From here on no call finds the journal, and none finds half of it."""
    aside = state_dir + ASIDE
    host.fs.rename(state_dir, aside)
    host.fs.fsync_dir(os.path.dirname(state_dir))
    return aside


# --- what there is -----------------------------------------------------------------------------------------------


def _paths(state_dir: str, host: Host) -> Iterator[str]:
    if state_dir == boot_unit.DEFAULT_STATE_DIR and _is_ours(boot_unit.CONSOLE, host):
        yield boot_unit.CONSOLE
    note = os.path.join(host.path(motd.DIRECTORY), motd.NAME)
    unit = os.path.join(boot_unit.UNIT_DIR, boot_unit.unit_name(state_dir))
    link = os.path.join(boot_unit.UNIT_DIR, "sysinit.target.wants", boot_unit.unit_name(state_dir))
    for path in (note, link, unit):
        if os.path.lexists(path):
            yield path
    yield from _named(TRANSIENT, switch.timer_name(""), host)
    for directory in STAGES:
        yield from _named(directory, STAGE_PREFIX, host)
    # What an interrupted removal left comes before the directory that would take its place.
    yield from (path for path in (state_dir + ASIDE, state_dir) if os.path.lexists(path))


def _named(directory: str, prefix: str, host: Host) -> list[str]:
    """Paths in a directory whose names begin so."""
    place = host.path(directory)
    names = host.fs.listdir(place) if os.path.isdir(place) else []
    return [os.path.join(place, name) for name in names if name.startswith(prefix)]


def _is_ours(path: str, host: Host) -> bool:
    """A program of that name may be somebody else's."""
    try:
        return boot_unit.MARK.encode() in host.fs.read(path)
    except OSError:
        return False


def _other_units(state_dir: str, host: Host) -> Iterator[str]:
    """Boot units of trials in other state directories."""
    own = os.path.join(boot_unit.UNIT_DIR, boot_unit.unit_name(state_dir))
    for path in _named(boot_unit.UNIT_DIR, boot_unit.UNIT.replace(".service", ""), host):
        if path != own and path.endswith(".service") and _is_ours(path, host):
            yield path


def _standing(journal: Journal) -> list[str]:
    """Each target once. What an undo put back is not ours any more."""
    records = [record for record in journal.standing() if not record.meta["undoes"]]
    return list(dict.fromkeys(name_of(entry) for record in records for entry in record.entries))


# --- what speaks against it --------------------------------------------------------------------------------------


def _foreign(state_dir: str, host: Host) -> list[str]:
    """A state_dir that is not one: a wrong option must not remove somebody's directory."""
    try:
        kind = host.fs.lstat(state_dir).st_mode
    except FileNotFoundError:
        return []
    except NotADirectoryError:
        return [f"state_dir is {state_dir!r}, which is below a file; allowed is a directory that this engine made."]
    if not stat.S_ISDIR(kind):
        what = "a symbolic link" if stat.S_ISLNK(kind) else "no directory"
        return [f"state_dir is {state_dir!r}, which is {what}; allowed is a directory that this engine made."]
    if os.path.ismount(state_dir):
        return [f"state_dir is {state_dir!r}, which is a mount point; unmount it, and remove its volume yourself."]
    if not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        return [f"state_dir is {state_dir!r}, which this user may not read and write; run with become."]
    names = [name for name in host.fs.listdir(state_dir) if name not in OWN_NAMES]
    strangers = [name for name in names if not name.startswith(OWN_PREFIXES)]
    if strangers:
        return [
            f"state_dir is {state_dir!r}, in which {', '.join(strangers[:5])} is not of this engine; allowed is a "
            "directory that holds nothing else: move it away, or correct state_dir."
        ]
    return []


def _busy(journal: Journal, host: Host) -> list[str]:
    """What is armed, unfinished or on hold, in the words of a refusal."""
    found = []
    armed = journal.armed()
    if armed:
        guard = switch.load(armed)
        seconds = f", {guard.remaining} s are left" if guard else ""
        found.append(
            f"Run {armed.run} is armed and waits for its confirmation{seconds}; wait, or end it with `evenkeel "
            "confirm` or `evenkeel revert`."
        )
    holder = HostLock(journal.state_dir, host.fs).holder()
    if holder and holder.is_alive and holder.pid != os.getpid():
        found.append(f"This host is being changed by {holder.words}; wait for it to end.")
    else:
        killed = [record.id for record in journal.unfinished() if not armed or record.id != armed.id]
        found += [
            f"Transaction {name} was killed and is unfinished; the next run puts it back, and so does "
            f"`evenkeel revert {name.split('/')[0]}`."
            for name in killed
        ]
    held = hold.read(journal.state_dir, host.fs)
    return found + ([held.words] if held else [])
