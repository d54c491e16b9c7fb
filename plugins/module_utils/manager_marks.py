# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By what other managers of configuration are known: their places on a host, and the words they put into files."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass

# Words of a manager stand in the first lines, or beside each line that it wrote.
HEAD_BYTES = 16384


@dataclass(frozen=True)
class Manager:
    """A program that writes configuration."""

    name: str
    # It comes again by itself, and changes back what differs from its own data.
    converges: bool
    places: tuple[str, ...] = ()
    words: str = ""


MANAGERS = (
    Manager(
        "puppet",
        True,
        ("/etc/puppetlabs/puppet/puppet.conf", "/etc/puppet/puppet.conf", "/opt/puppetlabs/bin/puppet"),
        r"managed by puppet|puppet[- ]managed|controlled by puppet|puppet will overwrite",
    ),
    Manager(
        "chef", True, ("/etc/chef/client.rb", "/etc/cinc/client.rb"), r"(generated|managed|maintained) by (chef|cinc)"
    ),
    Manager("salt", True, ("/etc/salt/minion", "/etc/salt/minion.d/*.conf"), r"managed by salt|salt[- ]managed"),
    Manager("cfengine", True, ("/var/cfengine/inputs", "/var/rudder/cfengine-community"), r"managed by cfengine"),
    Manager("rudder", True, ("/opt/rudder/bin/rudder", "/var/rudder"), r"managed by rudder"),
    Manager(
        "foreman",
        True,
        ("/etc/rhsm/facts/katello.facts", "/etc/foreman*/*"),
        r"(managed|deployed) by foreman|kickstart.*foreman",
    ),
    Manager("landscape", True, ("/etc/landscape/client.conf",), r"managed by landscape"),
    Manager("ansible-pull", True, ("/etc/cron.d/ansible-pull*", "/etc/systemd/system/ansible-pull*")),
    Manager("ansible", False, ("/etc/ansible/facts.d/*.fact",), r"ansible[ _]managed|managed by ansible"),
    Manager(
        "cloud-init",
        False,
        ("/etc/cloud/cloud.cfg",),
        r"(created|generated|written) by cloud-init|cloud-init (v\.|managed)",
    ),
    Manager("unattended-upgrades", False, ("/etc/apt/apt.conf.d/50unattended-upgrades",)),
    Manager("etckeeper", False, ("/etc/etckeeper/etckeeper.conf",)),
    Manager("certbot", False, ("/etc/letsencrypt/renewal/*.conf",), r"managed by certbot"),
)
CONVERGING = frozenset(manager.name for manager in MANAGERS if manager.converges)
_WORDS = [(manager.name, re.compile(manager.words, re.IGNORECASE)) for manager in MANAGERS if manager.words]


def writer(content: bytes) -> str:
    """The manager whose words stand in a file's head; empty where there are none."""
    text = content[:HEAD_BYTES].decode("utf-8", "replace")
    comments = "\n".join(line for line in text.splitlines() if re.search(r"[#;/*!-]", line))
    return next((name for name, words in _WORDS if words.search(comments)), "")


def present(root: str = "/") -> list[dict[str, object]]:
    """Each manager with a place on this host, and which place that is."""
    found: list[dict[str, object]] = []
    for manager in MANAGERS:
        places = [path for place in manager.places for path in sorted(glob.glob(os.path.join(root, place.lstrip("/"))))]
        if places:
            where = "/" + os.path.relpath(places[0], root)
            found.append({"name": manager.name, "converges": manager.converges, "path": where})
    return found
