# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: in which order, and how many at a time, hosts are taken out of service.

All rules come down to one: of a set of hosts, at most so many are out at the same time (`Limit`). The waves are filled
in the order of the hosts, so the same input always gives the same plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

PERCENT = re.compile(r"(\d{1,3})\s*%")
DEFAULT_WAVES = ("25%", "100%")
POOL_KEYS = ("name", "hosts", "floor")


class WaveError(ValueError):
    """Waves that cannot be planned; the message names the variable, the value and what is allowed."""


@dataclass(frozen=True)
class Limit:
    """Of these hosts at most so many may be out of service together."""

    hosts: frozenset[str]
    most: int


class Size(NamedTuple):
    """A number of hosts, or a percentage of them."""

    amount: int
    percent: bool

    def below(self, total: int) -> int:
        """So many of `total`, rounded down."""
        return self.amount * total // 100 if self.percent else self.amount

    def above(self, total: int) -> int:
        """So many of `total`, rounded up."""
        return -(-self.amount * total // 100) if self.percent else self.amount


def plan_waves(
    hosts: Iterable[str],
    canary: int = 1,
    waves: Sequence[int | str] = DEFAULT_WAVES,
    floor: int | str = 0,
    spread: Iterable[str] = (),
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    apart: Sequence[Sequence[str]] = (),
    pools: Sequence[Mapping[str, Any]] = (),
) -> list[list[str]]:
    """The hosts, wave by wave. Raises WaveError before anything is planned."""
    names = read_hosts("hosts", hosts)
    steps = read_steps(names, canary, waves)
    limits = [
        _floor_limit("floor", names, floor),
        *_spread_limits(names, spread, hostvars or {}),
        *(Limit(frozenset(group), 1) for group in read_groups("apart", apart)),
        *(_pool_limit(pool, number, names) for number, pool in enumerate(_list("pools", pools))),
    ]
    return fill(names, steps, limits)


def fill(names: Sequence[str], steps: Sequence[int], limits: Sequence[Limit]) -> list[list[str]]:
    """Take the hosts in order; a host that a limit forbids waits for a later wave of the same step."""
    planned: list[list[str]] = []
    waiting, done = list(names), 0
    for step in steps:
        chosen, waiting = waiting[: step - done], waiting[step - done :]
        done = max(done, step)
        while chosen:
            wave = _wave(chosen, limits)
            planned.append(wave)
            chosen = [name for name in chosen if name not in wave]
    return planned


def _wave(chosen: Sequence[str], limits: Sequence[Limit]) -> list[str]:
    """The hosts of `chosen` that may go together. A limit allows at least one, so this is never empty."""
    wave: list[str] = []
    for name in chosen:
        if all(name not in limit.hosts or len(limit.hosts.intersection(wave)) < limit.most for limit in limits):
            wave.append(name)
    return wave


def read_hosts(where: str, given: Any) -> list[str]:
    """A list of names, each once."""
    names = [str(name) for name in _list(where, given)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WaveError(f"{where} has {twice[0]!r} {names.count(twice[0])} times; allowed is once.")
    return names


def read_size(where: str, given: Any) -> Size:
    """A number such as 2, or a percentage such as 25%."""
    match = PERCENT.fullmatch(str(given).strip())
    if match and int(match[1]) <= 100:
        return Size(int(match[1]), percent=True)
    if not isinstance(given, bool) and re.fullmatch(r"\d{1,9}", str(given)):
        return Size(int(given), percent=False)
    raise WaveError(f"{where} is {given!r}; allowed is a number of hosts from 0, or a percentage from 0% to 100%.")


def read_steps(names: Sequence[str], canary: Any, waves: Any) -> list[int]:
    """How many hosts are done at the end of the canary and of each wave, ascending."""
    first = read_size("canary", canary)
    if first.percent:
        raise WaveError(f"canary is {canary!r}; allowed is a number of hosts, 0 for no canary.")
    sizes = [read_size(f"waves[{number}]", size) for number, size in enumerate(_list("waves", waves))]
    total = len(names)
    _check_ascending(waves, sizes)
    if not sizes or sizes[-1].below(total) < total:
        end = sizes[-1].below(total) if sizes else 0
        raise WaveError(
            f"waves is {list(waves)!r}, which ends with {end} of {total} hosts done; allowed are cumulative sizes, "
            "the last of which is 100% or the number of all hosts."
        )
    steps = [min(first.amount, total)]
    for size in sizes:
        # A percentage of few hosts is at least one of them.
        steps.append(min(total, max(steps[-1], size.below(total), 1)))
    return steps


def _check_ascending(waves: Sequence[Any], sizes: Sequence[Size]) -> None:
    for number, (one, other) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        if one.percent == other.percent and other.amount <= one.amount:
            raise WaveError(
                f"waves[{number}] is {waves[number]!r} after {waves[number - 1]!r}; allowed are cumulative sizes, "
                "each greater than the one before."
            )


def read_groups(where: str, given: Any) -> list[list[str]]:
    """Lists of names."""
    return [read_hosts(f"{where}[{number}]", group) for number, group in enumerate(_list(where, given))]


def _floor_limit(where: str, members: Sequence[str], floor: Any) -> Limit:
    """At least `floor` of the members stay in service."""
    total = len(members)
    stay = read_size(where, floor).above(total)
    if members and stay >= total:
        raise WaveError(
            f"{where} is {floor!r}, which keeps {stay} of {total} hosts in service, so none could ever be taken out; "
            f"allowed is at most {total - 1}."
        )
    return Limit(frozenset(members), total - stay)


def _pool_limit(pool: Any, number: int, names: Sequence[str]) -> Limit:
    """The floor of a named pool. Members that are not among the hosts stay in service, and are counted as such."""
    where = f"pools[{number}]"
    if not isinstance(pool, Mapping) or set(pool) != set(POOL_KEYS):
        raise WaveError(f"{where} is {pool!r}; allowed is a dictionary with {', '.join(POOL_KEYS)}.")
    where = f"pool {str(pool['name'])!r}"
    members = read_hosts(f"{where}: hosts", pool["hosts"])
    if not set(members).intersection(names):
        # None of it is taken out, so its floor is kept whatever it is.
        return Limit(frozenset(members), len(members))
    return _floor_limit(f"{where}: floor", members, pool["floor"])


def floor_problem(pool: Mapping[str, Any], wave: Iterable[str], out: Iterable[str]) -> str:
    """A sentence when the floor would be crossed by a wave while the hosts `out` do not serve; nothing otherwise."""
    members = read_hosts(f"pool {str(pool['name'])!r}: hosts", pool["hosts"])
    stay = read_size(f"pool {str(pool['name'])!r}: floor", pool["floor"]).above(len(members))
    going = [name for name in members if name in set(wave)]
    missing = [name for name in members if name in set(out) - set(going)]
    left = len(members) - len(going) - len(missing)
    if left >= stay or not going:
        return ""
    return (
        f"pool {str(pool['name'])!r}: the floor {pool['floor']!r} keeps {stay} of {len(members)} hosts in service, and "
        f"{left} would be left without {', '.join(going)}; out of service now: {', '.join(missing) or 'nobody else'}."
    )


def out_of_service(
    hosts: Iterable[str], seen: Iterable[Sequence[Mapping[str, Any]]], hostvars: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The hosts that a load balancer sends nothing to; `seen` are the servers that each of them has."""
    return [name for name in hosts if any(_is_out(name, servers, hostvars) for servers in seen)]


def _is_out(name: str, servers: Sequence[Mapping[str, Any]], hostvars: Mapping[str, Mapping[str, Any]]) -> bool:
    variables = hostvars[name]
    server, backends = variables.get("rotation_server") or name, variables.get("rotation_backends") or []
    own = [row for row in servers if row["server"] == server and (not backends or row["backend"] in backends)]
    return any(not row["up"] for row in own)


def _spread_limits(names: Sequence[str], keys: Any, hostvars: Mapping[str, Mapping[str, Any]]) -> list[Limit]:
    """Hosts with the same value of a key never share a wave."""
    limits = []
    for key in _list("spread", keys):
        groups: dict[str, list[str]] = {}
        for name in names:
            value = hostvars[name].get(key) if name in hostvars else None
            if value in (None, ""):
                raise WaveError(f"spread has {key!r}, but {name} has no value of it; needed is one for every host.")
            groups.setdefault(str(value), []).append(name)
        limits += [Limit(frozenset(group), 1) for group in groups.values()]
    return limits


def _list(where: str, given: Any) -> list[Any]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise WaveError(f"{where} is {given!r}; allowed is a list.")
    return list(given)
