# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings over a directory that stands for a host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, COMPLIANT, FAILED, Control
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.setting import Setting
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import SCOPE, Workbench, assert_round_trip, control, faults_of

SHARED, WHOLE = "/etc/app.conf", "/etc/app.d/50-evenkeel-test.conf"


def kv(name: str, key: str, value: object, file: str = SHARED, **more: object) -> Control:
    """A control over a keyvalue file."""
    return control(Setting, name, file=file, format="keyvalue", key=key, value=value, **more)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.none(), st.binary(max_size=60)),
    pairs=st.dictionaries(st.sampled_from("abcdef"), st.text("xyz019", min_size=1, max_size=5), min_size=1),
    whole=st.booleans(),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | None, pairs: dict[str, str], whole: bool
) -> None:
    """Whatever the file holds: check mode predicts, a second plan is empty, undo restores every byte."""
    bench = Workbench(tmp_path_factory.mktemp("host"))
    file = WHOLE if whole else SHARED
    if content is not None:
        bench.write(file, content, 0o640)
    assert_round_trip(bench, Setting, [kv(f"c-{key}", key, value, file) for key, value in pairs.items()])


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """An empty host."""
    return Workbench(tmp_path)


def test_a_new_file_gets_its_mode_and_parents(bench: Workbench) -> None:
    """Missing directories are made, and gone again after undo."""
    bench.run(Setting, [kv("one", "a", "1", "/etc/new/dir/app", mode="0600")])
    assert bench.read("/etc/new/dir/app") == b"a=1\n"
    assert Path(bench.host.path("/etc/new/dir/app")).stat().st_mode & 0o777 == 0o600
    bench.undo()
    assert not Path(bench.host.path("/etc/new")).exists()


def test_a_control_taken_out_of_a_whole_file_takes_its_line(bench: Workbench) -> None:
    """And the last one takes the file."""
    one, two = kv("one", "a", "1", WHOLE), kv("two", "b", "2", WHOLE)
    bench.run(Setting, [one, two])
    bench.run(Setting, [two])
    assert b"a=1" not in (bench.read(WHOLE) or b"") and b"b=2" in (bench.read(WHOLE) or b"")
    bench.run(Setting, [])
    assert bench.read(WHOLE) is None
    assert bench.plan(Setting, []).steps == []


def test_a_control_taken_out_of_a_shared_file_gives_its_key_back(bench: Workbench) -> None:
    """The value before, or no key; what somebody changed since is left."""
    bench.write(SHARED, b"a=old\n# \xff\nc=3")
    before = bench.read(SHARED)
    bench.run(Setting, [kv("one", "a", "1"), kv("two", "b", "2")])
    plan, _outcome = bench.run(Setting, [])
    assert bench.read(SHARED) == before
    assert {entry["action"] for entry in plan.released} == {"restored", "removed"}
    bench.run(Setting, [kv("one", "a", "1")])
    bench.write(SHARED, "a=theirs\n")
    plan, _outcome = bench.run(Setting, [])
    assert [entry["action"] for entry in plan.released] == ["left"]
    assert bench.read(SHARED) == b"a=theirs\n"
    assert bench.plan(Setting, []).steps == []


def test_a_changed_override_still_gives_back_the_first_value(bench: Workbench) -> None:
    """Two values of ours in a row do not hide what was there before."""
    bench.write(SHARED, "a=old\n")
    bench.run(Setting, [kv("one", "a", "1")])
    bench.run(Setting, [kv("one", "a", "2")])
    bench.run(Setting, [])
    assert bench.read(SHARED) == b"a=old\n"


def test_a_value_that_was_right_is_never_taken_away(bench: Workbench) -> None:
    """What we did not set is not ours to give back."""
    bench.write(SHARED, "a=1\n")
    assert bench.plan(Setting, [kv("one", "a", "1")]).steps == []
    assert bench.plan(Setting, []).steps == []


def test_kept_controls_stay(bench: Workbench) -> None:
    """A call for another area leaves the lines of this one."""
    for file in (WHOLE, SHARED):
        bench.run(Setting, [kv("one", "a", "1", file), kv("two", "b", "2", file)])
        plan = bench.plan(Setting, [kv("two", "b", "2", file)], keep=frozenset({"one"}))
        assert plan.steps == []
        bench.undo()


