# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues on the controller: what is chosen, what is refused, what travels."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import CatalogueError, Wishes, join, load, select

FIXTURES = Path(__file__).resolve().parents[3] / "fixtures" / "catalogue"
TODAY = datetime.date(2026, 11, 24)
WAIVER = {"id": "shadow-mode", "reason": "Backup reads it.", "owner": "ops", "expires": "2026-12-31"}


def chosen(**wishes: Any) -> list[str]:
    """Ids that go to the host."""
    return [control["id"] for control in select(load([str(FIXTURES)]), Wishes(**wishes), TODAY).controls]


def refused(**wishes: Any) -> str:
    """What is said of bad wishes."""
    with pytest.raises(CatalogueError) as error:
        select(load([str(FIXTURES)]), Wishes(**wishes), TODAY)
    return str(error.value)


def test_everything_without_a_profile() -> None:
    """Areas in the order of their files."""
    assert chosen() == [
        *("kernel-no-source-route", "kernel-no-ip-forward", "shadow-mode"),
        *("sshd-no-root-login", "sshd-max-auth-tries", "sshd-effective-root-login"),
    ]


def test_profile_area_disabled() -> None:
    """Controls without profiles are part of all; a former id still names its control."""
    assert chosen(profile="baseline", areas=["ssh"]) == ["sshd-no-root-login", "sshd-effective-root-login"]
    assert chosen(areas=["ssh"], disabled=["sshd-permit-root"]) == ["sshd-max-auth-tries", "sshd-effective-root-login"]


def test_other_areas_are_kept_with_their_former_ids() -> None:
    """What an area of another call has set stays; what is out of the profile goes."""
    selection = select(load([str(FIXTURES)]), Wishes(profile="baseline", areas=["kernel"]), TODAY)
    assert selection.keep == ["sshd-no-root-login", "sshd-permit-root", "sshd-effective-root-login"]


def test_the_host_gets_no_prose_and_the_result_gets_it_back() -> None:
    """Title, why and refs stay here, and join the statuses that want them."""
    selection = select(load([str(FIXTURES)]), Wishes(), TODAY)
    assert not {"title", "why", "refs", "profiles", "aliases", "area"} & {key for c in selection.controls for key in c}
    results = [{"id": "shadow-mode", "status": "failed"}, {"id": "kernel-no-ip-forward", "status": "compliant"}]
    join(results, selection.prose, ["failed"])
    assert results[0]["title"] == "Password hashes are for root" and results[0]["area"] == "kernel"
    assert "title" not in results[1]


def test_overrides() -> None:
    """A plain value, or options of the state key."""
    wishes = Wishes(overrides={"sshd-max-auth-tries": 5, "shadow-mode": {"group": "root"}})
    states = {control["id"]: control for control in select(load([str(FIXTURES)]), wishes, TODAY).controls}
    assert states["sshd-max-auth-tries"]["setting"]["value"] == 5
    assert states["shadow-mode"]["file"]["group"] == "root" and states["shadow-mode"]["file"]["owner"] == "root"


def test_a_control_on_request_needs_its_value() -> None:
    """It is not there, and not kept either, until an override gives it what nobody else can know."""
    groups = {"file": "/etc/ssh/sshd_config", "format": "sshd", "key": "AllowGroups", "value": []}
    catalogue = [
        {"id": "sshd-allow-groups", "area": "ssh", "on_request": True, "setting": groups},
        {"id": "shadow-mode", "area": "files", "file": {"path": "/etc/shadow", "mode": "0640"}},
    ]
    asked = Wishes(overrides={"sshd-allow-groups": ["sudo"]})
    (control, _other) = select(catalogue, asked, TODAY).controls
    assert control["setting"]["value"] == ["sudo"] and "on_request" not in control
    unasked = select(catalogue, Wishes(areas=["files"]), TODAY)
    assert [control["id"] for control in unasked.controls] == ["shadow-mode"] and unasked.keep == []
    assert select(catalogue, replace(asked, areas=["files"]), TODAY).keep == ["sshd-allow-groups"]


