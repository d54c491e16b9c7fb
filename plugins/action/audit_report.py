# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the evidence of an audit on the controller, once for all hosts of a play; no connection is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.evenkeel.ops.plugins.plugin_utils import audit_diff, audit_files, audit_inputs
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import About, Audited, build
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_by, run_id

OUTCOME, SUMMARY = "__hardening_outcome", "__audit_summary"
CHECKS: dict[str, Callable[[Any], str]] = {
    "directory": audit_inputs.directory,
    "previous": audit_inputs.previous,
    "threshold": audit_inputs.threshold,
}


class ActionModule(ActionBase):
    """Reads what the hosts' tasks have registered, as it is: nothing of it is templated."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False
    # The engine's options come from `module_defaults` of the action group, and mean nothing here.
    _VALID_ARGS = frozenset({*CHECKS, "outcome", "summary", "title", "state_dir", "retention"})

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Build, compare, write."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = {name: value for name, value in self._task.args.items() if value not in (None, "")}
        for name, check in CHECKS.items():
            said = check(args[name]) if name in args else ""
            if said:
                raise AnsibleActionFail(f"{name} is {args[name]!r}: {said}.")
        # Read before it is written: it may be the same file.
        earlier = audit_diff.load(Path(args["previous"]).expanduser()) if "previous" in args else None
        report = self._report(args, task_vars or {})
        if earlier is not None:
            report["previous"] = audit_diff.compare(earlier, report)
        files = self._write(args, report)
        # Files of the controller are no change of a host.
        return {**result, **_told(report, files), "changed": False}

    def _report(self, args: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
        outcome, summary = str(args.get("outcome", OUTCOME)), str(args.get("summary", SUMMARY))
        hosts = {}
        for name in variables.get("ansible_play_hosts_all", []):
            raw = variables["hostvars"].raw_get(name)
            hosts[str(name)] = Audited(_mapping(raw, outcome), _mapping(raw, summary))
        limit = args.get("threshold")
        about = About(
            made=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            run=run_id(),
            by=run_by(),
            version=_version(),
            title=str(args.get("title", About.title)),
            threshold=None if limit is None else float(limit),
        )
        # Plain types, without what Ansible knows of where a text comes from.
        plain: dict[str, Any] = json.loads(json.dumps(build(hosts, about)))
        return plain

    def _write(self, args: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, str]:
        if "directory" not in args or self._task.check_mode:
            return {}
        target = Path(args["directory"]).expanduser().absolute()
        try:
            return audit_files.write(report, target)
        except OSError as error:
            raise AnsibleActionFail(
                f"directory is {args['directory']!r}: {error.filename} cannot be written ({error.strerror});"
                " allowed is a directory on the controller that who runs this may write to."
            ) from error


def _mapping(variables: Any, name: str) -> Mapping[str, Any] | None:
    found = variables.get(name) if isinstance(variables, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _told(report: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """What tasks go on with; the report itself would be copied to each host's variables."""
    previous = report["previous"]
    return {
        "score": report["total"]["score"],
        "scores": {host["name"]: host["score"] for host in report["hosts"]},
        "below": report["total"]["below_threshold"],
        "not_compared": [host["name"] for host in report["not_compared"]],
        "worse": None if previous is None else len(previous["worse"]),
        "better": None if previous is None else len(previous["better"]),
        "files": dict(files),
    }


def _version() -> str:
    """The version of this collection, as it was built or as it is in a checkout."""
    root = Path(__file__).resolve().parents[2]
    manifest, galaxy = root / "MANIFEST.json", root / "galaxy.yml"
    if manifest.is_file():
        return str(json.loads(manifest.read_bytes())["collection_info"]["version"])
    return str(yaml.safe_load(galaxy.read_bytes())["version"]) if galaxy.is_file() else ""
