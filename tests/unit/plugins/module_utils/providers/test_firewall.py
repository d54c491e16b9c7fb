# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall: one table of our own, filled by several scopes, that never shuts out who loads it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.base import CHANGE, COMPLIANT, FAILED
from ansible_collections.evenkeel.ops.plugins.module_utils.providers.firewall import Firewall
from fakes import FakeSystemd, install, round_trips
from hypothesis import given
from hypothesis import strategies as st
from support import Workbench, assert_round_trip, control, faults_of

UNIT = "evenkeel-firewall.service"
FILE = "/etc/evenkeel/firewall/evenkeel.nft"
SSH: dict[str, Any] = {"allow": [{"ports": ["22"]}]}
DROP: dict[str, Any] = {"policy": {"input": "drop"}}


class Kernel:
    """nft with tables in memory; it writes rules its own way, and so does the one in a private namespace."""

    def __init__(self, root: Path, scope: str = "test/unit") -> None:
        self.tables = {"inet foreign": "table inet foreign {\n}\n"}
        self.systemd = FakeSystemd()
        answers = {
            ("systemctl",): self.systemd.answer,
            ("nft",): self.nft,
            ("unshare",): lambda _argv, stdin: self.own_words(stdin or ""),
            ("sshd",): "port 22\n",
        }
        self.bench = Workbench(root, answers, scope)
        self.systemd.boot(root)

    @staticmethod
    def own_words(text: str) -> str:
        return re.sub(r"limit rate 5/minute(?! burst)", "limit rate 5/minute burst 5 packets", text)

    def nft(self, argv: Sequence[str], stdin: str | None) -> str | tuple[int, str, str]:
        target = " ".join(argv[-2:])
        if "list" in argv:
            missing = (1, "", "Error: No such file or directory")
            return self.tables.get(target, missing)
        if "delete" in argv:
            del self.tables[target]
            return ""
        if "--check" in argv:
            return ""
        assert stdin is not None
        name, rest = re.fullmatch(r"table (.*)\ndelete table \1\n(table .*)", stdin, re.DOTALL).groups()  # type: ignore[union-attr]  # it matches or fails
        self.tables[name] = self.own_words(rest)
        return ""

    @property
    def table(self) -> str:
        return self.tables.get("inet evenkeel", "")


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    install(monkeypatch, "nft", "systemctl", "sshd")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return Kernel(tmp_path)


rules = st.fixed_dictionaries(
    {"ports": st.lists(st.integers(1, 65535).map(str), min_size=1, max_size=4)},
    optional={
        "protocol": st.sampled_from(["tcp", "udp"]),
        "sources": st.lists(st.ip_addresses().map(str), max_size=3),
        "chain": st.sampled_from(["input", "forward", "output"]),
        "comment": st.just("a note"),
    },
)


