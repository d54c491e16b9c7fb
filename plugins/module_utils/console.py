# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The console command `evenkeel`: what was done to this host, and how to put it back, without Ansible.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (nothing to do it with, changed by others since, another run
works), 4 not root.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Callable

from . import hold, switch
from .boot_unit import DEFAULT_STATE_DIR
from .changes import ChangeFailed
from .host import Host
from .journal import Journal, Record
from .module_args import transaction
from .terminal import complain, say
from .transaction import Refused
from .undo import LAST, Request, undo

DONE, FAILED, USAGE, REFUSED, NOT_ROOT = range(5)


class Refusal(Exception):
    """One sentence for the person at the console; nothing was changed."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="evenkeel",
        description="What evenkeel.ops did on this host, and how to put it back.",
        epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused, 4 not root.",
    )
    parser.add_argument("--state-dir", default=DEFAULT_STATE_DIR, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="one JSON object, for programs")
    for name, text, extra in (
        ("runs", "list the runs that changed this host", ""),
        ("status", "show what is armed, unfinished, on hold or working", ""),
        ("revert", "put a run back: RUN, else the armed one, else the last", "run"),
        ("confirm", "keep what is armed, without a fresh login", "run"),
        ("hold", "let nothing change this host until it is released", "reason"),
        ("release", "end the hold", ""),
    ):
        command = commands.add_parser(name, help=text, parents=[common])
        if extra == "run":
            command.add_argument(
                "run", nargs="?", default="", metavar="RUN", help="a run's id, as `evenkeel runs` shows it"
            )
        if extra == "reason":
            command.add_argument("reason", nargs="*", metavar="REASON", help="why, for whoever is refused")
        if name == "revert":
            command.add_argument("--force", action="store_true", help="also overwrite what others changed since")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; a trouble is one sentence on stderr."""
    try:
        options = parse(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    if os.geteuid() != 0 and not os.access(options.state_dir, os.R_OK | os.W_OK):
        complain("evenkeel: needs root: sudo evenkeel ...")
        return NOT_ROOT
    try:
        answer, text = COMMANDS[options.command](options, Host())
    except Refusal as refusal:
        complain(f"evenkeel: {refusal}")
        return REFUSED
    except Exception as error:  # a person at a console wants the sentence, not the stack
        complain(f"evenkeel: {options.command} failed: {error}")
        return FAILED
    say(json.dumps(answer, indent=2, ensure_ascii=False) if options.json else text)
    return DONE


def show_runs(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """All runs, the newest first."""
    runs = [asdict(run) for run in Journal(options.state_dir, host).runs()]
    runs.sort(key=lambda run: str(run["started"]), reverse=True)
    rows = [("RUN", "STARTED", "BY", "SCOPES", "STATE", "TARGETS")]
    rows += [
        (run["run"], run["started"], run["who"], ",".join(run["scopes"]), run["state"], str(run["targets"]))
        for run in runs
    ]
    return {"runs": runs}, table(rows) if runs else "No run changed this host."


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def show_status(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """What would stop a change now, or is about to happen."""
    journal = Journal(options.state_dir, host)
    armed = journal.armed()
    guard = switch.load(armed) if armed else None
    held = hold.read(options.state_dir, host.fs)
    unfinished = [record.id for record in journal.unfinished()]
    answer = {
        "armed": {"record": armed.id, "remaining": guard.remaining} if armed and guard else None,
        "unfinished": unfinished,
        "hold": asdict(held) if held else None,
    }
    lines = []
    if armed and guard:
        lines.append(f"Armed: {armed.id} puts itself back in {guard.remaining} s (evenkeel confirm | revert).")
    lines += [f"Unfinished: {name}; the next run or the next boot puts it back." for name in unfinished]
    if held:
        lines.append(held.words)
    return answer, "\n".join(lines) or "Nothing is armed, unfinished or on hold."


def revert(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """The armed run at once; any other run as undo does it."""
    armed = _armed(options, host)
    if armed is not None and options.run in ("", armed.run):
        restored = switch.expire(armed, host, why=f"{_who()} reverted it")
        targets = list(restored.restored) if restored else []
        return {"run": armed.run, "restored": targets}, f"{armed.run} was put back: {len(targets)} targets."
    return _undo(options, host)


def confirm(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """Root at the console needs no token."""
    armed = _armed(options, host)
    if armed is None or options.run not in ("", armed.run):
        raise Refusal(f"{options.run or 'nothing'} is not armed; see `evenkeel status`")
    if not switch.confirm(options.state_dir, armed.id, None, host):
        raise Refusal(f"{armed.run} is already {armed.state}")
    return {"run": armed.run, "confirmed": True}, f"{armed.run} is confirmed and stays."


def put_hold(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """Freeze this host."""
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    held = hold.Hold(" ".join(options.reason) or "no reason given", _who(), since)
    host.fs.make_dirs(options.state_dir, 0o700)
    hold.put(options.state_dir, held, host.fs)
    return {"hold": asdict(held)}, held.words


def release(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """End the freeze."""
    released = hold.release(options.state_dir, host.fs)
    return {"released": released}, "Released." if released else "This host was not on hold."


def _armed(options: argparse.Namespace, host: Host) -> Record | None:
    return Journal(options.state_dir, host).armed()


def _who() -> str:
    """The person behind sudo, else the user."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@console"


def _undo(options: argparse.Namespace, host: Host) -> tuple[dict[str, Any], str]:
    """Careful, journalled, and itself to be undone, as the module does it."""
    params = {"state_dir": options.state_dir, "scope": "undo", "run_by": _who()}
    try:
        done = undo(transaction(params, "console", False, host), Request(options.run or LAST, force=options.force))
    except Refused as refused:
        raise Refusal(str(refused)) from None
    if not done.runs:
        raise Refusal("there is no run to undo; see `evenkeel runs`")
    failed = [f"{outcome.step.name}: {outcome.error}" for outcome in done.outcome.steps if not outcome.ok]
    if failed:
        raise ChangeFailed(f"nothing was undone, because {failed[0]}")
    answer = {"run": done.outcome.run, "undone": done.runs, "restored": done.restored, "kept": done.kept}
    lines = [f"{', '.join(done.runs)} was undone: {len(done.restored)} targets."]
    lines += [f"Still there: {name}" for name in done.kept]
    lines += [f"After a reboot: {name}" for name in done.reboot_required]
    return {**answer, "reboot_required": done.reboot_required}, "\n".join(lines)


COMMANDS: dict[str, Callable[[argparse.Namespace, Host], tuple[dict[str, Any], str]]] = {
    "runs": show_runs,
    "status": show_status,
    "revert": revert,
    "confirm": confirm,
    "hold": put_hold,
    "release": release,
}