def test_waivers() -> None:
    """The control does not travel, its reason does; the last day counts."""
    selection = select(load([str(FIXTURES)]), Wishes(waivers=[{**WAIVER, "expires": TODAY}]), TODAY)
    assert selection.waived == {"shadow-mode": "Backup reads it. (ops, until 2026-11-24)"}
    assert "shadow-mode" not in [control["id"] for control in selection.controls] + selection.keep


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"profile": "baselin"}, ["profile is 'baselin'", "baseline, strict", "did you mean 'baseline'?"]),
        ({"areas": ["shh"]}, ["areas names 'shh'", "kernel, ssh", "did you mean 'ssh'?"]),
        ({"overrides": {"shadow-mod": 1}}, ["overrides names 'shadow-mod'", "did you mean 'shadow-mode'?"]),
        ({"overrides": {"shadow-mode": {"moed": "1"}}}, ["control shadow-mode: file.moed is no option"]),
        ({"overrides": {"sshd-max-auth-tries": True}}, ["setting.value is True", "quotes"]),
        ({"disabled": ["nothing-like-it"]}, ["disabled names 'nothing-like-it'", "ids of the catalogue"]),
        ({"aliases": {"old": "shadow-mod"}}, ["aliases.old is 'shadow-mod'", "no such control"]),
        ({"aliases": {"shadow-mode": "sshd-no-root-login"}}, ["'shadow-mode'", "no control has now"]),
        ({"waivers": [{**WAIVER, "id": "none"}]}, ["waivers[0].id names 'none'"]),
        ({"waivers": [{**WAIVER, "expires": "2026-11-23"}]}, ["shadow-mode", "owner ops", "expired on 2026-11-23"]),
        ({"waivers": [{**WAIVER, "expires": "next year"}]}, ["waivers[0].expires is 'next year'", "2027-03-31"]),
        ({"waivers": [{**WAIVER, "owner": " "}]}, ["has no owner"]),
        ({"waivers": [{**WAIVER, "reason": ""}]}, ["has no reason"]),
        ({"waivers": [{**WAIVER, "until": "x"}]}, ["allowed is a mapping with id, reason, owner, expires"]),
        ({"waivers": ["shadow-mode"]}, ["waivers[0] is 'shadow-mode'"]),
    ],
)
def test_bad_wishes(wishes: dict[str, Any], words: list[str]) -> None:
    """The variable, its value and what is allowed."""
    said = refused(**wishes)
    for word in words:
        assert word in said, said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is no YAML"),
        ("a: 1", "a list of controls"),
        ("- sysctl: {}", "number 1 has no id"),
        ("- id: a\n- id: a", "given twice"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, words: str) -> None:
    """The file is named."""
    (tmp_path / "x.yml").write_text(text)
    with pytest.raises(CatalogueError, match=words):
        load([str(tmp_path / "x.yml")])
    with pytest.raises(CatalogueError, match="No such file"):
        load([str(tmp_path / "none.yml")])


def test_a_parsed_catalogue_is_kept_until_its_file_changes(tmp_path: Path) -> None:
    """Forks of one run share it; an edited file is read anew."""
    file = tmp_path / "a.yml"
    file.write_text("- {id: one, since: 2026-01-01}")
    cache = tmp_path / "cache"
    cache.mkdir()
    first = load([str(file)], str(cache))
    (kept,) = cache.iterdir()
    assert load([str(file)], str(cache)) == first == json.loads(kept.read_text())
    kept.write_text('[{"id": "from-the-cache"}]')
    assert load([str(file)], str(cache)) == [{"id": "from-the-cache"}]
    file.write_text("- {id: two-longer}")
    assert load([str(file)], str(cache))[0]["id"] == "two-longer"
    with pytest.raises(CatalogueError, match="No such file"):
        load([str(file), str(tmp_path / "missing.yml")], str(cache))


def test_secrets_travel_apart() -> None:
    """The values of a secret control are not among the controls."""
    state = {"file": "/x", "format": "keyvalue", "key": "TOKEN", "value": "hunter2"}
    selection = select([{"id": "a", "secret": True, "setting": state}], Wishes(), TODAY)
    assert "hunter2" not in repr(selection.public)
    assert selection.secrets == {"a": {"setting": {"value": "hunter2"}}}
