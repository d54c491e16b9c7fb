# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller asks of a Vault server, with the operator's token where one is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.evenkeel.ops.plugins.module_utils.vault_http import Vault, VaultError, address_problem

HOME_FILE = "~/.vault-token"
USED = (
    "The wrapping token was used already, or has expired, before the host had it. Where nobody of you did that, "
    "somebody read it: destroy the role's secret-ids, and look into Vault's audit log."
)


def read_ca(path: str) -> str:
    """The contents of a CA file on the controller."""
    if not path:
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise AnsibleActionFail(f"ca_file is {path!r}, which cannot be read ({reason}).") from None


def server(args: Mapping[str, Any], ca: str) -> Vault:
    """The server as the controller reaches it, without a token. The role refuses http unless it is allowed."""
    address = str(args.get("address") or "")
    if problem := address_problem(address, allow_http=True):
        raise AnsibleActionFail(f"address is {address!r}; {problem}.")
    try:
        return Vault(address, ca, namespace=str(args.get("namespace") or ""))
    except VaultError as error:
        raise AnsibleActionFail(f"ca_file is {args.get('ca_file')!r}. {error}.") from None


def operator_token(path: str) -> str:
    """The operator's token: a file, the environment, or what `vault login` left. It never leaves the controller."""
    if not path and os.environ.get("VAULT_TOKEN"):
        return os.environ["VAULT_TOKEN"].strip()
    place = Path(path or HOME_FILE).expanduser()
    try:
        token = place.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        raise AnsibleActionFail(
            f"The host's agent has to log in, and there is no operator's token: token_file is {path!r}, VAULT_TOKEN is "
            f"not set, and {place} holds none. Log in to Vault on the controller first."
        )
    return token


def issuer_of(args: Mapping[str, Any]) -> Issuer:
    """The issuer of a module's arguments, with the operator's token; `ca` was read before."""
    vault = server(args, str(args["ca"]))
    vault.token = operator_token(str(args.get("token_file") or ""))
    return Issuer(vault, str(args.get("mount") or "approle").strip("/"), str(args["role"]))


class Issuer:
    """Asks for wrapped secret-ids of one AppRole."""

    def __init__(self, vault: Vault, mount: str, role: str) -> None:
        self.vault = vault
        self.role = f"auth/{mount}/role/{role}"
        self.creation_path = f"{self.role}/secret-id"

    def role_id(self) -> str:
        """The role's id: half of the credentials."""
        try:
            return str(self.vault.ask("GET", f"{self.role}/role-id")["data"]["role_id"])
        except VaultError as error:
            if error.status == 404:
                reason = f"{self.vault.address} has no {self.role}: name an AppRole that is there"
            elif error.status == 403:
                reason = f"{self.vault.address} does not let the operator's token read {self.role}/role-id"
            else:
                raise
            raise VaultError(reason, error.status) from None

    def must_be_able_to_issue(self) -> None:
        """VaultError where the role is not there, or the operator's token may not ask for its secret-ids."""
        self.role_id()
        try:
            answer = self.vault.ask("POST", "sys/capabilities-self", {"paths": [self.creation_path]})
        except VaultError as error:
            if error.status != 403:
                raise
            return  # Not told in advance; it is asked for itself soon.
        if not {"create", "update", "root"} & set(answer["data"].get(self.creation_path) or ()):
            raise VaultError(
                f"{self.vault.address} does not let the operator's token ask for secret-ids: give it update on "
                f"{self.creation_path}",
                403,
            )

    def issue(self, wrap_seconds: int, metadata: str) -> str:
        """The wrapping token of a new secret-id; Vault's audit log shows `metadata` (JSON) with it."""
        answer = self.vault.ask("POST", self.creation_path, {"metadata": metadata}, wrap_seconds)
        if not answer.get("wrap_info"):
            raise VaultError(f"{self.vault.address} answered without wrapping the secret-id")
        return str(answer["wrap_info"]["token"])

    def is_unused(self, wrapping_token: str) -> bool:
        """Whether nobody has used it. VaultError where it was made for something else."""
        try:
            found = self.vault.ask("POST", "sys/wrapping/lookup", {"token": wrapping_token})["data"]
        except VaultError as error:
            if error.status not in (400, 403):
                raise
            return False
        if found["creation_path"].strip("/") != self.creation_path:
            raise VaultError(
                f"The wrapping token was made for {found['creation_path']}, not for {self.creation_path}: somebody may "
                "have read the secret-id and wrapped something else in its place"
            )
        return True
