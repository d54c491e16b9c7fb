# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process of its own that does what a test wants done to a world: `engine_driver.py <world> apply|undo|recover`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.evenkeel.ops.plugins.module_utils.fs import FileLayer
from ansible_collections.evenkeel.ops.plugins.module_utils.undo import Request, undo
from engine_world import World
from faulty_layers import CrashingLayer

BEGIN, END = "/evenkeel-test-begin", "/evenkeel-test-end"


class RealLayer(CrashingLayer):
    """Counts, and really syncs. After every primitive a line tells a killer how far it is."""

    def __init__(self, announce: bool) -> None:
        super().__init__()
        self.announce = announce

    def perform(self, name: str, *arguments: Any) -> Any:
        """Do it, all of it."""
        result = getattr(FileLayer, name)(self, *arguments)
        if self.announce:
            # A test may answer by killing us before we read on.
            os.write(1, f"{name}\n".encode())
            os.read(0, 1)
        return result


def environment() -> dict[str, str]:
    """What the driver needs to find the collection and the test's own modules."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]}


def step_and_kill(directory: Path, act: str, after: int) -> bool:
    """Run the driver and SIGKILL it while it goes on from primitive number `after`; False where it ended before."""
    command = [sys.executable, "-B", __file__, str(directory), act, "--step"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdin and process.stdout
        for _number in range(after):
            if process.stdout.readline().startswith(b"{"):
                return False
            process.stdin.write(b".")
            process.stdin.flush()
        process.kill()
        process.wait()
    return True


def main() -> None:
    """Act between two system calls that mark begin and end for strace; then print how often each primitive came."""
    directory, act = sys.argv[1:3]
    layer = RealLayer(announce="--step" in sys.argv)
    world = World(Path(directory), layer)
    os.path.lexists(BEGIN)
    if act == "apply":
        assert not world.transaction("run-1").run(world.steps(), atomic=True).failed
    elif act == "undo":
        undo(world.transaction("run-2", scope="undo"), Request("last"))
    else:
        world.transaction("run-3").run([])
    os.path.lexists(END)
    print(json.dumps(layer.counts))


if __name__ == "__main__":
    main()
