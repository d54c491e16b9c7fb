#!/usr/bin/env python3
"""Keep what Alertmanager posts, and tell it to whoever asks. For the lab only: it forgets everything when it ends.

Usage: webhook_receiver.py ADDRESS PORT
POST   /           what Alertmanager sends
GET    /received   a list of {"received": time, "receiver", "status", "name", "labels", "annotations"}, oldest first
DELETE /received   forget
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# The oldest are dropped: a forgotten lab does not eat its memory.
KEPT = 1000
LONGEST = 1_000_000


def alerts_of(message: dict[str, Any], now: float) -> list[dict[str, Any]]:
    """One entry for each alert of a message of Alertmanager."""
    return [
        {
            "received": round(now, 3),
            "receiver": message.get("receiver", ""),
            "status": alert["status"],
            "name": alert["labels"].get("alertname", ""),
            "labels": alert["labels"],
            "annotations": alert.get("annotations", {}),
        }
        for alert in message["alerts"]
    ]


class Receiver(BaseHTTPRequestHandler):
    """One connection."""

    received: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        """Keep the alerts of a message."""
        length = int(self.headers.get("Content-Length") or 0)
        try:
            found = alerts_of(json.loads(self.rfile.read(min(length, LONGEST))), time.time())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._answer(400, {"error": f"this is no message of Alertmanager: {error!r}"})
            return
        self.received.extend(found)
        del self.received[:-KEPT]
        self._answer(200, {"kept": len(found)})

    def do_GET(self) -> None:
        """Tell what was kept."""
        known = self.path == "/received"
        self._answer(200 if known else 404, self.received if known else {"error": "ask for /received"})

    def do_DELETE(self) -> None:
        """Forget."""
        self.received.clear()
        self._answer(200, {"kept": 0})

    def _answer(self, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Receiver).serve_forever()
