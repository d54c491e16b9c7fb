# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The profiles that follow tuned's set what tuned sets, or there is a reason why not."""

from __future__ import annotations

import configparser
import os
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.evenkeel.ops.plugins.plugin_utils import kernel_profiles
from ansible_collections.evenkeel.ops.plugins.plugin_utils.kernel_profiles import Machine

FIXTURE: dict[str, Any] = yaml.safe_load((Path(__file__).resolve().parents[3] / "fixtures/tuned.yml").read_bytes())
# molecule/kernel unpacks Debian's packages of tuned and names the directory.
ROOT = Path(os.environ.get("EVENKEEL_TUNED_ROOT", "/"))
HOMES = (ROOT / "usr/lib/tuned", ROOT / "usr/lib/tuned/profiles")
# Sections that only say for whom or how the others are.
NOT_COMPARED = ("main", "variables")
MACHINE = Machine(65536, 16, 0, 10000)


def home() -> Path | None:
    """Where tuned's profiles are; None where it is not installed."""
    return next((place for place in HOMES if (place / "throughput-performance/tuned.conf").exists()), None)


def installed(profile: str, place: Path) -> dict[str, str]:
    """What a profile sets on x86, after what it includes."""
    parser = configparser.RawConfigParser(delimiters=("=",), inline_comment_prefixes=("#",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] - keys are case-sensitive
    parser.read(place / profile / "tuned.conf")
    included = parser.get("main", "include", fallback="")
    found = installed(included, place) if included else {}
    for section in parser.sections():
        # A section for some processors or kernels only.
        if section in NOT_COMPARED or parser.has_option(section, "uname_regex"):
            continue
        found.update({f"{section}/{name}": value.strip().strip('"') for name, value in parser.items(section)})
    return found


def theirs(profile: str) -> dict[str, str]:
    """What tuned sets: as installed, else as recorded."""
    place = home()
    return installed(profile, place) if place else dict(FIXTURE["profiles"][profile])


def ours(profile: str) -> dict[str, str]:
    """What the role sets, in tuned's words; `>` is a value that is only raised."""
    found = {}
    for control in kernel_profiles.controls(kernel_profiles.own_settings(), profile, MACHINE):
        if "sysctl" in control:
            raised = ">" if control["sysctl"]["raise_only"] else ""
            found[f"sysctl/{control['sysctl']['key']}"] = f"{raised}{control['sysctl']['value']}"
        if control.get("sysfs", {}).get("path", "").endswith("transparent_hugepage/enabled"):
            found["vm/transparent_hugepages"] = control["sysfs"]["value"]
        if "device_attribute" in control:
            state = control["device_attribute"]
            name = {"queue/read_ahead_kb": "disk/readahead", "scaling_governor": "cpu/governor"}.get(state["attribute"])
            # Only the kernel's default is replaced, so what is higher stays.
            found[str(name)] = f"{'>' if 'instead_of' in state else ''}{state['value']}"
        if "cmdline" in control:
            state = control["cmdline"]
            found[f"bootloader/{state['parameter']}"] = f"{state['parameter']}={state['value']}"
    return found


def name_in_ours(name: str, value: str) -> str:
    """A word of the command line is found by itself: tuned's key is any name."""
    return f"bootloader/{value.partition('=')[0]}" if name.startswith("bootloader/") else name


def plain(value: str) -> str:
    """tuned writes `=>2048` where a value is only raised."""
    return re.sub(r"^=?>", ">", value)


@pytest.mark.parametrize(("profile", "followed"), FIXTURE["followed"].items())
def test_each_value_is_tuneds_or_has_a_reason(profile: str, followed: str) -> None:
    """And no reason stands for a value that is the same."""
    reasons = {**FIXTURE["not_followed"]["all"], **FIXTURE["not_followed"].get(profile, {})}
    mine = ours(profile)
    same = {
        name: mine.get(name_in_ours(name, value)) == plain(value) for name, value in sorted(theirs(followed).items())
    }
    assert [name for name, equal in same.items() if not equal and name not in reasons] == []
    assert [name for name, equal in same.items() if equal and name in reasons] == []
    assert sum(same.values()) >= 4


def test_what_is_recorded_is_what_is_installed() -> None:
    """Told, not failed, where tuned is another version: the comparison above has read the installed one then."""
    place = home()
    if place is None:
        pytest.skip(f"tuned is not installed: compared with the recorded values of {FIXTURE['version']}")
    differing = [name for name in FIXTURE["profiles"] if installed(name, place) != FIXTURE["profiles"][name]]
    if differing:
        warnings.warn(
            f"tuned is another version than {FIXTURE['version']}: {', '.join(differing)} differ", stacklevel=1
        )