def test_two_scopes_cannot_share_a_whole_file(bench: Workbench) -> None:
    """The second one is refused and named."""
    bench.run(Setting, [kv("one", "a", "1", WHOLE)])
    bench.scope = "other"
    verdict = bench.plan(Setting, [kv("two", "b", "2", WHOLE)]).verdicts["two"]
    assert verdict.status == FAILED and repr(SCOPE) in verdict.reason and "'other'" in verdict.reason


def test_a_symbolic_link_is_refused(bench: Workbench) -> None:
    """The sentence names the link and what it leads to; other files go on."""
    bench.write("/etc/real", "a=0\n")
    Path(bench.host.path(SHARED)).symlink_to("/etc/real")
    plan = bench.plan(Setting, [kv("one", "a", "1"), kv("two", "a", "1", "/etc/other")])
    assert plan.verdicts["one"].status == FAILED
    assert "symbolic link to /etc/real" in plan.verdicts["one"].reason
    assert plan.verdicts["two"].status == CHANGE


def test_absent(bench: Workbench) -> None:
    """All lines of a key go; undo brings them back."""
    bench.write(SHARED, "a=1\nb=2\na=3\n")
    gone = control(Setting, "one", file=SHARED, format="keyvalue", key="a", state="absent")
    assert_round_trip(bench, Setting, [gone])
    bench.run(Setting, [gone])
    assert bench.read(SHARED) == b"b=2\n"
    bench.run(Setting, [])
    assert sorted((bench.read(SHARED) or b"").split()) == [b"a=1", b"a=3", b"b=2"]


SSHD, DROP_IN = "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/10-evenkeel.conf"


def sshd(name: str, key: str, value: object, file: str = DROP_IN) -> Control:
    """A control over sshd's configuration."""
    return control(Setting, name, file=file, format="sshd", key=key, value=value, risk="access")


def test_sshd_round_trip_leaves_match_blocks_alone(bench: Workbench) -> None:
    """Global part and drop-in are set; the Match block keeps its own value."""
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\nX11Forwarding yes\nMatch User b\n  X11Forwarding yes\n")
    plan = assert_round_trip(
        bench, Setting, [sshd("a", "PermitRootLogin", "no"), sshd("b", "X11Forwarding", "no", SSHD)]
    )
    assert all(step.access for step in plan.steps)
    bench.run(Setting, [sshd("b", "X11Forwarding", "no", SSHD)])
    assert (bench.read(SSHD) or b"").endswith(b"X11Forwarding no\nMatch User b\n  X11Forwarding yes\n")


@pytest.mark.parametrize(
    ("main", "others", "key", "words"),
    [
        (
            "Include /etc/ssh/sshd_config.d/*.conf\n",
            {"05-site.conf": "PermitRootLogin yes\n"},
            "PermitRootLogin",
            "05-site.conf sets",
        ),
        ("PermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\n", {}, "PermitRootLogin", "sshd_config sets"),
        ("PermitRootLogin yes\n", {}, "PermitRootLogin", "does not include"),
        ("Match all\nInclude /etc/ssh/sshd_config.d/*.conf\n", {}, "PermitRootLogin", "does not include"),
        ("Include sshd_config.d/*.conf\n", {"99-x.conf": "Port 2222\n"}, "Port", "99-x.conf adds Port 2222"),
    ],
)
def test_a_value_that_sshd_would_not_take_fails(
    bench: Workbench, main: str, others: dict[str, str], key: str, words: str
) -> None:
    """The file that has the say is named, and nothing is written for that control."""
    bench.write(SSHD, main)
    for name, text in others.items():
        bench.write(f"/etc/ssh/sshd_config.d/{name}", text)
    plan, _outcome = bench.run(Setting, [sshd("a", key, "22" if key == "Port" else "no"), sshd("b", "MaxAuthTries", 3)])
    assert plan.verdicts["a"].status == FAILED
    assert words in plan.verdicts["a"].reason
    assert key.encode() not in (bench.read(DROP_IN) or b"")


def test_a_later_drop_in_or_an_equal_value_does_not_shadow(bench: Workbench) -> None:
    """First value wins, so only what is read before counts."""
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\n")
    bench.write("/etc/ssh/sshd_config.d/05-same.conf", "MaxAuthTries 3\n")
    plan = bench.plan(Setting, [sshd("a", "PermitRootLogin", "no"), sshd("b", "MaxAuthTries", 3)])
    assert {verdict.status for verdict in plan.verdicts.values()} == {CHANGE}


