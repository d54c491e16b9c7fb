"""Every alert can fire, stays silent just below its threshold, and has a runbook."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tree
import yaml

sys.path.insert(0, str(tree.ROOT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.plugin_utils import alerts

CASES = tree.ROOT / "tests/alerts"
RUNBOOKS = tree.ROOT / "docs/runbooks"
HEADINGS = ["## What it means", "## First five minutes", "## Mend it", "## So that it stays away"]
EXPECTED = ["web1", "web2"]
FIRING = re.compile(r'ALERTS\{alertname="(\w+)", alertstate="firing"\}')
NAME = re.compile(r"(\w+) (fires|is silent): \S")
# Less patience, and thresholds that are a quarter higher or lower: a silent case that no such change makes fire lies
# far from its threshold, or has nothing to do with the alert.
NEAR = 1.25


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case with its area."""
    for path in sorted(CASES.glob("*.yml")):
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            yield path.stem, case


def subject(case: dict[str, Any]) -> tuple[str, bool]:
    """The alert that a case is about, and whether it has to fire."""
    (asked,) = case["promql_expr_test"]
    found = FIRING.search(asked["expr"])
    return (found[1] if found else ""), bool(asked["exp_samples"])


def promtool() -> str:
    """The program, from PATH or where tools/test_programs.sh puts it."""
    cache = os.environ.get("EVENKEEL_CACHE") or os.environ.get("XDG_CACHE_HOME", f"{Path.home()}/.cache") + "/evenkeel"
    kept = f"{cache}/programs/promtool"
    program = shutil.which("promtool") or (kept if os.access(kept, os.X_OK) else "")
    return program or pytest.skip("promtool is not installed here: the cases of the alerts are not run")


def write_rules(directory: Path, change: Any = lambda rule, thresholds: None) -> None:
    """The rule files of all areas, with the thresholds and rules that `change` makes of them."""
    directory.mkdir(parents=True)
    for name, area in alerts.catalogue().items():
        overrides = {alert.name: override for alert in area.alerts if (override := change(alert, alert.thresholds))}
        groups = alerts.rule_files([name], overrides, (), EXPECTED, "https://example.net")[name]
        (directory / f"{name}.yml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")


