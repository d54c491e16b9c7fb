# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end `commit_confirm`: arm, confirm or revert on behalf of a user's own tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import snapshot, switch
from .changes import ChangeFailed, Step
from .host import Host
from .journal import Journal, JournalFailed, Record
from .lock import HostLock, LockHeld
from .module_args import transaction
from .transaction import Refused


@dataclass(frozen=True)
class Request:
    """The module's options."""

    state: str
    paths: Sequence[str]
    units: Sequence[str]
    deadline: int
    scope: str
    run: str
    run_by: str
    state_dir: str
    record: str
    token: str
    retention: Mapping[str, int] | None = None
    check_mode: bool = False


@dataclass
class Answer:
    """What the module returns; `error` is one sentence, and nothing was changed where it stands."""

    values: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    error: str = ""


def serve(request: Request, host: Host | None = None) -> Answer:
    """Do what the request says."""
    servants = {"armed": arm, "confirmed": confirm, "reverted": revert}
    try:
        return servants[request.state](request, host or Host())
    except (Refused, JournalFailed, ChangeFailed, LockHeld, ValueError) as error:
        return Answer(error=str(error))


def arm(request: Request, host: Host) -> Answer:
    """Journal the paths and units, start the timer. The configuration is not changed, and no change is reported."""
    wrong = snapshot.problems(request.paths, request.units, request.state_dir)
    if wrong:
        return Answer(error="; ".join(wrong))
    switch.refuse_unarmable(host, request.state_dir, request.deadline)
    targets = snapshot.targets(host, request.paths, request.units)
    if request.check_mode:
        return Answer({"targets": len(targets), "deadline": request.deadline})
    step = Step("snapshot", changes=[snapshot.Snapshot(targets)], access=True)
    options = {
        **vars(request),
        "confirm": {"deadline": request.deadline, "units": list(request.units)},
        "confirm_token": request.token,
    }
    outcome = transaction(options, switch.SNAPSHOTS, False, host).run([step], atomic=True)
    failed = [item.error for item in outcome.steps if not item.ok]
    if failed or not outcome.armed:
        return Answer(error="; ".join(failed) or "the switch was not armed")
    return Answer({"record": outcome.armed["record"], "deadline": request.deadline, "targets": len(targets)})


def confirm(request: Request, host: Host) -> Answer:
    """Keep what this run armed. Reached over a fresh login, which is the proof."""
    if request.check_mode:
        return Answer({"confirmed": False})
    identity = request.record or _armed_id(request, host)
    if not identity:
        return Answer({"confirmed": False}, error=_nothing_armed(request, host))
    if not switch.confirm(request.state_dir, identity, request.token or "", host):
        return Answer({"confirmed": False, "record": identity}, error=_unconfirmed(request, identity, host))
    return Answer({"confirmed": True, "record": identity})


def revert(request: Request, host: Host) -> Answer:
    """Put back at once what this run armed. The run is not fenced: it asked for this itself and may go on."""
    identity = _armed_id(request, host)
    record = switch.find(request.state_dir, identity, host) if identity else None
    if record is None:
        return Answer({"restored": []})
    if request.check_mode:
        return Answer({"record": identity, "restored": []}, changed=True)
    with HostLock(request.state_dir, host.fs).held(request.run):
        restored = switch.put_back(record, host, why="its own run reverted it")
    switch.disarm(record, host)
    if restored is None:
        return Answer({"record": identity, "restored": []})
    failed = "; ".join(f"{item['kind']} {item['target']}: {item['reason']}" for item in restored.failed)
    return Answer({"record": identity, "restored": restored.restored}, bool(restored.restored), failed)


def _armed_id(request: Request, host: Host) -> str:
    """The newest record that this run armed."""
    records = reversed(Journal(request.state_dir, host).records())
    return next((record.id for record in records if record.run == request.run and record.state == "armed"), "")


def _last(request: Request, host: Host) -> Record | None:
    records = reversed(Journal(request.state_dir, host).records())
    return next((record for record in records if record.run == request.run and switch.load(record)), None)


def _nothing_armed(request: Request, host: Host) -> str:
    """Why there is nothing to confirm: expired, already done, or another's."""
    last = _last(request, host)
    if last is not None and last.state in ("reverting", "reverted"):
        return f"The deadline is over: {last.id} was put back on this host."
    if last is not None and last.state == "confirmed":
        return f"{last.id} is confirmed already; nothing else of this run is armed."
    other = Journal(request.state_dir, host).armed()
    if other is not None:
        return f"Run {other.run} armed this host, not this one; confirm there, or with `evenkeel confirm` on the host."
    return "This run armed nothing on this host; use state: armed before your tasks, with the same state_dir."


def _unconfirmed(request: Request, identity: str, host: Host) -> str:
    record = switch.find(request.state_dir, identity, host)
    state = record.state if record else "gone"
    if state in ("reverting", "reverted"):
        return f"The deadline is over: {identity} was put back on this host."
    if state == "armed":
        return f"{identity} is armed, but not by this run: the token is another's."
    return f"{identity} is {state} and cannot be confirmed."
