"""Command line of the virtual machine: python -m tools.vm build|try."""

from __future__ import annotations

import argparse
import sys
import time

from tools.lab.settings import SUITES, LabError
from tools.vm.disk import ensure
from tools.vm.machine import Machine, timed


def main() -> int:
    """Run; a trouble is one sentence on stderr and status 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.vm", description=__doc__)
    parser.add_argument("command", choices=["build", "try"], help="build the disk; try: boot it, log in, end it")
    parser.add_argument("--distribution", choices=list(SUITES), default="debian13")
    options = parser.parse_args()
    try:
        disk = ensure(options.distribution)
        if options.command == "try":
            with Machine(disk) as machine:
                start = time.monotonic()
                machine.start()
                machine.wait_for_login()
                timed("login after the start", start)
                print(machine.must("uname -r; systemctl is-system-running || systemctl --failed --no-legend"))
    except LabError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
