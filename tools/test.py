"""`make test`: all parts, each with its log, a table of minutes at the end.

Two parts run at a time: a part waits for hosts more than it computes. What measures time, or looks at all containers of
the machine, runs alone; only what is patient fills the time that its hosts leave idle, and gives way to them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from tools.lab.progress import say
from tools.lab.settings import CHECKOUT
from tools.runs import LOGS, environment, log_path

PYTHON = sys.executable
PATIENCE = 25 * 60
# What gives way to others needs longer.
LONG_PATIENCE = 60 * 60
AUTOGROUP = Path("/proc/self/autogroup")
# Takes the processors only when nobody else wants them. Where the kernel shares by session, a process is idle only
# within its own. A function for the child would be unsafe beside threads.
GIVE_WAY = ("sh", "-c", f'[ ! -e {AUTOGROUP} ] || echo 19 > {AUTOGROUP}; exec chrt --idle 0 "$@"', "sh")
HEARTBEAT = 30
TAIL = 40
LANES = 2
LONG = ("molecule-site", "molecule-hardening", "molecule-vault_agent", "molecule-alertmanager", "molecule-backup")
# Scenarios that put hosts under load or let deadlines run out.
ALONE = ("blue_green", "config_tree", "haproxy", "keepalived", "rolling", "switch")
# Tests that only compute, and long: they fill what scenarios leave idle.
MATRICES = (
    "tests/unit/plugins/module_utils/test_crash_matrix.py",
    "tests/unit/plugins/plugin_utils/windows/test_clock_changes.py",
)
IMPORTER = "tests/package/test_importer.py"
# Scenarios whose check mode is left to `make test-full`.
CHECKED_WHEN_FULL = ("site",)


@dataclass(frozen=True)
class Part:
    """Commands that are one line of the table. `needs` names a part without which this one cannot be tried.

    While a part that is `alone` runs, no other does but one that is `patient`: it only computes, without a deadline,
    and gets the processors when nobody else wants them.
    """

    name: str
    commands: Sequence[Sequence[str]]
    needs: str = ""
    alone: bool = False
    patient: bool = False
    env: dict[str, str] = field(default_factory=dict)
    fresh: Path | None = None


@dataclass(frozen=True)
class Outcome:
    """How a part ended."""

    name: str
    good: bool
    seconds: float
    remark: str = ""


def parts(full: bool) -> list[Part]:
    """Parts in order: what needs no container, scenarios, what is patient, what runs alone."""
    own_modules = {"PYTHONPATH": f"{CHECKOUT / '.venv/collections'}:{CHECKOUT}"}
    found = [
        Part("setup", [["tools/setup.sh"], ["tools/test_programs.sh"]], alone=True),
        Part("unit", [pytest("tests/unit", *(f"--ignore={path}" for path in MATRICES))], env=own_modules),
        Part("engine", [[PYTHON, "-m", "tools.lab", "engine", "start"]]),
        Part("images", [[PYTHON, "-m", "tools.lab", "build"]], needs="engine"),
        Part("package", [pytest("tests/package", f"--ignore={IMPORTER}")], needs="images", env=own_modules),
    ]
    patient = [
        Part("lint", lint_commands(), env={"MYPYPATH": ".venv/collections"}, patient=True),
        Part("sanity", [["tools/sanity.sh"]], patient=True),
        Part("contract", [pytest("tests/contract")], env=own_modules, patient=True),
        Part("matrices", [pytest(*MATRICES)], env=own_modules, patient=True),
        Part("importer", [pytest(IMPORTER)], env=own_modules, patient=True),
    ]
    scenarios = [scenario(path.parent.name, full) for path in sorted((CHECKOUT / "molecule").glob("*/molecule.yml"))]
    # The longest first, so that the lanes end together.
    found += sorted((part for part in scenarios if not part.alone), key=lambda part: part.name not in LONG)
    found += [*patient, *(part for part in scenarios if part.alone)]
    found.append(Part("lab", [pytest("tests/lab")], needs="images", env=own_modules, alone=True))
    if full:
        found.append(Part("full", [pytest("-s", "tests/full")], env=own_modules, alone=True))
        found.append(Part("demo", [[PYTHON, "-m", "tools.demo"]], needs="images", alone=True))
    return found


def pytest(*arguments: str) -> list[str]:
    """A call of pytest."""
    return [PYTHON, "-m", "pytest", *arguments]


def lint_commands() -> list[list[str]]:
    """Every linter, each with its own configuration file."""
    commands = [
        ["yamllint", "--strict", "."],
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "tools"],
        ["mypy", "-p", "ansible_collections.evenkeel.ops.plugins"],
        ["ansible-lint", "-c", ".config/ansible-lint.yml"],
    ]
    if (CHECKOUT / "changelogs/config.yaml").exists():
        commands.append(["antsibull-changelog", "lint"])
    return commands


def scenario(name: str, full: bool = False) -> Part:
    """One Molecule scenario, with a state directory of its own."""
    state = CHECKOUT / "build/molecule" / name
    env = {
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(state),
        "MOLECULE_COMMAND_BORDERS": "false",
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    commands = [["molecule", "test", "-s", name]]
    if full and name in CHECKED_WHEN_FULL:
        commands.append(["molecule", "check", "-s", name])
    return Part(f"molecule-{name}", commands, needs="images", alone=name in ALONE, env=env, fresh=state)


def choose(wanted: str, every: list[Part]) -> list[Part]:
    """The parts asked for, with what they need."""
    if not wanted:
        return every
    by_name = {part.name: part for part in every}
    names: list[str] = []
    for name in wanted.split(","):
        if name not in by_name:
            raise SystemExit(f"PART={name} is not a part; parts are: {', '.join(by_name)}.")
        chain = [name]
        while needed := by_name[chain[0]].needs:
            chain.insert(0, needed)
        names += [item for item in chain if item not in names]
    return [by_name[name] for name in names]


def run_part(part: Part) -> Outcome:
    """Run all commands of a part, also after one failed, so that one run shows all there is to mend."""
    log = log_path(part.name)
    if part.fresh:
        shutil.rmtree(part.fresh, ignore_errors=True)
    say(f"{part.name} ...")
    start = time.monotonic()
    failed = []
    with log.open("w+", encoding="utf-8", errors="replace") as stream:
        for command in part.commands:
            begin = stream.seek(0, os.SEEK_END)
            stream.write(f"$ {' '.join(command)}\n")
            stream.flush()
            trouble = RUNNING.run(part, command, stream.fileno(), start)
            if trouble:
                failed.append(f"{' '.join(command[:4])}: {trouble}".replace(PYTHON, "python"))
                stream.seek(begin)
                print("\n".join(stream.read().splitlines()[-TAIL:]))
    seconds = time.monotonic() - start
    say(f"{part.name} {'FAILED: ' + '; '.join(failed) if failed else 'passed'} ({seconds:.1f} s, {log})")
    return Outcome(part.name, not failed, seconds, "; ".join(failed))


class Running:
    """The commands at work, each in a process group of its own."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, part: Part, command: Sequence[str], output: int, start: float) -> str:
        """Run one command; returns what went wrong, or nothing."""
        with self._lock:
            if self._stopped:
                return "not run: the run was stopped"
            process = subprocess.Popen(
                [*GIVE_WAY, *command] if part.patient else list(command),
                cwd=CHECKOUT,
                env=environment(**part.env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self._processes.add(process)
        try:
            return self._await(part, command, process, start)
        finally:
            self._end(process)
            with self._lock:
                self._processes.discard(process)

    def stop(self) -> None:
        """End what runs, and let nothing new begin."""
        with self._lock:
            self._stopped = True
            running = list(self._processes)
        for process in running:
            self._end(process)

    def _await(self, part: Part, command: Sequence[str], process: subprocess.Popen[bytes], start: float) -> str:
        patience = LONG_PATIENCE if part.patient else PATIENCE
        while time.monotonic() - start < patience:
            try:
                status = process.wait(timeout=HEARTBEAT)
                return f"exit status {status}" if status else ""
            except subprocess.TimeoutExpired:
                say(f"  {part.name}: {time.monotonic() - start:.0f} s, {command[0]} is at work")
        return f"stopped after {patience // 60} minutes"

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


RUNNING = Running()


def run_all(chosen: list[Part]) -> list[Outcome]:
    """Run the parts; a part is left out, as failed, only when what it needs failed."""
    waiting = list(chosen)
    outcomes: dict[str, Outcome] = {}
    at_work: dict[Future[Outcome], Part] = {}
    with ThreadPoolExecutor(LANES) as pool:
        try:
            while waiting or at_work:
                while part := next_part(waiting, list(at_work.values())):
                    waiting.remove(part)
                    at_work[pool.submit(run_unless_broken, part, outcomes)] = part
                for done in wait(at_work, return_when=FIRST_COMPLETED).done:
                    outcomes[at_work.pop(done).name] = done.result()
        finally:
            if at_work:
                RUNNING.stop()
    return [outcomes[part.name] for part in chosen]


def next_part(waiting: list[Part], at_work: list[Part]) -> Part | None:
    """The first part that may begin now: none overtakes what it needs, and only a patient one what runs alone."""
    if len(at_work) >= LANES:
        return None
    unfinished = {part.name for part in [*at_work, *waiting]}
    others = [part for part in at_work if not part.patient]
    # One lane stays for what is not patient, while there is such a part.
    full = len(others) < len(at_work) and not all(part.patient for part in waiting)
    for part in waiting:
        if part.patient and full:
            continue
        if part.alone:
            return None if others else part
        if any(other.alone for other in others) and not part.patient:
            return None
        if part.needs not in unfinished:
            return part
    return None


def run_unless_broken(part: Part, outcomes: dict[str, Outcome]) -> Outcome:
    """Run a part if what it needs is good."""
    if part.needs in outcomes and not outcomes[part.needs].good:
        say(f"{part.name} not run: it needs {part.needs}")
        return Outcome(part.name, False, 0.0, f"not run: it needs {part.needs}")
    return run_part(part)


def table(outcomes: list[Outcome], setup_seconds: float, took: float) -> str:
    """Minutes by part, and the count of parts as the last line."""
    rows = ["", f"{'part':<24} {'minutes':>7}  result"]
    for outcome in outcomes:
        seconds = outcome.seconds + (setup_seconds if outcome.name == "setup" else 0)
        rows.append(
            f"{outcome.name:<24} {seconds / 60:>7.1f}  {'passed' if outcome.good else 'FAILED ' + outcome.remark}"
        )
    rows.append(f"{'in all':<24} {(took + setup_seconds) / 60:>7.1f}  by the clock, {LANES} parts at a time")
    bad = sum(not outcome.good for outcome in outcomes)
    return "\n".join([*rows, "", f"{len(outcomes) - bad} passed, {bad} failed"])


def first_setup_seconds() -> float:
    """Seconds that `make` spent on setup before this program could start."""
    path = LOGS / "setup.seconds"
    return float(path.read_text(encoding="ascii")) if path.exists() else 0.0


def main() -> int:
    """Run the parts; status 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", default="", help="only these parts, separated by commas")
    parser.add_argument("--full", action="store_true", help="with the parts that take long")
    options = parser.parse_args()
    chosen = choose(options.part, parts(options.full))
    if options.full:
        # molecule/switch: every lock-out five times
        os.environ.setdefault("EVENKEEL_SWITCH_REPEATS", "5")
        # sanity: every Python of targets and controllers
        os.environ.setdefault("EVENKEEL_SANITY_PYTHONS", "3.9 3.10 3.11 3.12 3.13 3.14")
        # molecule/site: every area of the hardening
        os.environ.setdefault("EVENKEEL_WHOLE_SITE", "1")
        # all scenarios: every wrong input, not a sample
        os.environ.setdefault("EVENKEEL_WRONG_INPUTS", "all")
        # molecule/rolling: twenty reloads of each load balancer
        os.environ.setdefault("EVENKEEL_BALANCER_RELOADS", "20")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    LOGS.mkdir(parents=True, exist_ok=True)
    setup_seconds = first_setup_seconds()
    with (CHECKOUT / "build/test.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("ERROR: another `make test` runs in this checkout; wait for it or stop it.") from None
        start = time.monotonic()
        outcomes = run_all(chosen)
    print(table(outcomes, setup_seconds, time.monotonic() - start))
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
