# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up this host with restic, and prove that it comes back.

evenkeel-backup run       dumps, hashes and files into the repository (what the timer does)
evenkeel-backup runs      the complete backups, newest last
evenkeel-backup restore   a backup into the scratch directory of drills
evenkeel-backup verify    the restored files against the hashes taken when they were backed up
evenkeel-backup load      the dumps into scratch databases
evenkeel-backup report    what was measured, against the objectives
evenkeel-backup clean     remove what restore and load made
evenkeel-backup init      make the repository, once
evenkeel-backup check     read the configuration
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .drill import Drill
from .restic import Restic, initialise
from .run import Backup, locked
from .settings import CONFIGURATION, Settings
from .words import Busy, Stopped, Trouble, on_signal

# "Try again later", as sysexits.h has it.
BUSY = 75


def parser() -> argparse.ArgumentParser:
    """The words of the command line."""
    found = argparse.ArgumentParser(
        prog="evenkeel-backup", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    found.add_argument("--configuration", type=Path, default=Path(CONFIGURATION), help="directory of config.json")
    verbs = found.add_subparsers(dest="verb", required=True)
    for verb in ("check", "init", "run", "runs", "verify", "load", "clean"):
        verbs.add_parser(verb)
    verbs.add_parser("restore").add_argument("snapshot", nargs="?", default="latest", help="an id that `runs` shows")
    report = verbs.add_parser("report")
    report.add_argument("--rpo", type=int, help="objective in seconds")
    report.add_argument("--rto", type=int, help="objective in seconds")
    return found


def serve(options: argparse.Namespace) -> Any:
    """Do what was asked; the answer is printed as JSON."""
    settings, verb = Settings.read(options.configuration), options.verb
    if verb == "check":
        return {"good": True}
    restic = Restic(settings)
    if verb == "run":
        with locked(settings.state):
            return Backup(settings, restic).run()
    if verb == "init":
        return initialise(settings, restic)
    if verb == "runs":
        return restic.listing()
    return practise(Drill(settings, restic), options)


def practise(drill: Drill, options: argparse.Namespace) -> Any:
    """One step of a drill; one that fails leaves evidence."""
    steps = {
        "restore": lambda: drill.restore(options.snapshot),
        "verify": drill.verify,
        "load": drill.load,
        "report": lambda: drill.report(options.rpo, options.rto),
        "clean": drill.clean,
    }
    try:
        return steps[options.verb]()
    except Trouble as trouble:
        drill.failed(options.verb, str(trouble))
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; a trouble is one line on standard error, and status 1."""
    options = parser().parse_args(arguments)
    os.umask(0o077)
    # SIGINT, too: restic would ignore it where our caller does.
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        answer = serve(options)
    except (Trouble, Stopped) as trouble:
        print(f"evenkeel-backup {options.verb}: {trouble}", file=sys.stderr)
        return BUSY if isinstance(trouble, Busy) else 1
    print(json.dumps(answer))
    return 1 if options.verb == "report" and answer["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
