"""Command line of the lab: python -m tools.lab build|up|down|status|engine|vault."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docker.errors import DockerException

from tools.lab import engine, image, vault
from tools.lab.containers import Lab
from tools.lab.inventory import Host, read_hosts
from tools.lab.machine import only_one
from tools.lab.progress import say
from tools.lab.settings import CHECKOUT, SUITES, LabError, forced_base


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build the images that are missing")
    for name, text in (("up", "bring hosts up"), ("down", "remove hosts"), ("status", "show hosts")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--inventory", action="append", type=Path, help="inventory (down without it: everything)")
        command.add_argument("--limit", type=lambda text: text.split(","), help="only these hosts, separated by commas")
        if name == "up":
            command.add_argument("--fresh", action="store_true", help="replace containers that are there")
    commands.add_parser("engine", help="start or stop the container engine").add_argument(
        "action", choices=["start", "stop"]
    )
    vault.add_arguments(commands.add_parser("vault", help="find, fetch or build the Vault program; print its path"))
    return parser.parse_args(arguments)


def chosen_hosts(options: argparse.Namespace) -> list[Host]:
    """Hosts of the inventories, limited to the wanted ones."""
    hosts = read_hosts(options.inventory or [CHECKOUT / "inventories/lab"])
    if options.limit:
        unknown = set(options.limit) - {host.name for host in hosts}
        if unknown:
            known = ", ".join(host.name for host in hosts)
            raise LabError(f"--limit names {', '.join(sorted(unknown))}; hosts of the lab are: {known}.")
        hosts = [host for host in hosts if host.name in options.limit]
    if not hosts:
        raise LabError("No host of the inventory has lab_distribution: there is nothing to bring up.")
    return hosts


def run(options: argparse.Namespace) -> int:
    """Do what the command line says."""
    if options.command == "engine":
        with only_one("engine"):
            engine.start() if options.action == "start" else engine.stop()
        return 0
    if options.command == "vault":
        return vault.run(options)
    everything = options.command == "down" and not options.inventory and not options.limit
    if everything and not engine.answers():
        say("No container engine answers: there is no lab to remove")
        return 0
    client = engine.connect()
    if options.command == "build":
        image.build(client, [base] if (base := forced_base()) else SUITES)
        return 0
    hosts = None if everything else chosen_hosts(options)
    if options.command == "status":
        return 0 if Lab(client).status(hosts or []) else 1
    with only_one("lab"):
        Lab(client).up(hosts or [], fresh=options.fresh) if options.command == "up" else Lab(client).down(hosts)
    return 0


def main() -> int:
    """Run; a trouble is one sentence on stderr and status 1."""
    try:
        return run(parse(sys.argv[1:]))
    except LabError as error:
        print(f"ERROR: {error}", file=sys.stderr)
    except DockerException as error:
        print(f"ERROR: the container engine refused: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
