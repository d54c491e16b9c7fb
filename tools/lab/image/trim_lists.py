#!/usr/bin/env python3
"""Leave in apt's lists what is installed or in the cache, and keep the lists as they came, packed, in a directory.

Usage: trim_lists.py DIRECTORY
apt-get reads all of its lists each time: some 65,000 packages cost two seconds of CPU and more per call, the few
hundred that the lab can install next to nothing. Signatures are asked for when lists are fetched, so they stay.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

LISTS, ARCHIVES = Path("/var/lib/apt/lists"), Path("/var/cache/apt/archives")
PACKED = re.compile(r"\.(lz4|xz|gz|zst)$")


def known_packages() -> set[str]:
    """Names of all packages that are installed, or could be with the network cut."""
    answer = subprocess.run(["dpkg-query", "--show", "--showformat=${Package}\n"], check=True, capture_output=True)
    return {*answer.stdout.decode().split(), *(path.name.split("_")[0] for path in ARCHIVES.glob("*.deb"))}


def content(path: Path) -> bytes:
    """A list as it was before apt packed it."""
    return subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout


def trimmed(data: bytes, names: set[str]) -> bytes:
    """The stanzas of these packages."""
    stanzas = (stanza.strip(b"\n") for stanza in data.split(b"\n\n"))
    kept = [
        stanza for stanza in stanzas if (found := re.match(rb"Package: (\S+)", stanza)) and found[1].decode() in names
    ]
    return b"".join(stanza + b"\n\n" for stanza in kept)


def main(originals: Path) -> None:
    """All lists of packages; translations go."""
    originals.mkdir(parents=True)
    names = known_packages()
    for path in sorted(LISTS.iterdir()):
        name = PACKED.sub("", path.name)
        if not path.is_file() or "_dists_" not in name:
            continue
        if "_i18n_" in name:
            path.unlink()
            continue
        data = content(path)
        (originals / f"{name}.gz").write_bytes(gzip.compress(data, 1))
        if name.endswith("_Packages"):
            path.unlink()
            (LISTS / name).write_bytes(trimmed(data, names))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
