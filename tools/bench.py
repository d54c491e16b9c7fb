"""`make bench`: what site.yml, 200 controls, a fleet and a large balancer cost; written to docs/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Sequence

from tools import bench_balancer, bench_fleet
from tools.bench_balancer import BalancerCost
from tools.bench_controls import Cost, measure
from tools.bench_fleet import FleetCost
from tools.lab.progress import say
from tools.lab.settings import CHECKOUT, LabError
from tools.runs import Result, RunFailedError, run_playbook
from tools.surroundings import start_services

PAGE = CHECKOUT / "docs/benchmarks.md"
BEGIN, END = "<!-- begin: written by make bench -->\n", "<!-- end -->\n"
# Executions of a second run of `hardening`, per host. Other roles of its kind take 275 to 476: docs/benchmarks.md.
MOST_MODULES = 15
HEADS = (
    "second run of",
    "hosts",
    "tasks per host",
    "module executions per host",
    "controller CPU per host",
    "of it, the catalogue: first host / each further",
    "on the host",
    "wall",
)


def site_row(result: Result) -> tuple[str, ...]:
    """The numbers of site.yml."""
    hosts = len(result.hosts)
    return (
        "`evenkeel.ops.site` on the lab",
        str(hosts),
        f"{sum(result.tasks.values()) / hosts:.1f}",
        f"{result.modules / hosts:.1f}",
        f"{result.cpu_seconds / hosts:.2f} s",
        "–",
        "–",
        f"{result.seconds:.1f} s",
    )


def controls_row(cost: Cost) -> tuple[str, ...]:
    """The numbers of one call with many controls."""
    return (
        f"{cost.controls} controls on this machine",
        "1",
        str(sum(cost.result.tasks.values())),
        str(cost.result.modules),
        f"{cost.result.cpu_seconds:.2f} s",
        f"{cost.cold_ms:.0f} ms / {cost.warm_ms:.0f} ms",
        "–" if cost.body is None else f"{cost.body:.2f} s",
        f"{cost.wall:.1f} s",
    )


def fleet_table(cost: FleetCost) -> str:
    """A row for each run over the fleet."""
    heads = ("run", "hosts", "changed", "module executions per host", "controller CPU per host", "memory", "wall")
    named = (
        ("`evenkeel.ops.audit` with the catalogue", cost.audit),
        ("second run of `hardening`, strict", cost.second_run),
        ("the same on one host", cost.alone),
    )
    return markdown(heads, [(name, *fleet_row(result)) for name, result in named])


def balancer_table(cost: BalancerCost) -> str:
    """A row for each run of the balancer."""
    heads = ("2,000 servers in 200 backends", "tasks", "module executions", "changed", "controller CPU", "wall")
    named = (("rendered, validated and swapped", cost.swap), ("second run", cost.second_run))
    return markdown(heads, [(name, *balancer_row(result)) for name, result in named])


def balancer_row(result: Result) -> tuple[str, ...]:
    """The numbers of one run of the balancer."""
    tasks = str(sum(result.tasks.values()))
    counted = (tasks, str(result.modules), str(result.changed))
    return (*counted, f"{result.cpu_seconds:.1f} s", f"{result.seconds:.1f} s")


def fleet_row(result: Result) -> tuple[str, ...]:
    """The numbers of one run over the fleet."""
    hosts, (whole, worker) = len(result.hosts), result.memory_mib
    return (
        str(hosts),
        str(result.changed),
        f"{result.modules / hosts:.1f}",
        f"{result.cpu_seconds / hosts:.2f} s",
        f"{whole} MiB, a worker {worker} MiB",
        f"{result.seconds:.0f} s",
    )


def roles_table(result: Result) -> str:
    """Task results by role."""
    rows = [(role, str(count), f"{count / len(result.hosts):.1f}") for role, count in result.tasks.items()]
    return markdown(("site.yml by role", "task results", "per host"), rows)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that people read as text and as a page."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, ["---"] * len(heads), *rows))


def report(site: Result, cost: Cost, fleet: FleetCost, balancer: BalancerCost) -> str:
    """When and where it was measured, and the tables."""
    kernel = platform.release().partition("-")[0]
    machine = f"{os.cpu_count()} cores, Linux {kernel}, Python {platform.python_version()}"
    when = datetime.datetime.now(tz=datetime.timezone.utc).date()
    table = markdown(HEADS, [site_row(site), controls_row(cost)])
    tables = (table, fleet_table(fleet), balancer_table(balancer), roles_table(site))
    return f"Measured on {when}: {machine}.\n\n" + "\n".join(tables)


def written(page: str, text: str) -> str:
    """The page with this text between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise LabError(f"{PAGE} has lost its marks: {BEGIN.strip()} and {END.strip()}.")
    return f"{before}{begin}\n{text}\n{end}{after}"


def main() -> int:
    """Run site.yml until it changes nothing (once, after `make demo`), then measure; status 1 when it still changes."""
    try:
        start_services(say)
        run_playbook("evenkeel.ops.site", "bench-first-run")
        site = run_playbook("evenkeel.ops.site", "bench-second-run")
        cost, fleet, balancer = measure(), bench_fleet.measure(), bench_balancer.measure()
        text = report(site, cost, fleet, balancer)
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    except (LabError, RunFailedError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(f"\n{text}")
    broken = promises_broken(site, cost, fleet, balancer)
    for sentence in broken:
        print(f"ERROR: {sentence}", file=sys.stderr)
    return 1 if broken else 0


def promises_broken(site: Result, cost: Cost, fleet: FleetCost, balancer: BalancerCost) -> list[str]:
    """What a second run may not do: change something, or ask the hosts more often than promised."""
    changed = [*site.changed_tasks, *cost.result.changed_tasks, *fleet.second_run.changed_tasks]
    changed += balancer.second_run.changed_tasks
    found = [f"a second run changed something: {'; '.join(changed)}"] if changed else []
    modules = fleet.second_run.modules / len(fleet.second_run.hosts)
    if modules > MOST_MODULES:
        found.append(
            f"the second run of hardening took {modules:.1f} modules per host; promised are at most {MOST_MODULES}"
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
