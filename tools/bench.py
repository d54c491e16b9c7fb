"""`make bench`: what a second run of site.yml costs: tasks by role, and CPU of the controller."""

from __future__ import annotations

import sys

from tools.lab.settings import LabError
from tools.runs import Result, RunFailedError, run_playbook


def table(result: Result) -> str:
    """The cost of a run, for people."""
    hosts = len(result.hosts)
    rows = [f"{'role':<28} {'task results':>12} {'per host':>9}"]
    rows += [f"{role:<28} {count:>12} {count / hosts:>9.1f}" for role, count in result.tasks.items()]
    total = sum(result.tasks.values())
    rows += [
        f"{'in all':<28} {total:>12} {total / hosts:>9.1f}",
        "",
        f"hosts {hosts}, changed {result.changed}, {result.seconds:.1f} s, "
        f"controller CPU {result.cpu_seconds:.1f} s, {result.cpu_seconds / hosts:.2f} s per host",
    ]
    return "\n".join(rows)


def main() -> int:
    """Run site.yml until it changes nothing (once, after `make demo`), then measure."""
    try:
        run_playbook("evenkeel.ops.site", "bench-first-run")
        result = run_playbook("evenkeel.ops.site", "bench-second-run")
    except (LabError, RunFailedError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print("\n" + table(result))
    return 0 if result.changed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
