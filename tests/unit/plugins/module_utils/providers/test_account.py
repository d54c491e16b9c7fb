# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts: changed with the system's tools, never the operator's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.account import AccountProvider, account_commands
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import (
    CHANGE,
    COMPLIANT,
    FAILED,
    NOT_APPLICABLE,
)
from fakes import round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

USERS = (
    "root:x:0:0:root:/root:/bin/bash\n"
    "daemon:x:1:1::/:/usr/sbin/nologin\n"
    "sync:x:4:65534::/bin:/bin/sync\n"
    "svc:x:110:110::/:/bin/bash\n"
    "keys:x:111:111::/:/bin/sh\n"
    "bob:x:1000:1000:Bob:/home/bob:/bin/bash\n"
    "ops:x:1001:1001::/home/ops:/bin/bash\n"
)
SHADOW = (
    "root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nsync:*:19000:0:99999:7:::\nsvc:$y$x:19000:0:99999:7:::\n"
    "keys:!:19000::::::\nbob:$y$secret:19000:0:99999:7:::\nops:$y$other:19000:0:99999:7:::\n"
)
GROUP = "root:x:0:\nadm:x:4:bob,ops\ndocker:x:120:\n"
FIELDS = {"-m": 3, "-M": 4, "-W": 5, "-I": 6, "-E": 7}


class Users:
    """usermod, chage, gpasswd and userdel over the files below the root."""

    def __init__(self, root: Path) -> None:
        tools = {"usermod": self.usermod, "chage": self.chage, "gpasswd": self.gpasswd, "userdel": self.userdel}
        self.bench = Workbench(root, {(name,): tool for name, tool in tools.items()})
        self.bench.write("/etc/passwd", USERS)
        self.bench.write("/etc/shadow", SHADOW, 0o640)
        self.bench.write("/etc/group", GROUP)
        for shell in ("/usr/sbin/nologin", "/bin/bash", "/bin/sh"):
            self.bench.write(shell, "", 0o755)

    def edit(self, path: str, name: str, field: int, value: str | None) -> None:
        old = (self.bench.read(path) or b"").decode()
        self.bench.write(f"{path}-", old)
        lines = [line.split(":") for line in old.splitlines()]
        for line in lines:
            if line[0] == name and value is not None:
                line[field] = value
        kept = [line for line in lines if value is not None or line[0] != name]
        self.bench.write(path, "".join(":".join(line) + "\n" for line in kept))

    def field(self, path: str, name: str, field: int) -> str:
        lines = (line.split(":") for line in (self.bench.read(path) or b"").decode().splitlines())
        return next(line[field] for line in lines if line[0] == name)

    def usermod(self, argv: Sequence[str], _stdin: str | None) -> str:
        name, secret = argv[-1], self.field("/etc/shadow", argv[-1], 1)
        if "--lock" in argv:
            self.edit("/etc/shadow", name, 1, f"!{secret}")
        if "--unlock" in argv:
            self.edit("/etc/shadow", name, 1, secret[1:])
        if "--shell" in argv:
            self.edit("/etc/passwd", name, 6, argv[argv.index("--shell") + 1])
        return ""

    def chage(self, argv: Sequence[str], _stdin: str | None) -> str:
        for option, value in zip(argv[1:-2:2], argv[2:-2:2]):
            self.edit("/etc/shadow", argv[-1], FIELDS[option], "" if value == "-1" else value)
        return ""

    def gpasswd(self, argv: Sequence[str], _stdin: str | None) -> str:
        members = set(filter(None, self.field("/etc/group", argv[3], 3).split(",")))
        members = members | {argv[2]} if argv[1] == "--add" else members - {argv[2]}
        self.edit("/etc/group", argv[3], 3, ",".join(sorted(members)))
        return ""

    def userdel(self, argv: Sequence[str], _stdin: str | None) -> str:
        for path in ("/etc/passwd", "/etc/shadow"):
            self.edit(path, argv[-1], 0, None)
        return ""


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Users:
    monkeypatch.setenv("SUDO_UID", "1001")
    return Users(tmp_path)


days = st.integers(min_value=-1, max_value=99999)


@round_trips
@given(
    wish=st.fixed_dictionaries(
        {"name": st.sampled_from(["bob", "svc"])},
        optional={
            "locked": st.booleans(),
            "shell": st.sampled_from(["/usr/sbin/nologin", "/bin/sh"]),
            "min_days": days,
            "max_days": days,
            "warn_days": days,
            "inactive_days": days,
            "expires": st.dates().filter(lambda day: day.year > 1970).map(str) | st.just("never"),
            "groups": st.lists(st.sampled_from(["adm", "docker"]), unique=True),
            "state": st.sampled_from(["present", "absent"]),
        },
    )
)
def test_applied_once_and_undone(tmp_path_factory: pytest.TempPathFactory, wish: dict[str, Any]) -> None:
    users = Users(tmp_path_factory.mktemp("host"))
    assert_round_trip(users.bench, AccountProvider, [control(AccountProvider, **wish)])