def test_who_is_exempt_by_a_match_block_is_told(bench: Workbench) -> None:
    """A Match block is somebody's decision: the control is met, and says for whom it is not."""
    bench.write(
        SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n\nMatch Group  sftp Address 10.0.0.0/8\n\tPermitRootLogin yes\n"
    )
    bench.write(
        "/etc/ssh/sshd_config.d/20-x.conf", "Match User git\nMaxAuthTries 9\nPermitRootLogin no\nInclude more.conf\n"
    )
    bench.write("/etc/ssh/more.conf", "Match all\nPermitRootLogin=prohibit-password\n")
    controls = [sshd("a", "PermitRootLogin", "no"), sshd("b", "MaxAuthTries", 3), sshd("c", "X11Forwarding", "no")]
    for status in (CHANGE, COMPLIANT):
        verdicts = bench.plan(Setting, controls).verdicts
        assert {verdict.status for verdict in verdicts.values()} == {status}
        assert verdicts["a"].reason == (
            "Match blocks set PermitRootLogin to prohibit-password for all (/etc/ssh/more.conf line 2), "
            "yes for Group sftp Address 10.0.0.0/8 (/etc/ssh/sshd_config line 4)"
        )
        assert verdicts["b"].reason == (
            "Match blocks set MaxAuthTries to 9 for User git (/etc/ssh/sshd_config.d/20-x.conf line 2)"
        )
        assert verdicts["c"].reason == ""
        bench.run(Setting, controls)


OVERRIDABLE = {
    "unit": (
        "/etc/systemd/system/x.service.d/60-a.conf",
        "ini",
        {"section": "Service", "key": "PrivateTmp", "value": "yes"},
    ),
    "journal": ("/etc/systemd/journald.conf.d/60-a.conf", "ini", {"section": "Journal", "key": "Seal", "value": "yes"}),
    "apt": ("/etc/apt/apt.conf.d/60-a", "lines", {"value": ['APT::Get::AllowUnauthenticated "false";', 'A::B "1";']}),
    "sudo": ("/etc/sudoers.d/10-a", "lines", {"value": "Defaults use_pty"}),
    "minutes": ("/etc/sudoers.d/10-a", "lines", {"value": "Defaults timestamp_timeout=15"}),
    "words": (
        "/etc/security/pwquality.conf.d/60-a.conf",
        "keyvalue",
        {"separator": " = ", "key": "minlen", "value": 14},
    ),
    "limits": ("/etc/security/limits.d/60-a.conf", "limits", {"key": "* hard core", "value": 0}),
}


