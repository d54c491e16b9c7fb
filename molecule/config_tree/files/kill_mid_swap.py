"""Kills the module that holds the host's lock as soon as a file of its tree is in place.

kill_mid_swap.py STATE_DIR FILE: answers with the pid that was killed; fails where the file never came.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

LONGEST = 60.0


def main(state_dir: str, file: str) -> int:
    """Wait for the file, then kill."""
    ends = time.monotonic() + LONGEST
    while not Path(file).exists():
        if time.monotonic() > ends:
            print(f"{file} never came")
            return 1
        time.sleep(0.0005)
    holder = json.loads(Path(state_dir, "lock").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    print(f"killed {holder['pid']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
