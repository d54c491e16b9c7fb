"""Progress lines with the seconds since the start."""

from __future__ import annotations

import threading
import time

_START = time.monotonic()
_LOCK = threading.Lock()


def say(text: str) -> None:
    """Print one line; threads take turns."""
    with _LOCK:
        print(f"[{time.monotonic() - _START:6.1f} s] {text}", flush=True)