def overridable(name: str) -> Control:
    """A control over a drop-in of a program that takes the last value."""
    file, format_, more = OVERRIDABLE[name]
    return control(Setting, "one", file=file, format=format_, **more)


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("unit", "/etc/systemd/system/x.service.d/override.conf", "[Service]\nPrivateTmp=no\n"),
        ("unit", "/usr/lib/systemd/system/x.service.d/90.conf", "[Unit]\nA=b\n[Service]\n PrivateTmp = false\n"),
        ("unit", "/run/systemd/system/service.d/90-all.conf", "[Service]\nPrivateTmp=no\n"),
        ("unit", "/etc/systemd/system.control/x.service.d/90.conf", "[Service]\nPrivateTmp=no\n"),
        ("journal", "/usr/lib/systemd/journald.conf.d/90-vendor.conf", "[Journal]\nSeal=no\n"),
        ("apt", "/etc/apt/apt.conf.d/99-site", 'APT { Get { AllowUnauthenticated "true"; }; };\n'),
        ("apt", "/etc/apt/apt.conf.d/99-site", "// why\napt::get::allowunauthenticated true;"),
        ("apt", "/etc/apt/apt.conf", "#clear A::B;\n"),
        ("sudo", "/etc/sudoers.d/site", "Defaults env_reset, \\\n  !use_pty\n"),
        ("sudo", "/etc/sudoers", "Defaults use_pty\n@includedir /etc/sudoers.d\nDefaults !use_pty\n"),
        ("minutes", "/etc/sudoers.d/site", 'Defaults badpass_message="a, b", timestamp_timeout=60\n'),
        ("words", "/etc/security/pwquality.conf", "minlen=6 # short\n"),
        ("words", "/etc/security/pwquality.conf.d/99.conf", "minlen = 6\n"),
        ("limits", "/etc/security/limits.d/99.conf", "* - core unlimited\n"),
    ],
)
def test_a_value_that_a_later_file_overrides_fails(bench: Workbench, name: str, path: str, text: str) -> None:
    """The file that has the last word is named, and nothing is written."""
    bench.write(path, text)
    plan, _outcome = bench.run(Setting, [overridable(name)])
    verdict = plan.verdicts["one"]
    assert verdict.status == FAILED and verdict.reason.startswith(f"{path} sets ")
    assert bench.read(OVERRIDABLE[name][0]) is None


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        ("unit", "/etc/systemd/system/x.service.d/10-early.conf", "[Service]\nPrivateTmp=no\n"),
        ("unit", "/etc/systemd/system/x.service.d/90.conf", "[Service]\nPrivateTmp=true\n#PrivateTmp=no\n"),
        ("unit", "/etc/systemd/system/y.service.d/90.conf", "[Service]\nPrivateTmp=no\n"),
        ("apt", "/etc/apt/apt.conf.d/99-site.disabled", 'APT::Get::AllowUnauthenticated "true";\n'),
        ("apt", "/etc/apt/apt.conf.d/99-site", '# A::B "2";\n/* A::B "2"; */ C { A::B "2"; };\nA::B:: "2";\n'),
        ("sudo", "/etc/sudoers.d/site.bak", "Defaults !use_pty\n"),
        ("sudo", "/etc/sudoers.d/site", "Defaults:backup !use_pty\n# Defaults !use_pty\nDefaults use_pty\n"),
        ("sudo", "/etc/sudoers", "Defaults !use_pty\n@includedir /etc/sudoers.d\n"),
        ("words", "/etc/security/pwquality.conf", "# minlen = 6\nminclass = 1\n"),
        ("limits", "/etc/security/limits.d/99.conf", "# * hard core 1\nroot hard core 1\n* soft core 1\n"),
    ],
)
def test_a_file_that_says_nothing_else_does_not_override(bench: Workbench, name: str, path: str, text: str) -> None:
    """Earlier files, equal values, other subjects, files that nobody reads."""
    bench.write(path, text)
    assert bench.plan(Setting, [overridable(name)]).verdicts["one"].status == CHANGE


def test_lines_that_add_up_override_nothing(bench: Workbench) -> None:
    """Until an empty one takes them back; a file that another of the same name hides says nothing."""
    home, hidden = "/etc/systemd/system/x.service.d", "/usr/lib/systemd/system/x.service.d"
    one = control(
        Setting, "one", file=f"{home}/60-a.conf", format="ini", section="Service", key="SystemCallFilter", value="@a"
    )
    bench.write(f"{home}/90.conf", "[Service]\nSystemCallFilter=~@mount\n")
    bench.write(f"{hidden}/90.conf", "[Service]\nSystemCallFilter=\n")
    assert bench.plan(Setting, [one]).verdicts["one"].status == CHANGE
    bench.write(f"{home}/90.conf", "[Service]\nSystemCallFilter=\n")
    verdict = bench.plan(Setting, [one]).verdicts["one"]
    assert verdict.status == FAILED and "sets Service SystemCallFilter back" in verdict.reason


def test_a_control_that_fails_keeps_the_line_it_has(bench: Workbench) -> None:
    """Somebody shadows us later: our line is not dropped for that."""
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n")
    bench.run(Setting, [sshd("a", "PermitRootLogin", "no")])
    bench.write("/etc/ssh/sshd_config.d/05-site.conf", "PermitRootLogin yes\n")
    plan = bench.plan(Setting, [sshd("a", "PermitRootLogin", "no")])
    assert plan.verdicts["a"].status == FAILED and plan.steps == []


