"""The chapters about what must not be lost: secrets, data, and attention."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.demo.fleet import Fleet, wait_until
from tools.demo.story import Story
from tools.lab.settings import CHECKOUT, cache_dir
from tools.runs import Result, run_playbook
from tools.secret_scan import Canary, ProcessWatch, files, host_places, scan

DELIVERED = "/etc/nginx/conf.d/20-web-token.conf"
GATE, RECEIVER = "http://127.0.0.1:8407/", "http://127.0.0.1:9099/received"
ALERT_SECONDS = 90


# --- secrets ---


@contextmanager
def processes_watched() -> Iterator[ProcessWatch]:
    """Containers share the machine's kernel: whoever samples its processes sees those of all hosts."""
    with ProcessWatch({}) as watch:
        yield watch


def canaries() -> list[Canary]:
    """All secrets that the lab made for itself."""
    places = sorted(path for path in (cache_dir() / "lab-secrets").iterdir() if path.is_file())
    return [Canary(path.name, path.read_text(encoding="utf-8").strip()) for path in places]


def secrets_delivered(story: Story, fleet: Fleet, first: Result, watch: ProcessWatch) -> None:
    """The token opens the door on each web server, and stands nowhere else."""
    token = (cache_dir() / "lab-secrets/web-token").read_text(encoding="ascii").strip()
    without = {name: fleet.fetch(name, GATE)[0] for name in fleet.named("web")}
    presented = {name: fleet.fetch(name, GATE, {"Authorization": f"Bearer {token}"})[0] for name in without}
    story.prove(
        set(without.values()) == {401} and set(presented.values()) == {200},
        f"{', '.join(without)} know a token that only Vault and they have: "
        f"{spoken(without)} without it, {spoken(presented)} with it",
    )
    planted = canaries()
    places = [files("output with -vvv", first.log), files("receipts", CHECKOUT / ".evenkeel/receipts"), *watch.places()]
    places += [place for host in fleet.hosts for place in host_places(host.name, host.address)]
    found = scan(planted, places, [f"{name}:{DELIVERED}" for name in fleet.named("web")] + belongs(fleet))
    astray = [item for item in found if not item.expected]
    size = sum(place.size for place in places) / 1e6
    story.prove(
        not astray and any(item.where.endswith(DELIVERED) for item in found),
        f"{len(planted)} secrets looked for in {size:,.0f} MB of output, receipts, journals, logs and process lists: "
        f"{len(astray)} found astray",
    )
    for item in astray[:5]:
        story.tell(f"{item.canary} ({item.form}) in {item.where}")


def spoken(answers: Mapping[str, int]) -> str:
    """The statuses that occur."""
    return "/".join(sorted({str(status) for status in answers.values()}))


def belongs(fleet: Fleet) -> list[str]:
    """Where the other secrets have to be: with the programs that log in by them, readable by these alone."""
    return [f"{name}:/etc/evenkeel-backup/*" for name in fleet.named("db")]


# --- data ---


def restore_drill(story: Story, fleet: Fleet) -> None:
    """Back up, restore beside the real data, compare, load the dump, measure."""
    host = fleet.named("db")[0]
    fleet.must(host, ["sudo", "systemctl", "start", "evenkeel-backup.service"])
    before = set(evidence(host))
    run_playbook("evenkeel.ops.restore_drill", "demo-drill", tell=lambda line: None)
    new = sorted(set(evidence(host)) - before)
    proof: dict[str, Any] = json.loads(new[-1].read_text(encoding="utf-8")) if new else {"ok": False, "story": ["none"]}
    story.prove(bool(proof["ok"]), f"{host}: {proof['story'][0]}")
    for line in proof["story"][1:]:
        story.tell(line)


def evidence(host: str) -> list[Path]:
    """What drills have left on the controller."""
    return sorted((CHECKOUT / ".evenkeel/drills").glob(f"{host}-*.json"))


# --- attention ---


def alert_travels(story: Story, fleet: Fleet) -> None:
    """Something breaks: somebody is told, and told again when it is over."""
    host, unit = fleet.named("web")[-1], "prometheus-node-exporter.service"
    fleet.must(host, ["sudo", "systemctl", "stop", unit])
    fired = wait_until(ALERT_SECONDS, lambda: told(fleet, host, "firing"))
    fleet.must(host, ["sudo", "systemctl", "start", unit])
    resolved = wait_until(ALERT_SECONDS, lambda: told(fleet, host, "resolved"))
    story.prove(
        fired is not None and resolved is not None,
        f"{unit} of {host} stopped: {after(fired)} somebody is told; started: {after(resolved)} it is over",
    )


def after(seconds: float | None) -> str:
    """How long it took, in words."""
    return "never" if seconds is None else f"after {seconds:.0f} s"


def told(fleet: Fleet, host: str, status: str) -> bool:
    """Has the receiver got such an alert?"""
    monitor = fleet.named("mon")[0]
    received = json.loads(fleet.fetch(monitor, RECEIVER)[1])
    return any(
        item["name"] == "InstanceDown" and item["status"] == status and item["labels"].get("instance") == host
        for item in received
    )
