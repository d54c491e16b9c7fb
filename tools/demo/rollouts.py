"""The chapters in which servers are taken out of service one by one, while people go on asking for the site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

from tools.demo.fleet import Fleet
from tools.demo.site import ask
from tools.demo.story import Story, minutes
from tools.lab.settings import CHECKOUT
from tools.load import Clients, Load
from tools.runs import Result, run_playbook

RELEASE = {"site_release": "2"}
LEFT = re.compile(r"Leaving (\S+) as it is: (.*?)\"?$", re.MULTILINE)
CLIENTS = 4


@contextmanager
def asked_all_along(story: Story, fleet: Fleet, event: str) -> Iterator[None]:
    """New and kept connections ask through both balancers while it happens; none may fail."""
    load = Load(fleet.host("mon1").address)
    urls = tuple(f"http://{fleet.host(name).address}/" for name in fleet.named("lb"))
    kinds = (Clients("new", urls, CLIENTS), Clients("keep-alive", urls, CLIENTS, keep_alive=True))
    load.start(kinds)
    load.mark(event)
    try:
        yield
        load.mark("afterwards")
    finally:
        report = load.stop()
    tell_load(story, report, event)


def tell_load(story: Story, report: Mapping[str, Any], event: str) -> None:
    """How many requests there were, in flight during the event, and failed."""
    during = next(each for each in report["events"] if each["name"] == event)
    story.prove(
        report["total_failed"] == 0 and during["in_flight"] > 0,
        f"{during['in_flight']:,} requests in flight during {minutes(during['seconds'])} of {event}, "
        f"{report['total_failed']} of {report['total']:,} failed",
    )
    for error in report["errors"]:
        story.tell(error)


def deploy(story: Story, fleet: Fleet) -> None:
    """A new release on every web server, drained first, one host before the others."""
    given = {"deploy_hosts": "web_servers", "deploy_tasks": str(CHECKOUT / "tools/demo/release.yml"), **RELEASE}
    with asked_all_along(story, fleet, "the deployment"):
        run_playbook("evenkeel.ops.deploy_rolling", "demo-deploy", variables=given, tell=tell_hosts(story))
    served = ask(fleet.url("lb", 80), len(fleet.named("web")) * 4)
    told = {fleet.fetch(name, "http://127.0.0.1/")[1].rpartition(" ")[2] for name in fleet.named("web")}
    story.prove(
        sorted(served) == fleet.named("web") and told == {RELEASE["site_release"]},
        f"release {', '.join(sorted(told))} is served by {', '.join(sorted(served))}",
    )


def patch_outside(story: Story, fleet: Fleet) -> None:
    """Outside of its window nothing is touched, and the run says when it opens."""
    before = {name: pending(fleet, name) for name in fleet.named("web")}
    result = patch("demo-patch-closed", window_in(hours=6))
    reasons = LEFT.findall(result.output)
    after = {name: pending(fleet, name) for name in fleet.named("web")}
    story.prove(
        result.changed == 0 and before == after and len(reasons) == len(before),
        f"outside of the window: changed={result.changed}, {reasons[0][1] if reasons else 'and no reason given'}",
    )


def patch_inside(story: Story, fleet: Fleet) -> None:
    """Inside of it, wave by wave, under load."""
    before = {name: pending(fleet, name) for name in fleet.named("web")}
    with asked_all_along(story, fleet, "the patch wave"):
        patch("demo-patch-open", window_in(hours=-1), tell_hosts(story))
    after = {name: pending(fleet, name) for name in before}
    story.prove(
        min(before.values()) > 0 and not any(after.values()),
        "pending updates: " + ", ".join(f"{name} {before[name]} → {after[name]}" for name in sorted(before)),
    )


def patch(log: str, window: dict[str, str], tell: Callable[[str], None] = lambda line: None) -> Result:
    """The patch playbook on the web servers, with this window in place of the inventory's."""
    variables = {"evenkeel_hosts": "web_servers", "patching_windows": [window], "patching_freezes": []}
    return run_playbook("evenkeel.ops.patch", log, variables=variables, tell=tell)


def window_in(hours: int) -> dict[str, str]:
    """A window that opens so many hours from now and lasts two."""
    opens = datetime.now(timezone.utc) + timedelta(hours=hours)
    return {"name": "demo", "when": f"daily {opens:%H:%M}", "timezone": "UTC", "duration": "2h"}


def pending(fleet: Fleet, name: str) -> int:
    """Updates that the host's package manager would install."""
    lines = fleet.must(name, ["apt-get", "-qq", "--simulate", "dist-upgrade"]).splitlines()
    return sum(line.startswith("Inst ") for line in lines)


STEPS = {"Let no new request in": "drained", "Put the host back, and wait until it is up": "serves again"}


def tell_hosts(story: Story) -> Callable[[str], None]:
    """Say once when a host is drained and when it serves again, as the tasks of the role rotation name it."""
    step, told = "", set[tuple[str, str]]()

    def tell(line: str) -> None:
        nonlocal step
        if line.startswith("TASK ["):
            task = line.removeprefix("TASK [").rpartition("]")[0].rpartition(" : ")[2]
            step = next((words for begin, words in STEPS.items() if task.startswith(begin)), "")
        elif step and line.startswith(("changed: [", "ok: [")):
            host = line.partition("[")[2].partition("]")[0].partition(" ")[0]
            if (host, step) not in told:
                story.tell(f"{host} {step}")
            told.add((host, step))

    return tell
