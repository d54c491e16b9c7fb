"""What a fleet lives with and the collection does not bring: a Vault server, a database, somebody's pager."""

from __future__ import annotations

from collections.abc import Callable

from tools.lab import vault
from tools.lab.settings import CHECKOUT
from tools.runs import run_playbook

SERVICES = ("vault_server", "postgresql", "webhook_receiver")


def start_services(tell: Callable[[str], None]) -> None:
    """Put them on the lab's hosts; builds the Vault program where it is not there yet."""
    vault.wait_for_binary()
    for name in SERVICES:
        play = CHECKOUT / f"tools/lab/services/{name}.yml"
        result = run_playbook(str(play), f"service-{name}", tell=lambda line: None)
        tell(f"{name.replace('_', ' ')}: {', '.join(result.hosts)}, {result.changed} changes")
