"""What a large balancer costs: 2,000 servers in 200 backends, rendered, validated and swapped in one run.

The servers are addresses of the balancer's own loopback network, where nobody answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from tools.lab.containers import Lab
from tools.lab.inventory import Host
from tools.lab.settings import CHECKOUT, network_prefix
from tools.runs import Result, run_playbook

BACKENDS = 200
SERVERS = 10
HOST = Host("bench-balancer", f"{network_prefix()}.100", "debian13")
PLACE = CHECKOUT / "build/bench"
PLAYBOOK = CHECKOUT / "tools/bench_balance.yml"


@dataclass(frozen=True)
class BalancerCost:
    """The run that swaps the whole configuration, and the one that finds nothing to do."""

    swap: Result
    second_run: Result


def measure() -> BalancerCost:
    """Install HAProxy with one backend, then put all of them in force, then run once more."""
    with _balancer():
        _run("bench-balancer-first", pools(1))
        everything = pools(BACKENDS)
        return BalancerCost(_run("bench-balancer-swap", everything), _run("bench-balancer-second-run", everything))


def pools(count: int) -> list[dict[str, Any]]:
    """So many backends."""
    return [
        {
            "name": f"pool-{pool:03}",
            "check_interval": "30s",
            "servers": [
                {"name": f"server-{number}", "address": f"127.1.{pool}.{number + 1}", "port": 8080}
                for number in range(SERVERS)
            ],
        }
        for pool in range(count)
    ]


@contextmanager
def _balancer() -> Iterator[None]:
    lab = Lab(docker.from_env())
    try:
        lab.up([HOST], fresh=True)
        yield
    finally:
        lab.down([HOST])


def _run(name: str, backends: Sequence[dict[str, Any]]) -> Result:
    return run_playbook(str(PLAYBOOK), name, options=[f"--inventory={_inventory(backends)}"])


def _inventory(backends: Sequence[dict[str, Any]]) -> Path:
    """The balancer as Ansible sees it; JSON is YAML."""
    variables = {
        "ansible_host": HOST.address,
        "haproxy_frontends": [{"name": "http", "bind": [{"port": 80}], "default_backend": backends[0]["name"]}],
        "haproxy_backends": backends,
    }
    path = PLACE / "balancer.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"balancers": {"hosts": {HOST.name: variables}}}, indent=2), encoding="utf-8")
    return path
