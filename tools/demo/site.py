"""Chapters about site.yml: the first run, what it serves, who is let in, and the second run."""

from __future__ import annotations

import http.client
import re
import socket
import urllib.request
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tools.demo.fleet import Fleet, get_json, wait_until
from tools.demo.story import Story, minutes
from tools.runs import Result, run_playbook

SITE = "evenkeel.ops.site"
REQUESTS = 200
SCRAPE_SECONDS = 90
# The report of the hardening: `ok: [web1] =>`, and below it "score 39.0 % before, 100.0 % now (...)".
SCORE = re.compile(r"\[([\w-]+)\] => .{0,400}?score ([\d.]+) % before, ([\d.]+) % now", re.DOTALL)
REFUSED = "Permission denied (publickey)"


def tell_plays(story: Story) -> Any:
    """Show only the plays of a run, once each."""
    seen: set[str] = set()

    def tell(line: str) -> None:
        name = line.removeprefix("PLAY [").rsplit("]", 1)[0]
        if line.startswith("PLAY [") and name not in seen:
            seen.add(name)
            story.tell(f"· {name}")

    return tell


def first_run(story: Story) -> Result:
    """One playbook for everything. Its output is kept with -vvv: a later chapter looks for secrets in it."""
    result = run_playbook(SITE, "demo-first-run", options=["-vvv"], tell=tell_plays(story))
    story.tell(f"{result.changed} changes on {len(result.hosts)} hosts over SSH in {minutes(result.seconds)}")
    scores = scores_of(result.output)
    before, after = ([score[which] for score in scores.values()] for which in (0, 1))
    story.prove(
        set(scores) == set(result.hosts) and min(after, default=0) > max(before, default=100),
        f"hardening score of {len(scores)} hosts: {span(before)} before, {span(after)} now",
    )
    return result


def scores_of(output: str) -> dict[str, tuple[float, float]]:
    """Hardening score by host, before and after."""
    return {host: (float(before), float(after)) for host, before, after in SCORE.findall(output)}


def span(values: list[float]) -> str:
    """The lowest and the highest of some percentages."""
    if not values:
        return "none"
    low, high = f"{min(values):.0f}", f"{max(values):.0f}"
    return f"{low} %" if low == high else f"{low} to {high} %"


def answers_requests(story: Story, fleet: Fleet) -> None:
    """Requests through the balancer reach every web server; everything is watched."""
    answers = ask(fleet.url("lb", 80), REQUESTS)
    counts = ", ".join(f"{name} {count}" for name, count in sorted(answers.items()))
    story.prove(sorted(answers) == fleet.named("web"), f"{REQUESTS} requests through the load balancer: {counts}")
    prometheus = fleet.url("mon", 9090)

    def all_up() -> bool:
        found = targets_of(prometheus)
        return len(found) >= len(fleet.hosts) and all(target["health"] == "up" for target in found)

    wait_until(SCRAPE_SECONDS, all_up)
    found = targets_of(prometheus)
    down = [target["scrapeUrl"] for target in found if target["health"] != "up"]
    story.prove(
        len(found) >= len(fleet.hosts) and not down,
        f"Prometheus targets up: {len(found) - len(down)}/{len(found)} {' '.join(down)}".rstrip(),
    )


def ask(url: str, times: int) -> Counter[str]:
    """Send requests through the load balancer; count the answers by the server that gave them."""
    answers: Counter[str] = Counter()
    for _ in range(times):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # our own http:// address
                answers[response.headers.get("X-Served-By", "unknown")] += 1
        except (OSError, http.client.HTTPException) as error:
            answers[f"error: {error}"] += 1
    return answers


def targets_of(prometheus: str) -> list[dict[str, Any]]:
    """What Prometheus scrapes now."""
    try:
        found: list[dict[str, Any]] = get_json(f"{prometheus}/api/v1/targets?state=active")["data"]["activeTargets"]
    except (OSError, http.client.HTTPException):
        return []
    return found


def root_gets_in(fleet: Fleet) -> list[str]:
    """The hosts that let root in with the lab's key."""
    return [host.name for host in fleet.hosts if fleet.run(host.name, ["true"], login="root").returncode == 0]


def logins_refused(story: Story, fleet: Fleet, root_before: list[str]) -> None:
    """The same key, the same accounts, before and after; and what the firewall leaves open."""
    refused = [host.name for host in fleet.hosts if REFUSED in fleet.run(host.name, ["true"], login="root").stderr]
    operator = [host.name for host in fleet.hosts if fleet.run(host.name, ["sudo", "true"]).returncode == 0]
    story.prove(
        len(root_before) == len(refused) == len(operator) == len(fleet.hosts),
        f"root's key opened {len(root_before)} hosts before, {len(fleet.hosts) - len(refused)} now; "
        f"the operator's opens {len(operator)} of {len(fleet.hosts)}",
    )
    exporters = [host.name for host in fleet.hosts if reachable(host.address, 9100)]
    story.prove(not exporters, f"metrics of {len(fleet.hosts)} hosts are open to the monitoring host alone")


def reachable(address: str, port: int) -> bool:
    """Does a connection from this machine come about?"""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def second_run(story: Story, deployed: Mapping[str, Any]) -> None:
    """Nothing is left to do, with the release that was deployed since."""
    result = run_playbook(SITE, "demo-second-run", variables=deployed, tell=lambda line: None)
    story.prove(
        result.changed == 0,
        f"second run: changed={result.changed} on {len(result.hosts)} hosts in {minutes(result.seconds)} "
        f"{' '.join(result.changed_tasks)}".rstrip(),
    )
