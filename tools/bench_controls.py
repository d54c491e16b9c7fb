"""What 200 controls of mixed kinds in one call cost: here in a temporary tree, or on one host of an inventory.

Usage: python -m tools.bench_controls [--inventory INVENTORY --host HOST] [--count 200]
Prints what `make bench` has in its table: module executions and tasks of the second run, CPU of the controller for
reading and reducing the catalogue (cold: parsed; warm: as every further host gets it), and seconds of the second run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.runs import Result, counting, environment

ROOT = Path(__file__).resolve().parent.parent
FILES = 12
SYSCTLS = ("kernel.dmesg_restrict", "kernel.kptr_restrict", "net.ipv4.conf.all.accept_redirects", "fs.suid_dumpable")


def setting(base: str, number: int) -> dict[str, Any]:
    """A key in one of a dozen files of three formats."""
    file = number % FILES
    name = ("keyvalue", "ini", "login_defs")[file % 3]
    more = {"section": "Main"} if name == "ini" else {}
    return {
        "setting": {"file": f"{base}/etc/app{file}", "format": name, "key": f"KEY_{number}", "value": number, **more}
    }


def mode(base: str, number: int) -> dict[str, Any]:
    """The mode of a file of its own."""
    return {"file": {"path": f"{base}/srv/file{number}", "state": "file", "mode": "0640"}}


def probe(base: str, number: int) -> dict[str, Any]:
    """A question to a file that a setting has made."""
    return {"probe": {"file": f"{base}/etc/app{number % FILES}", "not_matches": "^never"}}


def sysctl(_base: str, number: int) -> dict[str, Any]:
    """A kernel parameter; not on this machine, whose kernel is not ours to set."""
    return {"sysctl": {"key": SYSCTLS[number % len(SYSCTLS)], "value": 1}}


def service(_base: str, number: int) -> dict[str, Any]:
    """A unit that is not to run."""
    return {"service": {"name": f"absent{number}", "enabled": False}}


def package(_base: str, number: int) -> dict[str, Any]:
    """A package that is not to be there."""
    return {"package": {"name": f"absent-{number}", "state": "absent"}}


LOCAL: tuple[Callable[[str, int], dict[str, Any]], ...] = (setting, setting, setting, mode, probe)
REMOTE_TREE = "/var/tmp/evenkeel-bench"  # noqa: S108 - a fixed place: the second run has to find the first one's
REMOTE = (setting, setting, mode, probe, sysctl, service, package)


def controls(base: str, count: int, makers: tuple[Callable[[str, int], dict[str, Any]], ...]) -> list[dict[str, Any]]:
    """So many controls, with the prose that real ones have."""
    made = []
    for number in range(count):
        state = makers[number % len(makers)](base, number)
        key = next(iter(state))
        prose = {
            "title": f"Control {number} holds",
            "why": "A reason of some length stands here, as in real catalogues.",
        }
        if key != "sysctl" or number < len(SYSCTLS) * len(makers):
            made.append({"id": f"bench-{key}-{number}", **prose, "refs": {"bench": [str(number)]}, **state})
    return made


def catalogue_cpu(file: Path, cache: Path) -> tuple[float, float]:
    """Milliseconds of CPU for reading and reducing the catalogue: cold, and from the run's cache."""
    sys.path.insert(0, str(ROOT / ".venv/collections"))
    from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import Wishes, load, select

    spent = []
    for _round in range(2):
        start = time.process_time()
        select(load([str(file)], str(cache)), Wishes(), datetime.date(2026, 1, 1))
        spent.append((time.process_time() - start) * 1000)
    return spent[0], spent[1]


def play(directory: Path, base: str, inventory: str, host: str) -> tuple[Result, float]:
    """One run of the playbook, and its wall seconds."""
    task = {"catalogue": [str(directory / "bench.yml")], "state_dir": f"{base}/state", "scope": "bench"}
    here = {"hosts": host, "gather_facts": False, "tasks": [{"name": "Bench", "evenkeel.ops.controls": task}]}
    if host == "localhost":
        here["vars"] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (directory / "play.yml").write_text(yaml.safe_dump([here]))
    stats = directory / "stats.json"
    stats.unlink(missing_ok=True)
    start = time.monotonic()
    done = subprocess.run(
        ["ansible-playbook", "-i", inventory, str(directory / "play.yml")],
        cwd=ROOT,
        env=environment(**counting(stats)),
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.monotonic() - start
    if done.returncode:
        raise SystemExit(f"ERROR: {done.stdout}{done.stderr}")
    return Result.read(json.loads(stats.read_text())), wall


def body_seconds(file: Path, base: str) -> float:
    """Seconds that the module itself takes on this machine when nothing is to be done."""
    from ansible_collections.evenkeel.ops.plugins.module_utils import controls_call
    from ansible_collections.evenkeel.ops.plugins.plugin_utils.catalogue import Wishes, load, select

    chosen = select(load([str(file)]), Wishes(), datetime.date(2026, 1, 1)).public
    start = time.monotonic()
    controls_call.serve({"controls": chosen, "state_dir": f"{base}/state", "scope": "bench"}, check_mode=False)
    return time.monotonic() - start


@dataclass(frozen=True)
class Cost:
    """What the second run of so many controls took."""

    controls: int
    result: Result
    wall: float
    cold_ms: float
    warm_ms: float
    body: float | None

    def table(self) -> str:
        """Two lines of numbers, for people."""
        body = "" if self.body is None else f", of which the module {self.body:.2f} s"
        tasks = sum(self.result.tasks.values())
        return (
            f"{self.controls} controls: {tasks} tasks, {self.result.modules} module executions, "
            f"changed {self.result.changed}\ncatalogue CPU {self.cold_ms:.0f} ms cold, {self.warm_ms:.0f} ms warm; "
            f"controller CPU {self.result.cpu_seconds:.2f} s; second run {self.wall:.2f} s{body}"
        )


def measure(inventory: str = "localhost,", host: str = "localhost", count: int = 200) -> Cost:
    """Run twice, measure the second time."""
    local = host == "localhost"
    with tempfile.TemporaryDirectory(prefix="evenkeel-bench-") as name:
        directory = Path(name)
        base = str(directory / "host") if local else REMOTE_TREE
        file = directory / "bench.yml"
        made = controls(base, count, LOCAL if local else REMOTE)
        file.write_text(yaml.safe_dump(made, sort_keys=False))
        cold, warm = catalogue_cpu(file, directory)
        play(directory, base, inventory, host)
        result, wall = play(directory, base, inventory, host)
        return Cost(len(made), result, wall, cold, warm, body_seconds(file, base) if local else None)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inventory", default="localhost,", help="an inventory (localhost,)")
    parser.add_argument("--host", default="localhost", help="the host to measure on (localhost)")
    parser.add_argument("--count", type=int, default=200, help="number of controls (200)")
    args = parser.parse_args()
    cost = measure(args.inventory, args.host, args.count)
    print(cost.table())
    return 1 if cost.result.changed else 0


if __name__ == "__main__":
    sys.exit(main())
