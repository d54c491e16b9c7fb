# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead man's switch: what was armed puts itself back unless a fresh login confirms it in time.

The host alone decides. `arm` starts a systemd timer before anything is changed; at the deadline the timer runs the
revert zipapp, which calls `expire`. Confirming and expiring are a compare-and-swap of the record's state under the
host's lock: exactly one of them wins.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from . import boot_unit, motd
from .changes import ChangeFailed, Reload
from .execution import reload_all
from .host import Host, Result
from .journal import Journal, Record, Restored
from .lock import HostLock, LockHeld, boot_id

MIN_DEADLINE = 30
MAX_DEADLINE = 900
DATA = "switch.json"
# The module whose changes are made by others, between arming and confirming.
SNAPSHOTS = "commit_confirm"
ZIPAPP = "revert.pyz"
# A holder that ends by itself within these seconds after the deadline (a confirmation, say) is not killed.
PATIENCE = 3.0
# How long a confirmation waits for another call of its run, in seconds.
CONFIRM_WAIT = 10.0
PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._@+-]*")


class CannotArm(ChangeFailed):
    """The switch cannot guard this host; nothing was changed yet."""


@dataclass(frozen=True)
class Armed:
    """What the confirming side needs: seconds until the host puts itself back, and "<run>/<NNNN>"."""

    deadline: int
    record: str


@dataclass(frozen=True)
class Guard:
    """What the host remembers of an armed record. Of the token it keeps only the SHA-256."""

    token_sha256: str
    deadline: int
    # Seconds of the monotonic clock, which the timer uses too, and the boot they belong to.
    expires: float
    boot_id: str
    # Unit to whether it was active at arming.
    units: dict[str, bool] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        """Whole seconds until the deadline; 0 when it is over or the host was booted since."""
        if self.boot_id != boot_id():
            return 0
        return max(0, round(self.expires - time.monotonic()))


def install(host: Host, state_dir: str, record: Record | None = None) -> None:
    """Keep what puts killed transactions back at boot up to date; every changing call does this."""
    boot_unit.install(host, state_dir)
    if record is not None and boot_unit.serves(host):
        _own_zipapp(record, host, state_dir)


# Arming ----------------------------------------------------------------------------------------------------------


def arm(record: Record, confirm: Any, host: Host) -> Armed:
    """Start the timer. Called when the journal is on disk and before anything is changed.

    `confirm` has deadline (s), units, and the token that the controller chose; without one only the console confirms.
    """
    deadline = int(confirm.deadline)
    state_dir = state_dir_of(record)
    refuse_unarmable(host, state_dir, deadline)
    token = confirm.token or secrets.token_hex(16)
    boot_unit.install(host, state_dir, everything=True)
    zipapp = _own_zipapp(record, host, state_dir)
    units = {unit: _is_active(host, unit) for unit in confirm.units}
    _save(record, host, Guard(_digest(token), deadline, time.monotonic() + deadline, boot_id(), units))
    if not record.move("open", "armed"):
        raise CannotArm(f"record {record.id} is {record.state}, only an open one can be armed")
    _start_timer(record, host, zipapp, deadline)
    at = time.strftime("%H:%M:%S UTC", time.gmtime(time.time() + deadline))
    motd.write(host, f"run {record.run} is armed: it puts itself back at {at} unless confirmed (evenkeel status)")
    return Armed(deadline, record.id)


def refuse_unarmable(host: Host, state_dir: str, deadline: int) -> None:
    """Raise CannotArm, with the remedy, where the switch would not hold what it promises."""
    if not MIN_DEADLINE <= deadline <= MAX_DEADLINE:
        raise CannotArm(f"confirm.deadline is {deadline}; allowed: {MIN_DEADLINE} to {MAX_DEADLINE} seconds")
    if not PLAIN_PATH.fullmatch(state_dir):
        raise CannotArm(f"state_dir is {state_dir!r}; the switch allows letters, digits and /._@+- in it")
    if not boot_unit.serves(host) or not host.has("systemd-run"):
        raise CannotArm(
            "the dead man's switch needs root and a running systemd on the host: become root, or leave out what could "
            "lock you out (risk: access)"
        )


def state_dir_of(record: Record) -> str:
    """<state_dir>/runs/<run>/<NNNN> is a record's directory."""
    return os.path.dirname(os.path.dirname(os.path.dirname(record.path)))


def timer_name(identity: str) -> str:
    """The transient unit of an armed record, without suffix."""
    return "evenkeel-deadline-" + re.sub(r"[^A-Za-z0-9_.-]", "-", identity)


def load(record: Record) -> Guard | None:
    """What the host remembers of an armed record; None where it never was armed."""
    path = os.path.join(record.path, DATA)
    try:
        with open(path, encoding="utf-8") as stream:
            return Guard(**json.load(stream))
    except FileNotFoundError:
        return None


def _save(record: Record, host: Host, guard: Guard) -> None:
    content = json.dumps(asdict(guard), sort_keys=True).encode()
    host.fs.write_atomic(os.path.join(record.path, DATA), content, 0o600)


def _own_zipapp(record: Record, host: Host, state_dir: str) -> str:
    """Each run keeps the code that wrote its journal, whatever is installed later."""
    path = os.path.join(os.path.dirname(record.path), ZIPAPP)
    if not host.fs.exists(path):
        host.fs.link(boot_unit.zipapp_path(state_dir), path)
        host.fs.fsync_dir(os.path.dirname(path))
    return path


