"""`make demo`: its exit status is its verdict."""

from __future__ import annotations

import sys

from docker.errors import DockerException

from tools.demo import fleet, keeping, rollouts, site, undo
from tools.demo.fleet import Fleet
from tools.demo.story import Story
from tools.lab.settings import LabError
from tools.runs import LOGS, RunFailedError
from tools.surroundings import start_services


def main() -> int:
    """Run the demo."""
    try:
        return demo(Story())
    except (LabError, RunFailedError) as error:
        print(f"\nERROR: {error}", file=sys.stderr)
    except DockerException as error:
        print(f"\nERROR: the container engine refused: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nInterrupted. `make demo` starts over, `make lab-down` removes the lab.", file=sys.stderr)
        return 130
    return 1


def demo(story: Story) -> int:
    """All chapters, then the verdict."""
    with story.chapter("Nine bare servers"):
        servers = fleet.bring_up(story)
        root_before = site.root_gets_in(servers)
    with story.chapter("What they live with"):
        start_services(story.tell)
        undo.note_before(servers)
    with story.chapter("One playbook for all of it"), keeping.processes_watched() as watch:
        first = site.first_run(story)
    with story.chapter("The site answers and is watched"):
        site.answers_requests(story, servers)
    with story.chapter("Who is let in"):
        site.logins_refused(story, servers, root_before)
    with story.chapter("Secrets are where they belong"):
        keeping.secrets_delivered(story, servers, first, watch)
    with story.chapter("A new release, while people use the old one"):
        rollouts.deploy(story, servers)
    with story.chapter("Patches, inside their window"):
        rollouts.patch_outside(story, servers)
        rollouts.patch_inside(story, servers)
    with story.chapter("The backup comes back"):
        keeping.restore_drill(story, servers)
    with story.chapter("Something breaks"):
        keeping.alert_travels(story, servers)
    with story.chapter("Nothing is left to do"):
        site.second_run(story, rollouts.RELEASE)
    with story.chapter("The way back"):
        undo.undo_run(story, servers, first)
    return verdict(story, servers)


def verdict(story: Story, servers: Fleet) -> int:
    """Times, what was proven, and what to try next."""
    print(f"\n{story.summary()}")
    if not story.good:
        print(f"\nThe fleet did not keep its promises. Logs: {LOGS}", file=sys.stderr)
        return 1
    print(f"\nThe fleet is up and on an even keel.\n{hints(servers)}")
    return 0


def hints(servers: Fleet) -> str:
    """Where to look, and three commands to try next."""
    pages = (
        (servers.url("lb", 80), "the site: reload and watch the server change"),
        (f"{servers.url('mon', 9090)}/alerts", "Prometheus: its targets and alerts"),
        (f"{servers.url('mon', 9093)}/", "Alertmanager"),
    )
    commands = (
        ("ansible-playbook evenkeel.ops.site --check", "nothing left to do, but on the host that was put back"),
        ("ansible-playbook evenkeel.ops.undo", "what was done; -e evenkeel_run=last puts it back"),
        ("make lab-down", "remove all of it"),
    )
    shown = [f"  {url:<46}  {text}" for url, text in pages]
    return "\n".join([*shown, "  . tools/env.sh", *(f"  {command:<46}  {text}" for command, text in commands)])


if __name__ == "__main__":
    sys.exit(main())
