# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version, library and features are read from what the programs of both distributions said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import tls_server
from ansible_collections.evenkeel.ops.plugins.module_utils.host import CommandFailed, Host, Result

ANSWERS = Path(__file__).parent / "server_answers"


class OneProgram(Host):
    """A host with one program, or without it."""

    def __init__(self, result: Result | None) -> None:
        super().__init__()
        self.result = result

    def has(self, program: str) -> bool:
        return self.result is not None

    def run(self, argv: Sequence[str], *arguments: Any, **options: Any) -> Result:
        assert self.result is not None
        return self.result


@pytest.mark.parametrize(
    ("program", "debian", "version", "openssl", "features"),
    [
        ("haproxy", 12, "2.6.12", "3.0.22", ("tls", "http2")),
        ("haproxy", 13, "3.0.11", "3.5.9", ("tls", "http2", "http3", "quic", "quic_limited")),
        ("nginx", 12, "1.22.1", "3.0.22", ("tls", "http2")),
        ("nginx", 13, "1.26.3", "3.5.9", ("tls", "http2", "http3", "quic")),
    ],
)
def test_debians_programs_are_read(
    program: str, debian: int, version: str, openssl: str, features: tuple[str, ...]
) -> None:
    said = (ANSWERS / f"{program}-debian{debian}.txt").read_text(encoding="utf-8")
    server = tls_server.look(OneProgram(Result((), 0, "", said)), program)
    assert (server.installed, server.version, server.openssl, server.features) == (True, version, openssl, features)
    assert server.library.startswith(f"OpenSSL {openssl} ")


@pytest.mark.parametrize(
    ("program", "said", "library"),
    [
        ("nginx", "nginx version: freenginx/1.27.4\nbuilt with LibreSSL 3.9.2\n", "LibreSSL 3.9.2"),
        ("nginx", "nginx version: nginx/1.27.4\nbuilt by gcc 14\nconfigure arguments:\n", ""),
        ("haproxy", "HAProxy version 3.2-dev1 2026/01/01\nRunning on OpenSSL version : AWS-LC 1.4\n", "AWS-LC 1.4"),
    ],
)
def test_another_library_has_no_version_of_openssl(program: str, said: str, library: str) -> None:
    server = tls_server.read(program, said)
    assert (server.library, server.openssl) == (library, "")


def test_a_program_that_is_not_there_is_no_error() -> None:
    assert tls_server.look(OneProgram(None), "nginx") == tls_server.Server(False, "", "", "", ())


def test_a_program_that_fails_or_says_something_else_is_named() -> None:
    with pytest.raises(CommandFailed, match="returned 127: libssl.so.3 is missing"):
        tls_server.look(OneProgram(Result(("haproxy", "-vv"), 127, "", "libssl.so.3 is missing")), "haproxy")
    with pytest.raises(
        tls_server.UnreadableServer, match="haproxy -vv tells no version of haproxy; it begins with 'hm'"
    ):
        tls_server.look(OneProgram(Result((), 0, "hm\n", "")), "haproxy")
