# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PAM profiles, through a pam-auth-update that works on a directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import pam
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
)
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.pam_profile import PamProfile
from fakes import install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

UNIX = (
    "Name: Unix\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so\n"
)
MKHOME = "Name: Home\nDefault: no\nPriority: 0\nSession-Type: Additional\nSession:\n\toptional\tpam_mkhomedir.so\n"
WHEEL = "Name: Wheel\nDefault: no\nPriority: 900\nAuth-Type: Additional\nAuth:\n\trequired\tpam_wheel.so {0}\n"


class Debian:
    """The profiles, the stacks made of them, and the tool."""

    def __init__(self, root: Path) -> None:
        self.bench = Workbench(root, {("pam-auth-update",): self.update})
        for module in ("unix", "mkhomedir", "wheel"):
            self.bench.write(f"/usr/lib/x86_64-linux-gnu/security/pam_{module}.so")
        self.bench.write(f"{pam.PROFILES}/unix", UNIX)
        self.bench.write(f"{pam.PROFILES}/mkhomedir", MKHOME)
        self.bench.write("/var/cache/debconf/config.dat", "")
        self.compose(["unix"])

    def compose(self, enabled: Sequence[str]) -> None:
        for stack in pam.STACKS:
            kind = stack.partition("-")[0]
            saved, blocks = "", {"Primary": "", "Additional": ""}
            for name in sorted(enabled):
                fields = pam.parse_profile((self.bench.read(f"{pam.PROFILES}/{name}") or b"").decode())
                for line in fields.get(kind.capitalize(), []):
                    saved += f"Module: {name}\n{line}\n"
                    blocks[fields[f"{kind.capitalize()}-Type"][0]] += f"{kind}\t{line.replace('=end', '=1')}\n"
            self.bench.write(f"{pam.SAVED}/{stack}", saved)
            text = (
                f"{pam.PRIMARY}\n{blocks['Primary']}{pam.FALLBACK}\n{pam.ADDITIONAL}\n{blocks['Additional']}{pam.END}\n"
            )
            self.bench.write(f"/etc/pam.d/common-{stack}", text)

    def update(self, argv: Sequence[str], _stdin: str | None) -> str:
        assert argv[1] == "--package"
        enabled = pam.enabled_profiles(self.bench.host) - {argv[3]}
        self.compose([*enabled, *([argv[3]] if argv[2] == "--enable" else [])])
        self.bench.write("/var/cache/debconf/config.dat", f"asked {len(self.bench.runner.calls)}\n")
        return ""

    def auth(self) -> str:
        return (self.bench.read("/etc/pam.d/common-auth") or b"").decode()


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debian:
    install(monkeypatch, "pam-auth-update")
    return Debian(tmp_path)


@round_trips
@given(
    wishes=st.dictionaries(
        st.sampled_from(["mkhomedir", "wheel"]),
        st.sampled_from(["enabled", "disabled", "absent"]),
        min_size=1,
    ),
    enabled=st.sets(st.sampled_from(["mkhomedir"])),
)
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, wishes: dict[str, str], enabled: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch, "pam-auth-update")
        host = Debian(tmp_path_factory.mktemp("host"))
        host.compose(["unix", *enabled])
        controls = []
        for name, state in wishes.items():
            content = {"content": WHEEL.format("")} if name == "wheel" and state != "absent" else {}
            controls.append(control(PamProfile, name, name=name, state=state, **content))
        assert_round_trip(host.bench, PamProfile, controls)


def test_the_stack_has_the_profile_and_a_new_argument_reaches_it(debian: Debian) -> None:
    debian.bench.run(PamProfile, [control(PamProfile, name="wheel", content=WHEEL.format(""))])
    assert "pam_wheel.so" in debian.auth()
    debian.bench.run(PamProfile, [control(PamProfile, name="wheel", content=WHEEL.format("group=adm"))])
    assert "pam_wheel.so group=adm" in debian.auth()


def test_every_change_goes_through_the_dead_mans_switch(debian: Debian) -> None:
    (step,) = debian.bench.plan(PamProfile, [control(PamProfile, name="mkhomedir")]).steps
    assert step.access


def test_stacks_that_were_edited_by_hand_stay(debian: Debian) -> None:
    edited = debian.auth().replace(pam.FALLBACK, f"auth\toptional\tpam_warn.so\n{pam.FALLBACK}")
    debian.bench.write("/etc/pam.d/common-auth", edited)
    plan = debian.bench.plan(PamProfile, [control(PamProfile, name="mkhomedir")])
    assert plan.verdicts["one"].status == FAILED
    assert plan.verdicts["one"].reason.startswith("/etc/pam.d/common-auth edited by hand")
    assert plan.steps == []


def test_a_module_that_is_missing_would_lock_everybody_out(debian: Debian) -> None:
    content = WHEEL.format("").replace("pam_wheel", "pam_nosuch")
    wish = control(PamProfile, name="wheel", content=content, needs={"package": "libpam-nosuch"})
    verdict = debian.bench.plan(PamProfile, [wish]).verdicts["one"]
    assert verdict.status == FAILED
    assert "pam_nosuch.so" in verdict.reason
    planned = debian.bench.plan(PamProfile, [wish], packages={"libpam-nosuch"}).verdicts["one"]
    assert (planned.status, planned.assumed) == (CHANGE, True)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"name": "unix"}, COMPLIANT),
        ({"name": "nosuch"}, FAILED),
        ({"name": "nosuch", "state": "disabled"}, COMPLIANT),
        ({"name": "nosuch", "state": "absent"}, COMPLIANT),
    ],
)
def test_what_is_there_already_or_never_was(debian: Debian, wish: dict[str, Any], status: str) -> None:
    plan = debian.bench.plan(PamProfile, [control(PamProfile, **wish)])
    assert plan.verdicts["one"].status == status
    assert plan.steps == []


def test_where_there_is_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    verdict = Workbench(tmp_path).plan(PamProfile, [control(PamProfile, name="unix")]).verdicts["one"]
    assert verdict.status == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"name": "../x"}, "pam_profile.name"),
        ({"name": "--force"}, "pam_profile.name"),
        ({"name": "x", "content": "Name: x\n"}, "Default must be"),
        ({"name": "x", "content": UNIX, "state": "absent"}, "state is absent"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(PamProfile, **wish))
