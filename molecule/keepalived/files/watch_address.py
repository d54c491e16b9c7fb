#!/usr/bin/env python3
"""Ask a URL without pause for some seconds; print as JSON who answered, and the longest time without an answer.

Usage: watch_address.py URL STOP_FILE
It asks until the file is there, and a minute at most.
Output: {"total": 400, "failed": 30, "longest_gap": 1.23, "served": ["lb1", "lb2"]}
"""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.parse
from pathlib import Path

PAUSE = 0.01
# Longer than any good answer, and short beside the gap that is measured.
TIMEOUT = 0.25
LONGEST = 60


def watch(url: str, stop: Path) -> dict[str, object]:
    """Over a new connection each time. The gap reaches from one good answer to the next."""
    place = urllib.parse.urlsplit(url)
    total = failed = 0
    longest = 0.0
    served: list[str] = []
    start = last = time.monotonic()
    while time.monotonic() - start < LONGEST and not stop.exists():
        total += 1
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=TIMEOUT)
        try:
            connection.request("GET", place.path or "/")
            server = connection.getresponse().getheader("X-Served-By") or "nobody"
        except (OSError, http.client.HTTPException):
            failed += 1
        else:
            now = time.monotonic()
            longest, last = max(longest, now - last), now
            if served[-1:] != [server]:
                served.append(server)
        finally:
            connection.close()
        time.sleep(PAUSE)
    # An address that does not come back has the longest gap of all.
    longest = max(longest, time.monotonic() - last)
    return {"total": total, "failed": failed, "longest_gap": round(longest, 2), "served": served}


if __name__ == "__main__":
    print(json.dumps(watch(sys.argv[1], Path(sys.argv[2]))))
