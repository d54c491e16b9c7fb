# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one archive in which the contents of a tree travel from the controller to the host."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import tarfile
from collections.abc import Sequence

# A configuration tree is text; more than this is a mistake or an attack.
MAX_BYTES = 64 * 1024 * 1024


class BadArchive(ValueError):
    """The archive is damaged or holds what does not belong there."""


def pack(contents: Sequence[bytes]) -> str:
    """The contents as one base64 text. Members are named by position: paths are the host's to check, not tar's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for position, content in enumerate(contents):
            member = tarfile.TarInfo(str(position))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return base64.b64encode(gzip.compress(buffer.getvalue(), mtime=0)).decode("ascii")


def unpack(text: str, count: int) -> list[bytes]:
    """The `count` contents of an archive, read in memory; nothing is extracted to disk."""
    contents: list[bytes] = []
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(text, validate=True))) as stream:
            raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise BadArchive(f"the tree is larger than {MAX_BYTES} bytes")
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for position, member in enumerate(archive):
                content = archive.extractfile(member) if member.isreg() and member.name == str(position) else None
                if content is None:
                    raise BadArchive(f"the archive holds {member.name!r}, which is no content")
                contents.append(content.read())
    except (binascii.Error, tarfile.TarError, EOFError, OSError) as error:
        raise BadArchive(f"the archive is damaged: {error}") from None
    if len(contents) != count:
        raise BadArchive(f"the archive holds {len(contents)} contents for {count} files")
    return contents