def test_known_files_have_a_validator(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """sshd -t where sshd is there and can check, unless the control says otherwise."""
    monkeypatch.setattr(type(bench.host), "has", lambda self, program: True)
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n")
    assert bench.plan(Setting, [sshd("a", "MaxAuthTries", 3)]).steps[0].validators == []
    Path(bench.host.path("/run/sshd")).mkdir(parents=True)
    assert bench.plan(Setting, [sshd("a", "MaxAuthTries", 3)]).steps[0].validators[0].argv == ("sshd", "-t")
    off = control(Setting, "a", file=DROP_IN, format="sshd", key="MaxAuthTries", value=3, validate=[])
    assert bench.plan(Setting, [off]).steps[0].validators == []


def test_a_validator_that_says_no_puts_its_file_back_and_no_other(bench: Workbench) -> None:
    """The other file stands."""
    bench.runner.answers[("check-it",)] = (1, "", "line 1: no")
    bad = kv("bad", "a", "1", validate=["check-it"])
    _plan, outcome = bench.run(Setting, [bad, kv("good", "a", "1", "/etc/good")])
    assert {done.step.name: done.ok for done in outcome.steps if done.step.name != "shared directories"} == {
        f"setting {SHARED}": False,
        "setting /etc/good": True,
    }
    assert bench.read(SHARED) is None and bench.read("/etc/good") == b"a=1\n"


def test_lines(bench: Workbench) -> None:
    """Added at the end, taken out where they stand, given back without what was there before."""
    bench.write(SHARED, "one\ntwo")
    here = control(Setting, "one", file=SHARED, format="lines", value=["two", "three"])
    gone = control(Setting, "two", file=SHARED, format="lines", value="one", state="absent")
    assert_round_trip(bench, Setting, [here, gone])
    bench.run(Setting, [here])
    assert bench.read(SHARED) == b"one\ntwo\nthree"
    bench.run(Setting, [])
    assert bench.read(SHARED) == b"one\ntwo"


def test_compliant_is_said_with_the_value(bench: Workbench) -> None:
    """Before and after are what the file has."""
    bench.write(SHARED, 'a="1"\n')
    verdict = bench.plan(Setting, [kv("one", "a", "1")]).verdicts["one"]
    assert (verdict.status, verdict.before, verdict.after) == (COMPLIANT, '"1"', '"1"')


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"file": "etc/x", "format": "keyvalue", "key": "a", "value": "1"}, "absolute path"),
        ({"file": "/etc/../x", "format": "keyvalue", "key": "a", "value": "1"}, "absolute path"),
        ({"file": "/x", "format": "keyvalu", "key": "a", "value": "1"}, "did you mean 'keyvalue'"),
        ({"file": "/x", "format": "keyvalue", "key": "a", "value": True}, "quotes"),
        ({"file": "/x", "format": "keyvalue", "key": "a"}, "value is missing"),
        ({"file": "/x", "format": "keyvalue", "key": "a", "value": "1", "mode": "rw"}, "octal"),
        ({"file": "/x", "format": "keyvalue", "key": "a", "valeu": "1"}, "did you mean 'value'"),
        ({"file": "/x", "format": "ini", "key": "a", "value": "1"}, "section"),
    ],
)
def test_bad_input(state: dict[str, object], words: str) -> None:
    """One sentence with the option, its value and what is allowed."""
    assert any(words in fault for fault in faults_of(Setting, **state)), faults_of(Setting, **state)


def test_who_would_leave_himself_out_of_an_access_list_is_told(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other controls of the file are planned without it."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    bench.runner.answers.update({("id", "-nu"): "alice\n", ("id", "-nG"): "alice staff\n"})
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n")
    verdicts = bench.plan(Setting, [sshd("a", "AllowGroups", ["wheel"]), sshd("b", "X11Forwarding", "no")]).verdicts
    assert verdicts["a"].status == FAILED and verdicts["a"].shuts_out
    assert verdicts["a"].reason == "it would shut out the account alice, who runs this and is in alice, staff"
    assert verdicts["b"].status == CHANGE
    assert bench.plan(Setting, [sshd("a", "AllowGroups", ["wheel", "staff"])]).verdicts["a"].status == CHANGE


def test_the_way_of_a_login_is_looked_up_only_where_it_changes(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who came in by password is told before passwords end; where they have ended already, nobody asks the journal."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22")
    accepted = "Accepted password for alice from 192.0.2.7 port 50000 ssh2\n"
    bench.runner.answers.update(
        {("id", "-nu"): "alice\n", ("id", "-nG"): "alice\n", ("journalctl", "--quiet"): accepted}
    )
    bench.write(SSHD, "Include /etc/ssh/sshd_config.d/*.conf\n")
    only_keys = sshd("a", "PasswordAuthentication", "no")
    verdict = bench.plan(Setting, [only_keys]).verdicts["a"]
    assert verdict.shuts_out and verdict.reason.endswith(
        "alice, who runs this and came in by password: come in by another way first"
    )
    bench.write("/etc/ssh/sshd_config.d/10-evenkeel.conf", "PasswordAuthentication no\n")
    assert bench.plan(Setting, [only_keys]).verdicts["a"].status == COMPLIANT
