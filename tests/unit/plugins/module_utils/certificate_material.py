# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's certificates, for unit tests too: one place knows how a careless operator's files look."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).parents[4] / "molecule/certificates/files/make_certificates.py"


@cache
def material() -> dict[str, bytes]:
    """File name to content."""
    spec = importlib.util.spec_from_file_location("make_certificates", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    made: dict[str, bytes] = maker.material()
    return made


def contents(name: str) -> dict[str, str]:
    """The two parts of a pair, as options of the module."""
    return {"certificate": material()[f"{name}.pem"].decode(), "key": material()[f"{name}.key"].decode()}
