# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a new handshake shows the new certificate: a reload that returns 0 proves nothing."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from .certificate_pair import Certificate
from .changes import Reload
from .execution import is_due
from .host import Host
from .probes import until_well

TIMEOUT = 5.0
WITHIN = 15.0


class HandshakeProbe:
    """Asks a server for its certificate. Where none of the units runs there is nobody to ask."""

    def __init__(self, name: str, place: Mapping[str, Any], wanted: Certificate, units: Sequence[str]) -> None:
        self.name = name
        self.host_name = str(place.get("host") or "127.0.0.1")
        self.port = int(place.get("port") or 443)
        self.server_name = str(place.get("server_name") or "")
        self.wanted = wanted
        self.units = units

    def failure(self, host: Host) -> str:
        """Empty where the new one is shown."""
        if not any(is_due(Reload(("systemctl",), unit), host) for unit in self.units):
            return ""
        return until_well(self._ask, WITHIN)

    def _ask(self) -> str:
        where = f"certificates: {self.name!r}: {self.host_name}:{self.port}"
        try:
            shown = shown_certificate(self.host_name, self.port, self.server_name)
        except (OSError, ssl.SSLError) as error:
            return f"{where} gives no handshake: {error}"
        if hashlib.sha256(shown).hexdigest() == self.wanted.sha256:
            return ""
        return f"{where} does not show the new certificate (serial {self.wanted.serial}) in a new handshake"


def shown_certificate(host: str, port: int, server_name: str) -> bytes:
    """The certificate, in DER, that a server shows to a client that asks for `server_name`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Which one is shown is the question here, not whether it is to be believed.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = socket.create_connection((host, port), timeout=TIMEOUT)
    with connection, context.wrap_socket(connection, server_hostname=server_name or None) as wrapped:
        return wrapped.getpeercert(binary_form=True) or b""
