#!/usr/bin/env python3
# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads configurations of NGINX with an independent parser (crossplane): every directive known, and where it may stand.

Usage: nginx_parse.py FILE... - the files in the order in which the http context includes them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import crossplane
from crossplane import analyzer

# What NGINX learned since that parser was released: where it may stand, and how many arguments it takes.
_SERVER = analyzer.NGX_HTTP_MAIN_CONF | analyzer.NGX_HTTP_SRV_CONF
NEWER = {
    "http2": [_SERVER | analyzer.NGX_CONF_FLAG],
    "ssl_reject_handshake": [_SERVER | analyzer.NGX_CONF_FLAG],
    "ssl_conf_command": [_SERVER | analyzer.NGX_CONF_TAKE2],
}
# Their bodies hold values, no directives.
VALUES = ("map", "geo", "types", "split_clients")


class Unreadable(Exception):
    """One problem on each line."""


def parse(files: Iterable[Path]) -> list[dict[str, Any]]:
    """What stands in the http context."""
    analyzer.DIRECTIVES.update(NEWER)
    with tempfile.TemporaryDirectory() as directory:
        main = Path(directory, "nginx.conf")
        includes = "\n".join(f"include {path.resolve()};" for path in files)
        main.write_text(f"events {{}}\nhttp {{\n{includes}\n}}\n", encoding="utf-8")
        payload = crossplane.parse(str(main), combine=True, check_ctx=True, check_args=True)
    if payload["status"] != "ok":
        raise Unreadable("\n".join(str(error["error"]) for error in payload["errors"]))
    blocks: list[dict[str, Any]] = payload["config"][0]["parsed"][1]["block"]
    unknown = list(_unknown(blocks))
    if unknown:
        raise Unreadable("\n".join(unknown))
    return blocks


def _unknown(block: list[dict[str, Any]]) -> Iterator[str]:
    """Directives that nobody knows; the parser's own strictness would take the values of a map for such."""
    for entry in block:
        if entry["directive"] not in analyzer.DIRECTIVES:
            yield f"unknown directive {entry['directive']!r} in {entry['file']}:{entry['line']}"
        elif entry["directive"] not in VALUES:
            yield from _unknown(entry.get("block") or [])


def main() -> int:
    """Say what is wrong; nothing otherwise."""
    try:
        parse([Path(name) for name in sys.argv[1:]])
    except Unreadable as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
