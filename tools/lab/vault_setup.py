"""Brings a lab's Vault server to a plan (a JSON file): unsealed, mounts, policies, AppRoles, secrets.

Unseal key and root token are kept beside the authority, in the lab's cache, and nowhere else. Prints {"changed": bool}.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tools.lab.certificates import write
from tools.lab.settings import CHECKOUT, LabError

sys.path.insert(0, str(CHECKOUT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError  # noqa: E402 - path above

# A busy machine takes its time over the keys of a new server, and a client that gives up leaves it half-made.
PATIENCE = 90.0


class Setup:
    """One server, one plan."""

    def __init__(self, address: str, place: Path) -> None:
        self.place = place
        self.vault = Vault(address, (place / "ca.pem").read_text(encoding="ascii"), timeout=PATIENCE)
        self.changed = False

    def open(self) -> None:
        """Initialise a new server, unseal a restarted one, and speak as root from here on."""
        keys = self.place / "init.json"
        if not self.vault.ask("GET", "sys/init")["initialized"]:
            keys.unlink(missing_ok=True)  # of a server that is gone
            made = self.vault.ask("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
            write(keys, json.dumps({"unseal": made["keys_base64"][0], "root": made["root_token"]}).encode(), 0o600)
            self.changed = True
        if not keys.exists():
            raise LabError(f"The server is initialised, but {keys} is not there: remove its host and make it again.")
        kept = json.loads(keys.read_text(encoding="ascii"))
        if self.vault.ask("GET", "sys/seal-status")["sealed"]:
            self.vault.ask("PUT", "sys/unseal", {"key": kept["unseal"]})
            self.changed = True
        self.vault.token = kept["root"]
        self._wait_until_it_leads()

    def _wait_until_it_leads(self) -> None:
        """A server that was just unsealed elects itself first; until then it answers, but takes nothing."""
        for _attempt in range(120):
            try:
                self.vault.ask("GET", "sys/health")
            except VaultError as error:
                if error.status not in (429, 500, 503):
                    raise
                time.sleep(0.5)
            else:
                return
        raise LabError(f"{self.vault.address} is unsealed, but does not lead within a minute.")

    def bring_about(self, plan: dict[str, Any]) -> None:
        """Everything that the plan names; what it does not name stays."""
        self.mount("sys/mounts", plan["kv"] + "/", {"type": "kv", "options": {"version": "2"}})
        self.mount("sys/auth", "approle/", {"type": "approle"})
        for name, text in plan["policies"].items():
            self.put(f"sys/policies/acl/{name}", {"policy": text})
        for name, settings in plan["approles"].items():
            self.put(f"auth/approle/role/{name}", settings)
        for name, data in plan["secrets"].items():
            self.secret(f"{plan['kv']}/data/{name}", data)
        self.operator(plan["operator_policies"])

    def mount(self, where: str, path: str, settings: dict[str, Any]) -> None:
        """Enable an engine where it is not."""
        if path not in self.vault.ask("GET", where)["data"]:
            self.vault.ask("POST", f"{where}/{path.rstrip('/')}", settings)
            self.changed = True

    def read(self, path: str) -> dict[str, Any]:
        """What stands there; empty where nothing does."""
        try:
            found: dict[str, Any] = self.vault.ask("GET", path)["data"]
        except VaultError as error:
            if error.status != 404:
                raise
            return {}
        return found

    def put(self, path: str, wanted: dict[str, Any]) -> None:
        """Write settings that are not there yet; Vault adds others of its own."""
        found = self.read(path)
        if any(found.get(key) != value for key, value in wanted.items()):
            self.vault.ask("POST", path, wanted)
            self.changed = True

    def secret(self, path: str, wanted: dict[str, Any]) -> None:
        """Write a secret where it is not there yet; a rotated one stays."""
        if not self.read(path):
            self.vault.ask("POST", path, {"data": wanted})
            self.changed = True

    def operator(self, policies: list[str]) -> None:
        """The token with which Ansible asks for wrapped secret-ids; it can do nothing else."""
        kept = self.place / "operator-token"
        if kept.exists():
            try:
                Vault(
                    self.vault.address, (self.place / "ca.pem").read_text(encoding="ascii"), kept.read_text().strip()
                ).ask("GET", "auth/token/lookup-self")
            except VaultError as error:
                if error.status != 403:
                    raise
            else:
                return
        made = self.vault.ask("POST", "auth/token/create-orphan", {"policies": policies, "period": "24h"})
        write(kept, made["auth"]["client_token"].encode(), 0o600)
        self.changed = True


def main() -> int:
    """Run; a trouble is one sentence on stderr and status 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("directory", type=Path, help="where authority, keys and tokens are kept")
    parser.add_argument("plan", type=Path)
    options = parser.parse_args()
    setup = Setup(options.address, options.directory)
    try:
        setup.open()
        setup.bring_about(json.loads(options.plan.read_text(encoding="utf-8")))
    except (LabError, VaultError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"changed": setup.changed}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
