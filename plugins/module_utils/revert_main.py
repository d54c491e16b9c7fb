# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the revert zipapp runs: `python3 -I <zipapp> revert|boot|console …`, without Ansible.

`revert` is called by the timer of an armed record, `boot` by the boot unit, `console` by a person.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from . import console, switch
from .boot_unit import DEFAULT_STATE_DIR
from .host import Host, Result, Runner
from .journal import Journal, Record, Restored
from .terminal import complain, say

# Jobs that at boot have to wait until we are done; waiting for them would be for ever.
WAITING_VERBS = ("start", "stop", "restart", "reload", "try-restart", "reload-or-restart", "try-reload-or-restart")


class BootRunner(Runner):
    """Before sysinit.target no ordinary service can start: its job is queued, and we do not wait for it."""

    def run(
        self,
        argv: Sequence[str],
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300.0,
    ) -> Result:
        """Run as always, but queue systemd's jobs only."""
        words = list(argv)
        if words[:1] == ["systemctl"] and any(word in WAITING_VERBS for word in words[1:3]):
            words.insert(1, "--no-block")
        return super().run(words, stdin=stdin, env=env, timeout=timeout)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 done, 1 failed; the console's own are documented there."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["console"]:
        return console.main(words[1:])
    parser = argparse.ArgumentParser(prog="revert", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("revert", "boot"):
        command = commands.add_parser(name)
        command.add_argument("--state-dir", default=DEFAULT_STATE_DIR)
        if name == "revert":
            command.add_argument("--record", required=True, help="<run>/<NNNN>")
    options = parser.parse_args(words)
    if options.command == "boot":
        return boot(options.state_dir, Host(runner=BootRunner()))
    return revert(options.state_dir, options.record, Host())


def revert(state_dir: str, identity: str, host: Host) -> int:
    """The deadline of one record is over."""
    record = switch.find(state_dir, identity, host)
    if record is None:
        complain(f"evenkeel: there is no record {identity} in {state_dir}")
        return 1
    return _report(record, switch.expire(record, host))


def boot(state_dir: str, host: Host) -> int:
    """Put back everything that was armed or unfinished when the host went down, the newest first."""
    failed = 0
    for record in reversed(Journal(state_dir, host).records()):
        if record.state not in ("open", "armed", "reverting"):
            continue
        try:
            failed |= _report(record, switch.expire(record, host, why="the host went down before it was confirmed"))
        except Exception as error:  # one record that resists must not keep the others from being put back
            failed = 1
            complain(f"evenkeel: {record.id} could not be put back: {error}")
    return failed


def _report(record: Record, restored: Restored | None) -> int:
    """Say what was done, for systemd's journal; 1 where something could not be put back."""
    if restored is None:
        say(f"evenkeel: {record.id} is {record.state}: nothing to put back")
        return 0
    say(f"evenkeel: {record.id} is {record.state}: put back {', '.join(restored.restored) or 'nothing'}")
    for problem in restored.failed:
        complain(f"evenkeel: {problem['kind']} {problem['target']}: {problem['reason']}")
    for words in restored.reload_failures:
        complain(f"evenkeel: {words}")
    return 1 if restored.failed else 0
