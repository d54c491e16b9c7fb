#!/usr/bin/env python3
"""Ask a URL again and again, each time over a new connection, and print as JSON what came back.

Usage: ask.py URL REQUESTS [PAUSE_SECONDS]
Output: {"total": 20, "failed": 0, "failures": [], "served_by": {"web1": 10, "web2": 10}}
"""

from __future__ import annotations

import collections
import json
import sys
import time
import urllib.error
import urllib.request


def ask(url: str, requests: int, pause: float) -> dict[str, object]:
    """Count the answers by the host that gave them, and collect what failed."""
    served_by: collections.Counter[str] = collections.Counter()
    failures = []
    for _ in range(requests):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the URL is the test's own
                answer.read()
                served_by[answer.headers.get("X-Served-By", "nobody")] += 1
        except (OSError, urllib.error.URLError) as error:
            failures.append(str(error))
        time.sleep(pause)
    return {"total": requests, "failed": len(failures), "failures": failures[:5], "served_by": dict(served_by)}


if __name__ == "__main__":
    print(json.dumps(ask(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]) if len(sys.argv) > 3 else 0.0)))