@round_trips
@given(policy=st.sampled_from(["accept", "drop"]), allow=st.lists(rules, min_size=1, max_size=4), logged=st.booleans())
def test_applied_once_and_undone(
    tmp_path_factory: pytest.TempPathFactory, policy: str, allow: list[dict[str, Any]], logged: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        install(monkeypatch, "nft", "systemctl", "sshd")
        kernel = Kernel(tmp_path_factory.mktemp("host"))
        base = control(Firewall, "base", policy={"input": policy}, log_dropped=logged, **SSH)
        assert_round_trip(kernel.bench, Firewall, [base, control(Firewall, "rules", allow=allow)])
        assert kernel.tables.keys() == {"inet foreign"}


def test_the_table_is_loaded_now_and_at_boot_and_others_stay(kernel: Kernel) -> None:
    kernel.bench.run(Firewall, [control(Firewall, "base", **DROP), control(Firewall, "ssh", **SSH)])
    assert "policy drop" in kernel.table
    assert "tcp dport 22 accept" in kernel.table
    assert "inet foreign" in kernel.tables
    assert kernel.systemd.units[UNIT].active
    assert (kernel.bench.read(FILE) or b"").count(b"delete table") == 1


def test_a_set_in_another_order_is_the_same_set(kernel: Kernel) -> None:
    kernel.bench.run(Firewall, [control(Firewall, "base", sets={"web": ["192.0.2.9", "192.0.2.1"]}, **SSH)])
    again = control(Firewall, "base", sets={"web": ["192.0.2.1", "192.0.2.9"]}, **SSH)
    assert kernel.bench.plan(Firewall, [again]).steps == []


def test_who_would_shut_himself_out_is_refused_unless_forced(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    drop, forced = control(Firewall, **DROP), control(Firewall, force=True, **DROP)
    verdict = kernel.bench.plan(Firewall, [drop]).verdicts["one"]
    assert verdict.status == FAILED
    assert "close the SSH port 22" in verdict.reason
    assert kernel.bench.plan(Firewall, [forced]).verdicts["one"].status == CHANGE
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 2222")
    verdict = kernel.bench.plan(Firewall, [drop, control(Firewall, "ssh", **SSH)]).verdicts["ssh"]
    assert "close the SSH port 2222 from 192.0.2.7" in verdict.reason


def test_ssh_is_let_in_where_sshd_listens_and_where_the_run_came_in(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 2222")
    kernel.bench.run(Firewall, [control(Firewall, ssh=True, ssh_sources=["192.0.2.0/24"], **DROP)])
    assert 'ip saddr 192.0.2.0/24 tcp dport { 22, 2222 } accept comment "ssh"' in kernel.table
    monkeypatch.setenv("SSH_CONNECTION", "198.51.100.7 50000 192.0.2.1 22")
    verdict = kernel.bench.plan(Firewall, [control(Firewall, ssh=True, ssh_sources=["192.0.2.0/24"], **DROP)]).verdicts
    assert verdict["one"].shuts_out
    assert "close the SSH port 22 from 198.51.100.7" in verdict["one"].reason


def test_what_listens_and_gets_out_of_reach_is_named(kernel: Kernel) -> None:
    listening = "0: {address}:{port} 0:0 {state} 0 0 0 0 0 {inode}\n"
    sockets = [("00000000", "0050", 1), ("0100007F", "0051", 2), ("00000000", "0016", 3)]
    tcp = "head\n" + "".join(listening.format(address=a, port=p, state="0A", inode=i) for a, p, i in sockets)
    udp = "head\n" + listening.format(address="00000000", port="14E9", state="07", inode=4)
    for name, text in {"tcp": tcp, "udp": udp}.items():
        kernel.bench.write(f"/proc/net/{name}", text)
    verdict = kernel.bench.plan(Firewall, [control(Firewall, ssh=True, **DROP)]).verdicts["one"]
    assert verdict.reason == "nobody reaches any more: tcp 80, udp 5353"
    opened = control(Firewall, ssh=True, allow=[{"ports": [80]}, {"ports": ["5353"], "protocol": "udp"}], **DROP)
    assert kernel.bench.plan(Firewall, [opened]).verdicts["one"].reason == ""


def test_each_chain_has_its_own_switches(kernel: Kernel) -> None:
    quiet = control(Firewall, "quiet", policy={"forward": "drop"}, icmp=False)
    kernel.bench.run(Firewall, [control(Firewall, "loud", log_dropped=True, ssh=True, **DROP), quiet])
    entering, passing = kernel.table.split("chain forward")
    assert "log prefix" in entering
    assert "icmp type" in entering
    assert "log prefix" not in passing
    assert "icmp type" not in passing


def test_every_change_goes_through_the_dead_mans_switch(kernel: Kernel) -> None:
    (step,) = kernel.bench.plan(Firewall, [control(Firewall, **SSH)]).steps
    assert step.access


def test_a_rule_that_somebody_added_to_our_table_goes(kernel: Kernel) -> None:
    wish = [control(Firewall, **DROP, **SSH)]
    kernel.bench.run(Firewall, wish)
    good = kernel.table
    kernel.tables["inet evenkeel"] = good.replace("tcp dport 22 accept", "tcp dport 22 accept\n\t\ttcp dport 23 accept")
    assert kernel.bench.plan(Firewall, wish).verdicts["one"].status == CHANGE
    kernel.bench.run(Firewall, wish)
    assert kernel.table == good


def test_blanks_are_no_difference(kernel: Kernel) -> None:
    wish = [control(Firewall, **DROP, **SSH)]
    kernel.bench.run(Firewall, wish)
    kernel.tables["inet evenkeel"] = kernel.table.replace("\t", "        ")
    assert kernel.bench.plan(Firewall, wish).verdicts["one"].status == COMPLIANT


def test_two_scopes_fill_one_table_and_one_of_them_leaves(kernel: Kernel) -> None:
    base = [control(Firewall, "base", **DROP), control(Firewall, "ssh", **SSH)]
    web = [control(Firewall, "web", allow=[{"ports": ["443"], "sources": ["@mon"]}], sets={"mon": ["192.0.2.9"]})]
    kernel.bench.run(Firewall, base)
    kernel.bench.scope = "nginx"
    kernel.bench.run(Firewall, web)
    assert {"policy drop", "tcp dport 22 accept", "tcp dport 443 accept", "set mon_4"} <= set(
        re.findall("policy drop|tcp dport \\d+ accept|set mon_4", kernel.table)
    )
    assert kernel.bench.plan(Firewall, web).steps == []
    plan, _rest = kernel.bench.run(Firewall, [])
    assert [gone["id"] for gone in plan.released] == ["web"]
    assert "443" not in kernel.table
    assert "tcp dport 22 accept" in kernel.table
    kernel.bench.scope = "test/unit"
    assert kernel.bench.plan(Firewall, base).steps == []
    kernel.bench.run(Firewall, [])
    assert kernel.tables.keys() == {"inet foreign"}
    assert not kernel.systemd.units[UNIT].active
    assert not list(Path(kernel.bench.root, "etc/evenkeel/firewall").iterdir())


def test_what_is_not_part_of_the_call_keeps_its_rules(kernel: Kernel) -> None:
    both = [control(Firewall, "base", **DROP, **SSH), control(Firewall, "web", allow=[{"ports": ["443"]}])]
    kernel.bench.run(Firewall, both)
    assert kernel.bench.plan(Firewall, both[:1], keep=frozenset({"web"})).steps == []


@pytest.mark.parametrize(
    ("part", "words"), [("{", "no JSON"), (json.dumps({"x": {"allow": [{"sources": ["@nosuch"]}]}}), "set nosuch")]
)
def test_parts_of_others_that_cannot_be_used_are_named(kernel: Kernel, part: str, words: str) -> None:
    kernel.bench.write("/etc/evenkeel/firewall/evenkeel.d/other.json", part)
    verdict = kernel.bench.plan(Firewall, [control(Firewall, **SSH)]).verdicts["one"]
    assert verdict.status == FAILED
    assert words in verdict.reason


def test_without_nft(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "sshd")
    wish = [control(Firewall, **SSH)]
    assert kernel.bench.plan(Firewall, wish).verdicts["one"].status == FAILED
    planned = kernel.bench.plan(Firewall, wish, packages={"nftables"}).verdicts["one"]
    assert (planned.status, planned.assumed) == (CHANGE, True)


def test_where_no_private_namespace_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "nft", "sshd")
    kernel = Kernel(tmp_path)
    kernel.bench.runner.answers[("unshare",)] = (1, "", "unshare failed: Operation not permitted")
    assert isinstance(kernel.bench.host, Host)
    kernel.bench.run(Firewall, [control(Firewall, **SSH)])
    assert kernel.bench.plan(Firewall, [control(Firewall, **SSH)]).steps == []


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({}, "neither policy nor allow nor ssh nor sets"),
        ({"table": "x; flush ruleset", **SSH}, "firewall.table"),
        ({"allow": [{"ports": ["0"]}]}, "allow[0].ports has '0'"),
        ({"allow": [{"ports": ["ssh"]}]}, "allow[0].ports has 'ssh'"),
        ({"allow": [{"ports": ["1"], "protocol": "icmp"}]}, "no ports"),
        ({"allow": [{"ports": ["1"], "sources": ["everywhere"]}]}, "'everywhere'"),
        ({"allow": [{"ports": ["1"], "sources": ["@a b"]}]}, "no name of a set"),
        ({"allow": [{"ports": ["1"], "interface": 'eth0" accept'}]}, "interface"),
        ({"allow": [{"ports": ["1"], "comment": 'a"b'}]}, "comment"),
        ({"ssh": True, "ssh_sources": ["home"]}, "ssh_sources has 'home'"),
        ({"sets": {"Mon": ["192.0.2.1"]}}, "'Mon'"),
        ({"sets": {"mon": "192.0.2.1"}}, "allowed is a list"),
        ({"policy": {"input": "reject"}}, "accept, drop"),
    ],
)
def test_bad_wishes(wish: dict[str, Any], words: str) -> None:
    assert words in " ".join(faults_of(Firewall, **wish))
