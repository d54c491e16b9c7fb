# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a role's files of variables is for the distribution that a host runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Releases = Mapping[str, Mapping[str, Sequence[str]]]


def platform_file(role: Path, releases: Releases, facts: Mapping[str, Any], host: str) -> Path:
    """The most specific file in the role's vars; ValueError where the role is not written for that release."""
    distribution, family = str(facts["distribution"]), str(facts["os_family"]).lower()
    release = str(facts["distribution_major_version"])
    files = {path.stem: path for path in (role / "vars").glob("*.yml")}
    served = {
        name: own for kind, distributions in releases.items() if kind in files for name, own in distributions.items()
    }
    if release not in map(str, served.get(distribution, ())):
        supported = [f"{name} {each}" for name, own in served.items() for each in own]
        raise ValueError(
            f"Host {host} runs {distribution} {release}, which the role {role.name} does not support; "
            f"supported are {', '.join(supported) or 'none'}."
        )
    candidates = (f"{distribution.lower()}-{release}", distribution.lower(), family)
    return next(files[name] for name in candidates if name in files)
