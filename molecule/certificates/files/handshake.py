#!/usr/bin/env python3
"""Ask TLS servers for requests over new connections until a file appears, and print which certificates they showed.

Usage: handshake.py CA STOP_FILE SECONDS HOST:PORT:SERVER_NAME…
Output: {"192.0.2.1:443": {"total": 20, "failed": 0, "failures": [], "shown": ["serial"]}}; with SECONDS 0, one each.
The name is not verified, the chain to CA is; a certificate that signed itself is believed as it is.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any


class Asker:
    """One server."""

    def __init__(self, authority: str, place: str) -> None:
        self.host, port, self.name = place.split(":")
        self.port = int(port)
        self.context = ssl.create_default_context(cafile=authority)
        self.context.check_hostname = False
        if self.name.startswith("lab."):
            self.context.verify_mode = ssl.CERT_NONE
        self.seen: dict[str, Any] = {"total": 0, "failed": 0, "failures": [], "shown": []}

    def ask(self) -> None:
        """One request."""
        self.seen["total"] += 1
        try:
            serial = self.serial()
        except (OSError, http.client.HTTPException) as error:
            self.seen["failed"] += 1
            self.seen["failures"] = [*self.seen["failures"], str(error)][:5]
            return
        if self.seen["shown"][-1:] != [serial]:
            self.seen["shown"].append(serial)

    def serial(self) -> str:
        """The serial number that a new handshake shows, where a request is answered behind it."""
        connection = Named(self.host, self.port, context=self.context, timeout=5, name=self.name)
        try:
            connection.request("GET", "/", headers={"Host": self.name, "Connection": "close"})
            shown = connection.sock.getpeercert(binary_form=True)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise http.client.HTTPException(f"status {answer.status}")
            return serial_of(shown)
        finally:
            connection.close()


class Named(http.client.HTTPSConnection):
    """A connection that asks for another name than the address that it goes to."""

    def __init__(self, *arguments: Any, name: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.name = name

    def connect(self) -> None:
        """Connect, and name the server."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.name)  # type: ignore[attr-defined]  # its own


def serial_of(der: bytes) -> str:
    """As openssl shows it."""
    from cryptography import x509

    number = f"{x509.load_der_x509_certificate(der).serial_number:X}"
    return number if len(number) % 2 == 0 else f"0{number}"


def main(authority: str, stop: Path, seconds: float, places: list[str]) -> None:
    """Ask all of them in turn."""
    askers = {place.rpartition(":")[0]: Asker(authority, place) for place in places}
    end = time.monotonic() + seconds
    while True:
        for asker in askers.values():
            asker.ask()
        if time.monotonic() >= end or stop.exists():
            break
        time.sleep(0.05)
    print(json.dumps({place: asker.seen for place, asker in askers.items()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