def run(directory: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Ask promtool; its failures stand between its other words."""
    return subprocess.run(
        [promtool(), *argv],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_alert_fires_in_one_case_and_is_silent_in_another() -> None:
    """Cases say in their names which alert they are about, and ask for that one."""
    seen: dict[str, set[bool]] = {}
    for area, case in cases():
        name, fires = subject(case)
        said = NAME.match(case["name"])
        assert said, f"{area}: {case['name']!r} is no '<alert> fires: <incident>' or '<alert> is silent: <why>'"
        assert said[1] == name and (said[2] == "fires") == fires, f"{area}: {case['name']!r} asks for {name}, {fires}"
        assert name in {alert.name for alert in alerts.catalogue()[area].alerts}, f"{area}: has no alert {name}"
        seen.setdefault(name, set()).add(fires)
    lacking = {name for name in alerts.alerts_by_name() if seen.get(name) != {True, False}}
    assert not lacking, f"tests/alerts has no firing and silent case for: {', '.join(sorted(lacking))}"


def test_cases_hold(tmp_path: Path) -> None:
    """promtool takes the rules, and every case ends as it says."""
    write_rules(tmp_path / "rules")
    for path in CASES.glob("*.yml"):
        shutil.copy(path, tmp_path)
    areas = sorted(alerts.catalogue())
    checked = run(tmp_path, "check", "rules", *(f"rules/{area}.yml" for area in areas))
    assert checked.returncode == 0, checked.stdout
    tried = run(tmp_path, "test", "rules", *(f"{area}.yml" for area in areas))
    assert tried.returncode == 0, tried.stdout


def test_silent_cases_lie_just_below_the_threshold(tmp_path: Path) -> None:
    """With a little less patience or another threshold, each silent case fires."""
    changes = {
        "patience": lambda alert, thresholds: {"for": "0s"},
        "higher": lambda alert, thresholds: {key: scaled(value, NEAR) for key, value in thresholds.items()},
        "lower": lambda alert, thresholds: {key: scaled(value, 1 / NEAR) for key, value in thresholds.items()},
    }
    silent = [(area, case) for area, case in cases() if not subject(case)[1]]
    files = []
    for mutant, change in changes.items():
        write_rules(tmp_path / mutant, change)
        for number, (area, case) in enumerate(silent):
            test = {"rule_files": [f"{mutant}/{area}.yml"], "evaluation_interval": interval(area), "tests": [case]}
            files.append(f"{mutant}-{number}.yml")
            (tmp_path / files[-1]).write_text(yaml.safe_dump(test), encoding="utf-8")
    said = run(tmp_path, "test", "rules", *files)
    results = re.findall(r"Unit Testing:\s+(\S+)-(\d+)\.yml\n\s+(SUCCESS|FAILED)", said.stdout)
    assert len(results) == len(files), said.stdout
    fired = {int(number) for _mutant, number, result in results if result == "FAILED"}
    far = [case["name"] for number, (_area, case) in enumerate(silent) if number not in fired]
    assert not far, "\n".join(["no small change of the alert makes these cases fire:", *far])


def scaled(value: Any, factor: float) -> Any:
    """A threshold that is a little different; texts that are no durations stay."""
    if isinstance(value, (int, float)):
        return value * factor
    duration = re.fullmatch(r"(\d+)m", value)
    return f"{int(int(duration[1]) * factor)}m" if duration else value


def interval(area: str) -> str:
    """How often the cases of an area are evaluated."""
    return str(yaml.safe_load((CASES / f"{area}.yml").read_text(encoding="utf-8"))["evaluation_interval"])


def test_texts_name_what_the_alert_knows() -> None:
    """A label that an alert does not have would leave a gap in its text; a threshold is used and known."""
    labels: dict[str, set[str]] = {}
    for _area, case in cases():
        name, _fires = subject(case)
        for sample in case["promql_expr_test"][0]["exp_samples"]:
            labels.setdefault(name, set()).update(re.findall(r'(\w+)="', sample["labels"]))
    for name, alert in alerts.alerts_by_name().items():
        texts = f"{alert.summary} {alert.description}"
        unknown = set(re.findall(r"\$labels\.(\w+)", texts)) - labels[name]
        assert not unknown, f"{name}: its texts name the labels {unknown}, which it does not have when it fires"
        named = set(alerts.THRESHOLD.findall(f"{alert.expression} {texts}"))
        assert named == set(alert.thresholds), f"{name}: names {named}, has the thresholds {set(alert.thresholds)}"
        assert alerts.THRESHOLD.findall(alert.expression) or not alert.thresholds, f"{name}: no threshold in expr"
        assert re.fullmatch(r"[A-Z]\w+", name) and alert.severity in {"critical", "warning"}, name
        assert not alert.summary.endswith(".") and alert.description.endswith("."), f"{name}: full stops"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    """A runbook has the same parts everywhere, so that nobody searches at night."""
    known = set(alerts.alerts_by_name())
    written = {path.stem for path in RUNBOOKS.glob("*.md")}
    assert written == known, f"without runbook: {sorted(known - written)}; without alert: {sorted(written - known)}"
    for name in sorted(known):
        text = (RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n"), f"docs/runbooks/{name}.md: its title is not {name}"
        assert re.findall(r"^## .*$", text, re.MULTILINE) == HEADINGS, f"docs/runbooks/{name}.md: headings"


def test_the_guide_and_the_specs_name_every_area() -> None:
    """docs/alerts.md lists each alert with its severity; the role lets one choose each area."""
    guide = tree.text(Path("docs/alerts.md"))
    missing = [
        f"[{alert.name}](runbooks/{alert.name}.md) | {alert.severity} |"
        for alert in alerts.alerts_by_name().values()
        if f"[{alert.name}](runbooks/{alert.name}.md) | {alert.severity} |" not in guide
    ]
    assert not missing, f"docs/alerts.md lacks: {missing}"
    options = tree.load(Path("roles/prometheus/meta/argument_specs.yml"))["argument_specs"]["main"]["options"]
    assert options["prometheus_alerts"]["choices"] == sorted(alerts.catalogue())


def test_names_are_given_once() -> None:
    """An alert is known by its name alone: in overrides, silences and runbooks."""
    names = [alert.name for area in alerts.catalogue().values() for alert in area.alerts]
    assert len(names) == len(set(names)) >= 15
