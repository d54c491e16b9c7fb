# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few questions that are put to a Vault server, from the controller and from hosts. Standard library only."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

TIMEOUT = 10.0
ANSWER_BYTES = 1_000_000


class VaultError(Exception):
    """Vault did not do what was asked; `status` is its HTTP status, 0 where it gave no answer."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another machine."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def address_problem(address: str, allow_http: bool = False) -> str:
    """Why this cannot be a server's address, or nothing."""
    parts = urlsplit(str(address))
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/") or parts.query:
        return "allowed is an address like https://vault.example.net:8200"
    if parts.scheme == "http" and not allow_http:
        return "allowed is https, because tokens and secrets would cross the network readable"
    return ""


class Vault:
    """One server. Its certificate has to be signed by `ca` (PEM), or by the system's authorities where that is empty.

    Proxies of the environment are not used. Messages never hold tokens.
    """

    def __init__(
        self, address: str, ca: str = "", token: str = "", namespace: str = "", timeout: float = TIMEOUT
    ) -> None:
        self.address = address.rstrip("/")
        self.token = token
        self.namespace = namespace
        self.timeout = timeout
        try:
            context = ssl.create_default_context(cadata=ca or None)
        except ssl.SSLError as error:
            raise VaultError(f"The CA file holds no certificate in PEM form: {error.reason or error}") from None
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), _NoRedirect())
        self.opener = urllib.request.build_opener(*handlers)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, wrap_seconds: int = 0) -> dict[str, Any]:
        """One request to /v1/`path`; its answer as JSON. `wrap_seconds` has it answered by a wrapping token."""
        status, answer = self._exchange(method, path, body, wrap_seconds)
        if status >= 300:
            said = "; ".join(str(item) for item in answer.get("errors") or []) or "no reason given"
            raise VaultError(f"{self.address} answered {status} to {method} {path}: {said}", status)
        return answer

    def health(self) -> dict[str, Any]:
        """Version and state; standby servers are well. Raises VaultError where it cannot serve."""
        _status, answer = self._exchange("GET", "sys/health?standbyok=true&perfstandbyok=true", None, 0)
        if "initialized" not in answer:
            raise VaultError(f"{self.address} answers, but not as a Vault server does")
        if not answer["initialized"]:
            raise VaultError(f"{self.address} is not initialised: nothing can log in to it")
        if answer.get("sealed"):
            raise VaultError(f"{self.address} is sealed: unseal it first")
        return answer

    def _exchange(
        self, method: str, path: str, body: dict[str, Any] | None, wrap_seconds: int
    ) -> tuple[int, dict[str, Any]]:
        headers = {"X-Vault-Request": "true", "Content-Type": "application/json"}
        if self.token:
            headers["X-Vault-Token"] = self.token
        if self.namespace:
            headers["X-Vault-Namespace"] = self.namespace
        if wrap_seconds:
            headers["X-Vault-Wrap-TTL"] = str(wrap_seconds)
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.address}/v1/{path}"
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - address_problem() came first
        try:
            with self.opener.open(request, timeout=self.timeout) as answer:
                return answer.status, _decoded(answer.read(ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read(ANSWER_BYTES))
        except OSError as error:  # URLError is one
            raise VaultError(f"{self.address} {_why(getattr(error, 'reason', error))}") from None


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body or b"{}")
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _why(reason: Any) -> str:
    """The network's or TLS's words, in ours."""
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"has a certificate that the given CA does not vouch for: {reason.verify_message}"
    if isinstance(reason, ssl.SSLError):
        return f"does not speak TLS as expected: {reason.reason or reason}"
    if isinstance(reason, TimeoutError):
        return "does not answer in time"
    return f"cannot be reached: {getattr(reason, 'strerror', None) or reason}"
