"""Names and places of the lab."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LABEL = "evenkeel.lab"
LABEL_IMAGE = "evenkeel.lab.image"
LABEL_DIGEST = "evenkeel.lab.digest"
NETWORK = "evenkeel-lab"
BRIDGE = "evenkeel0"
IMAGE = "evenkeel/lab"
BASE_IMAGE = "evenkeel/base"
LOGIN = "operator"
# What a lab host can be made of -> the public image.
BASES = {
    "debian12": "debian:12",
    "debian13": "debian:13",
    "ubuntu2404": "ubuntu:24.04",
    "rocky9": "rockylinux:9",
}
# Those that can also be made from a mirror, without a registry -> suite of the Debian archive.
SUITES = {"debian12": "bookworm", "debian13": "trixie"}


class LabError(Exception):
    """One sentence for the person at the keyboard: what is wrong and what to do."""


def cache_dir() -> Path:
    """Where the lab keeps its key, known hosts, locks and the engine's log. Same rule as inventories/lab/group_vars."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(os.environ.get("EVENKEEL_CACHE") or f"{base}/evenkeel")
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def forced_base() -> str:
    """The one base of all hosts, in place of their own lab_distribution; empty when each has its own."""
    base = os.environ.get("EVENKEEL_LAB_BASE", "")
    if base and base not in BASES:
        raise LabError(f"EVENKEEL_LAB_BASE is {base!r}; allowed: {', '.join(BASES)}, or nothing.")
    return base


def network_prefix() -> str:
    """First three octets of the lab's /24 network. Same rule as inventories/lab/group_vars."""
    prefix = os.environ.get("EVENKEEL_LAB_NETWORK") or "172.30.89"
    try:
        ipaddress.IPv4Network(f"{prefix}.0/24")
    except ValueError:
        raise LabError(
            f"EVENKEEL_LAB_NETWORK is {prefix!r}; allowed: three octets of a free /24, for example 10.87.9."
        ) from None
    return prefix
