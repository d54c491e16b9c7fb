# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an audit's evidence into a directory of the controller, each file whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .audit_formats import junit, metrics
from .audit_page.render import render

FILES = {"json": "audit.json", "junit": "audit.xml", "metrics": "audit.prom", "html": "audit.html"}


def write(report: Mapping[str, Any], directory: Path) -> dict[str, str]:
    """The paths of what was written. It tells where a host is weak: a new directory and the files are their owner's."""
    texts = {
        "json": json.dumps(report, indent=1, ensure_ascii=False) + "\n",
        "junit": junit(report),
        "metrics": metrics(report),
        "html": render(report),
    }
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {form: _replace(directory / FILES[form], text) for form, text in texts.items()}


def _replace(path: Path, text: str) -> str:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
        stream.write(text.encode("utf-8", "replace"))
    Path(stream.name).replace(path)
    return str(path)