@pytest.mark.parametrize("name", ["root", "ops"])
def test_the_operator_is_left_alone_unless_asked(users: Users, name: str) -> None:
    wish = {"name": name, "shell": "/usr/sbin/nologin"}
    plan = users.bench.plan(AccountProvider, [control(AccountProvider, **wish)])
    assert plan.verdicts["one"].status == FAILED
    assert "include_operator" in plan.verdicts["one"].reason
    (step,) = users.bench.plan(AccountProvider, [control(AccountProvider, include_operator=True, **wish)]).steps
    assert step.access


def test_an_operator_who_is_as_wished_is_compliant(users: Users) -> None:
    wish = [control(AccountProvider, **{"name": "ops", "shell": "/bin/bash"})]
    assert users.bench.plan(AccountProvider, wish).verdicts["one"].status == COMPLIANT


def test_system_accounts_in_bulk(users: Users) -> None:
    wish = [control(AccountProvider, system_accounts={"shell": "/usr/sbin/nologin", "locked": True})]
    plan, _rest = users.bench.run(AccountProvider, wish)
    assert plan.verdicts["one"].after == {
        "svc": {"locked": True, "shell": "/usr/sbin/nologin"},
        "keys": {"locked": True, "shell": "/usr/sbin/nologin"},
    }
    assert users.field("/etc/passwd", "sync", 6) == "/bin/sync"
    assert users.field("/etc/passwd", "bob", 6) == "/bin/bash"
    assert users.field("/etc/shadow", "svc", 1) == "!$y$x"


def test_exceptions_in_bulk(users: Users) -> None:
    bulk = {"shell": "/usr/sbin/nologin", "except": ["svc"]}
    plan = users.bench.plan(AccountProvider, [control(AccountProvider, system_accounts=bulk)])
    assert set(plan.verdicts["one"].after) == {"keys"}


def test_hashes_are_no_one_elses_business(users: Users) -> None:
    plan, outcome = users.bench.run(AccountProvider, [control(AccountProvider, name="bob", locked=True)])
    assert "secret" not in repr(plan.verdicts)
    assert "$y$secret" not in repr(outcome.diff)


@pytest.mark.parametrize(
    ("wish", "status", "words"),
    [
        ({"name": "nobody-here", "locked": True}, NOT_APPLICABLE, "no account"),
        ({"name": "nobody-here", "state": "absent"}, COMPLIANT, ""),
        ({"name": "keys", "locked": False}, FAILED, "no password"),
        ({"name": "bob", "shell": "/bin/zsh"}, FAILED, "no shell /bin/zsh"),
        ({"name": "bob", "groups": ["wheel"]}, FAILED, "no group wheel"),
        ({"name": "bob", "not_groups": ["wheel"]}, COMPLIANT, ""),
        ({"name": "bob", "not_groups": ["adm"]}, CHANGE, ""),
    ],
)
def test_what_the_host_decides(users: Users, wish: dict[str, Any], status: str, words: str) -> None:
    verdict = users.bench.plan(AccountProvider, [control(AccountProvider, **wish)]).verdicts["one"]
    assert verdict.status == status
    assert words in verdict.reason


def test_each_tool_runs_once_for_all_that_it_changes() -> None:
    before = {"locked": False, "shell": "/bin/sh", "max_days": -1, "min_days": 0, "group adm": False}
    after = {"locked": True, "shell": "/bin/false", "max_days": 90, "min_days": 0, "group adm": True}
    assert account_commands("bob", before, after) == [
        ["usermod", "--lock", "--shell", "/bin/false", "--", "bob"],
        ["chage", "-M", "90", "--", "bob"],
        ["gpasswd", "--add", "bob", "adm"],
    ]


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({}, "either name or system_accounts"),
        ({"name": "bob", "system_accounts": {"locked": True}}, "either name or system_accounts"),
        ({"name": "bob;x"}, "account has the name"),
        ({"name": "-r"}, "account has the name"),
        ({"name": "bob", "max_days": 100000}, "max_days"),
        ({"name": "bob", "expires": "tomorrow"}, "account.expires"),
        ({"name": "bob", "groups": ["a"], "not_groups": ["a"]}, "'a' stands in groups"),
        ({"system_accounts": {}}, "neither shell nor locked"),
        ({"system_accounts": {"locked": False}}, "never unlocked"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(AccountProvider, **wish))
