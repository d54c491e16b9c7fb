"""`make demo`: a fleet comes up, is configured over SSH, answers through its load balancer and is watched."""

from __future__ import annotations

import http.client
import json
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from docker.errors import DockerException

from tools.lab import engine, image
from tools.lab.containers import Lab
from tools.lab.inventory import Host, read_hosts
from tools.lab.machine import only_one
from tools.lab.progress import say
from tools.lab.settings import LabError
from tools.runs import LAB, LOGS, Result, RunFailedError, Stopwatch, run_playbook

SITE = "evenkeel.ops.site"
REQUESTS = 200
SCRAPE_SECONDS = 90


def main() -> int:
    """Run the demo; its exit status is its verdict."""
    try:
        return demo()
    except (LabError, RunFailedError) as error:
        print(f"\nERROR: {error}", file=sys.stderr)
    except DockerException as error:
        print(f"\nERROR: the container engine refused: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` goes on from here, `make lab-down` removes the lab.", file=sys.stderr)
        return 130
    return 1


def demo() -> int:
    """All parts, then the verdict."""
    watch = Stopwatch()
    with only_one("engine"):
        engine.start()
    client = engine.connect()
    watch.lap("container engine")
    hosts = read_hosts([LAB])
    image.build(client, sorted({host.distribution for host in hosts}))
    watch.lap("images")
    with only_one("lab"):
        Lab(client).up(hosts)
    watch.lap("lab up")
    first = run_playbook(SITE, "demo-first-run")
    watch.lap("first run of site.yml")
    web, prometheus = url_of(hosts, "lb"), url_of(hosts, "mon")
    answers = ask(web, REQUESTS)
    watch.lap(f"{REQUESTS} requests")
    targets = wait_for_targets(prometheus, len(hosts))
    watch.lap("first scrape of all targets")
    second = run_playbook(SITE, "demo-second-run")
    watch.lap("second run of site.yml")
    return verdict(hosts, answers, targets, (first, second), watch)


def url_of(hosts: list[Host], prefix: str) -> str:
    """Where the first published port of a host is found on this machine."""
    for host in hosts:
        if host.name.startswith(prefix) and host.publish:
            return f"http://{host.publish[0].address}:{host.publish[0].port}"
    raise LabError(f"No host of {LAB} named {prefix}* publishes a port: see lab_publish in its hosts.yml.")


def ask(url: str, times: int) -> Counter[str]:
    """Send requests through the load balancer; count the answers by the server that gave them."""
    say(f"Sending {times} requests to {url}")
    answers: Counter[str] = Counter()
    for _ in range(times):
        try:
            with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # our own http:// address
                answers[response.headers.get("X-Served-By", "unknown")] += 1
        except (OSError, http.client.HTTPException) as error:
            answers[f"error: {error}"] += 1
    return answers


def wait_for_targets(url: str, at_least: int) -> list[dict[str, Any]]:
    """Targets of Prometheus, once all are up or the time is over."""
    say(f"Waiting until Prometheus at {url} has seen all of its targets")
    deadline = time.monotonic() + SCRAPE_SECONDS
    targets: list[dict[str, Any]] = []
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/api/v1/targets?state=active", timeout=5) as response:  # noqa: S310  # our own http:// address
                targets = json.load(response)["data"]["activeTargets"]
        except (OSError, http.client.HTTPException):
            targets = []
        if len(targets) >= at_least and all(target["health"] == "up" for target in targets):
            break
        time.sleep(1)
    return targets


def checks(
    hosts: list[Host], answers: Counter[str], targets: list[dict[str, Any]], second: Result
) -> list[tuple[bool, str]]:
    """What the demo promises, and whether it was kept."""
    servers = sorted(host.name for host in hosts if host.name.startswith("web"))
    counts = ", ".join(f"{name} {count}" for name, count in sorted(answers.items()))
    up = sum(target["health"] == "up" for target in targets)
    down = "".join(f"; down: {target['scrapeUrl']}" for target in targets if target["health"] != "up")
    return [
        (sorted(answers) == servers, f"{sum(answers.values())} requests through the load balancer: {counts}"),
        (len(targets) >= len(hosts) and up == len(targets), f"Prometheus targets up: {up}/{len(targets)}{down}"),
        (second.changed == 0, f"second run changed={second.changed} {' '.join(second.changed_tasks)}".rstrip()),
    ]


def verdict(
    hosts: list[Host],
    answers: Counter[str],
    targets: list[dict[str, Any]],
    runs: tuple[Result, Result],
    watch: Stopwatch,
) -> int:
    """Print the table of times, what was proven, and what to try next."""
    results = checks(hosts, answers, targets, runs[1])
    print("\nTime of each part")
    for name, seconds in watch.parts:
        print(f"  {seconds:7.1f} s  {name}")
    print(f"  {sum(seconds for _, seconds in watch.parts):7.1f} s  in all\n\nVerdict")
    print(
        f"  ..  first run: {runs[0].changed} changes on {len(runs[0].hosts)} hosts over SSH in {runs[0].seconds:.0f} s"
    )
    for good, text in results:
        print(f"  {'ok' if good else 'NO'}  {text}")
    good = all(good for good, _ in results)
    if good:
        print(f"\nThe fleet is up and on an even keel. Look around:\n{hints(hosts)}")
    else:
        print(f"\nThe fleet did not keep its promises. Logs: {LOGS}", file=sys.stderr)
    return 0 if good else 1


def hints(hosts: list[Host]) -> str:
    """What to try next."""
    return "\n".join(
        [
            f"  {url_of(hosts, 'lb'):<34}  the site: reload and watch the server change",
            f"  {url_of(hosts, 'mon') + '/targets':<34}  Prometheus and its targets",
            "  . tools/env.sh && ansible all -m ping          talk to the hosts",
            "  ansible-playbook evenkeel.ops.site --check     nothing left to do, and it says so",
            "  ansible-playbook evenkeel.ops.undo             what was done; -e evenkeel_run=last puts it back",
            "  docker stop evenkeel-web1                      the site stays up; `make demo` brings web1 back",
            "  make lab-down                                  remove all of it",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
