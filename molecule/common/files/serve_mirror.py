#!/usr/bin/env python3
"""Make a mirror of what the image's apt has fetched, with Debian's own signatures, and say where its suites are.

Usage: serve_mirror.py DIRECTORY
The tree lies in DIRECTORY/debian, and once more below DIRECTORY/http:/<host>/debian, where a web server finds it when
it is used as a proxy. DIRECTORY/tampered is the same with one byte more in the lists of packages.
"""

from __future__ import annotations

import gzip
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

# The lists as they came: those of apt are trimmed to what the lab needs, and no longer what Debian signed.
LISTS, ARCHIVES = Path("/opt/lab/lists"), Path("/var/cache/apt/archives")


def put(path: Path, data: bytes) -> None:
    """Write a file with the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main(directory: Path) -> None:
    """All lists, and the packages that are here."""
    debs = {unquote(path.name): path for path in ARCHIVES.glob("*.deb")}
    for path in sorted(LISTS.iterdir()):
        name = path.name.removesuffix(".gz")
        match = re.fullmatch(r"([^_]+)_(.*)_dists_([^_]+)_(.*(?:InRelease|Packages))", name)
        if not match or not path.is_file():
            continue
        host, base, suite, rest = match.groups()
        data = gzip.decompress(path.read_bytes())
        inside = f"{base.replace('_', '/')}/dists/{suite}/{rest.replace('_', '/')}"
        put(directory / inside, data)
        put(directory / "tampered" / inside, data + (b"\n" if name.endswith("Packages") else b""))
        link = directory / "http:" / host / base
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(directory / base)
        if name.endswith("Packages"):
            for stanza in data.decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in stanza.splitlines() if re.match(r"[A-Z][\w-]*: ", line))
                deb = debs.get(f"{fields.get('Package')}_{fields.get('Version')}_{fields.get('Architecture')}.deb")
                if deb:
                    target = directory / base / fields["Filename"]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if not target.exists():
                        os.link(deb, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