def _start_timer(record: Record, host: Host, zipapp: str, deadline: int) -> None:
    service = {"Type": "oneshot", "Restart": "on-failure", "RestartSec": "5s", "TimeoutStartSec": "infinity"}
    command = ["systemd-run", "--quiet", f"--unit={timer_name(record.id)}", f"--on-active={deadline}s"]
    command += ["--timer-property=AccuracySec=1s", f"--description=Put back {record.id} unless confirmed"]
    command += [f"--property={name}={value}" for name, value in service.items()]
    command += ["--", boot_unit.interpreter(), "-I", zipapp, "revert", "--state-dir", state_dir_of(record)]
    answer = host.run([*command, "--record", record.id])
    if not answer.ok:
        record.move("armed", "open")
        host.fs.discard(zipapp)
        raise CannotArm(f"systemd-run refused the timer ({answer.rc}): {answer.words}")


def _is_active(host: Host, unit: str) -> bool:
    return host.run(["systemctl", "is-active", "--quiet", "--", unit]).ok


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# Confirming ------------------------------------------------------------------------------------------------------


def confirm(state_dir: str, identity: str, token: str | None, host: Host | None = None) -> bool:
    """Keep what is armed. False: the token is another's, or the record is not armed any more, or not yet applied.

    A token of None is the console's: whoever is root on this host may confirm. Confirming twice is fine.
    """
    host = host or Host()
    record = find(state_dir, identity, host)
    guard = load(record) if record else None
    if record is None or guard is None or not record.applied:
        return False
    if token is not None and not hmac.compare_digest(_digest(token), guard.token_sha256):
        return False
    with HostLock(state_dir, host.fs).held(record.run, wait=CONFIRM_WAIT):
        if record.meta["module"] == SNAPSHOTS and record.state == "armed":
            # The user's tasks came after arming; from now on this is what they left.
            record.mark_after()
        if not record.move("armed", "confirmed"):
            return record.state == "confirmed"
    record.release_reserve()
    disarm(record, host)
    return True


def disarm(record: Record, host: Host | None = None) -> None:
    """Stop the timer and take the note away. The record's state was moved before, so a late timer finds nothing."""
    host = host or Host()
    if host.has_systemd:
        host.run(["systemctl", "stop", "--", f"{timer_name(record.id)}.timer"])
    motd.remove(host)


def find(state_dir: str, identity: str, host: Host) -> Record | None:
    """The record "<run>/<NNNN>", or None."""
    run, _rest, number = identity.rpartition("/")
    try:
        return Journal(state_dir, host).record(run, int(number))
    except (KeyError, ValueError):
        return None


# Expiring --------------------------------------------------------------------------------------------------------


def expire(record: Record, host: Host, why: str = "nobody confirmed it over a fresh login") -> Restored | None:
    """The deadline is over: fence the run, kill a hung holder, put back, tell the programs. None: it was confirmed.

    Where something could not be put back the record stays `reverting`, and the next try or the next boot goes on.
    """
    if record.state not in ("open", "armed", "reverting"):
        # A later call of the run may have put it back when its module was killed.
        motd.remove(host)
        return None
    state_dir = state_dir_of(record)
    if record.state == "armed":
        fence(state_dir, record.run, host)
    with _taken(HostLock(state_dir, host.fs), record.run):
        return put_back(record, host, why)


def put_back(record: Record, host: Host, why: str) -> Restored | None:
    """Under the lock: restore whatever stands in the way, then tell the programs. None: it stands or was put back."""
    if not (record.move("armed", "reverting") or record.move("open", "reverting") or record.state == "reverting"):
        return None
    restored = record.restore(force=True)
    restored.reload_failures += _tell_programs(record, host)
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if restored.failed:
        motd.write(host, f"run {record.run} could not be put back whole at {at} (journalctl -u 'evenkeel-*')")
        return restored
    record.move("reverting", "reverted")
    motd.write(host, f"run {record.run} was put back at {at}: {why} (evenkeel runs)")
    return restored


def fence(state_dir: str, run: str, host: Host) -> None:
    """Later calls of this run are refused: its controller may still be alive and know nothing."""
    directory = os.path.join(state_dir, "fenced")
    host.fs.make_dirs(directory, 0o700)
    path = os.path.join(directory, run)
    if not host.fs.exists(path):
        host.fs.close(host.fs.create(path))
        host.fs.fsync_dir(directory)


@contextmanager
def _taken(lock: HostLock, run: str) -> Iterator[None]:
    """Hold the lock; whoever has it and does not give it back in time is killed."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire(run, wait=1.0)
            break
        except LockHeld:
            if time.monotonic() > end + 10 * PATIENCE:
                raise
            if time.monotonic() > end:
                lock.kill_holder()
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.release()


def _tell_programs(record: Record, host: Host) -> list[str]:
    """Reload what the record names, then bring its units to how they ran; returns the words of what failed."""
    if not host.has_systemd:
        return []
    host.run(["systemctl", "daemon-reload"])
    words = reload_all([Reload(tuple(item["argv"]), item["unit"]) for item in record.reloads()], host)
    guard = load(record)
    answers = [_bring_back(host, unit, was_active) for unit, was_active in (guard.units if guard else {}).items()]
    return words + [
        f"{' '.join(answer.argv)} returned {answer.rc}: {answer.words}" for answer in answers if not answer.ok
    ]


def _bring_back(host: Host, unit: str, was_active: bool) -> Result:
    """A unit that died of the new configuration is started again; one that was not running is stopped."""
    if not was_active:
        return host.run(["systemctl", "stop", "--", unit])
    host.run(["systemctl", "reset-failed", "--", unit])
    answer = host.run(["systemctl", "reload-or-restart", "--", unit])
    return answer if answer.ok else host.run(["systemctl", "restart", "--", unit])
