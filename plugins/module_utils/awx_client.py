# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX's REST API, version 2, as far as it takes to load templates: look up, create, update, link."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT = 30.0
PREFIX = "/api/v2/"
PAGE = 200


class AwxError(Exception):
    """AWX did not do what was asked; one sentence, without the token."""


class AwxClient:
    """One AWX, over HTTPS, with a token; no redirect is followed.

    Its certificate has to be signed by `ca_path`, or by one of the system's authorities.
    """

    def __init__(self, url: str, token: str, ca_path: str = "", timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
            raise AwxError(f"url is {_without_user(url)!r}; allowed is an address like https://awx.example.net.")
        if not token or not token.isprintable() or " " in token:
            raise AwxError("token is empty or no token; allowed is an OAuth 2 token of AWX, from the environment.")
        self.place = parts.netloc
        self.base = parts.path.rstrip("/")
        self._token = token
        try:
            context = ssl.create_default_context(cafile=ca_path or None)
            port = parts.port or 443
        except (OSError, ValueError) as error:
            raise AwxError(f"{ca_path or url}: {getattr(error, 'strerror', None) or error}.") from None
        self._connect = lambda: http.client.HTTPSConnection(str(parts.hostname), port, timeout=timeout, context=context)

    def find(self, room: str, **filters: Any) -> dict[str, Any] | None:
        """The only object of a room (job_templates, …) with these properties; None where there is none."""
        found = self.all(room, **filters)
        if len(found) > 1:
            raise AwxError(f"{self.place} has {len(found)} {room} with {filters}; allowed is one.")
        return found[0] if found else None

    def all(self, room: str, **filters: Any) -> list[dict[str, Any]]:
        """Every object of a room with these properties."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            answer = self.ask(
                "GET", f"{room}/?{urlencode({**filters, 'page_size': PAGE, 'page': page, 'order_by': 'id'})}"
            )
            found += answer.get("results") or []
            if not answer.get("next"):
                return found
            page += 1

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request to /api/v2/`path`; its answer as JSON."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        target = quote(f"{self.base}{PREFIX}{path}", safe="/?&=%+-_.~")
        connection = self._connect()
        try:
            connection.request(method, target, data, headers)
            response = connection.getresponse()
            status, text = response.status, response.read()
        except ssl.SSLCertVerificationError as error:
            raise AwxError(
                f"{self.place} has a certificate that nobody here vouches for: {error.verify_message}."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise AwxError(f"{self.place} cannot be reached: {getattr(error, 'strerror', None) or error}.") from None
        finally:
            connection.close()
        if not 200 <= status < 300:
            raise AwxError(f"{self.place} answered {status} to {method} {PREFIX}{path}: {_words(text, status)}.")
        return _decoded(text)


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        raise AwxError("The answer is no JSON; is that address AWX's own?") from None
    return answer if isinstance(answer, dict) else {}


def _words(text: bytes, status: int) -> str:
    """AWX says {"detail": …} or {field: [reasons]}."""
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        answer = {}
    if 300 <= status < 400:
        return "a redirect, which could carry the token elsewhere; give AWX's final address"
    if not isinstance(answer, dict) or not answer:
        return "no reason given"
    parts = [
        f"{key}: {' '.join(map(str, value)) if isinstance(value, list) else value}" for key, value in answer.items()
    ]
    return "; ".join(parts)[:500]


def _without_user(url: str) -> str:
    head, sign, rest = url.rpartition("@")
    return f"{head.split('//')[0]}//…@{rest}" if sign else url
