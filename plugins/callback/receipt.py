# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: receipt
type: notification
short_description: Keep a hash-chained record of what a run did to which host
version_added: 0.1.0
author: [The evenkeel.ops maintainers (@evenkeel)]
description:
  - Writes one append-only file per run, C(<run id>.jsonl). Each line holds the hash of the line before; a closing line
    completes it. Without the closing line the record is not valid.
  - Kept are run id, who, playbook, limit, hosts, tasks, statuses, results of controls and digests of diffs. Arguments,
    messages and values are never written.
  - Prints the head of the chain at the end, and for a run that changed hosts how to undo it.
  - M(evenkeel.ops.receipt_head) keeps the head on the changed hosts; the playbook P(evenkeel.ops.verify_receipt#module)
    checks a file and compares it with them.
requirements:
  - Enabled with C(callbacks_enabled = evenkeel.ops.receipt) in section C([defaults]) of ansible.cfg, or with the
    environment variable E(ANSIBLE_CALLBACKS_ENABLED).
options:
  dir:
    description:
      - Directory of the receipts; made with mode 0700 where it is missing.
      - Under ansible-runner and AWX, C(evenkeel_receipts) in the artifacts of the run is used, unless
        E(EVENKEEL_RECEIPT_DIR) is set.
    type: path
    default: receipts
    env:
      - name: EVENKEEL_RECEIPT_DIR
    ini:
      - section: callback_receipt
        key: dir
"""

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__ as core_version
from ansible_collections.evenkeel.ops.plugins.plugin_utils import evidence
from ansible_collections.evenkeel.ops.plugins.plugin_utils.receipt import (
    ACTIVE,
    FIRST,
    SCHEMA,
    ReceiptFile,
    directory,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.run import run_by, run_id


class CallbackModule(CallbackBase):
    """Translates Ansible's events into entries of the receipt."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "evenkeel.ops.receipt"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._file: ReceiptFile | None = None
        self._undoable: dict[str, set[str]] = {}
        self._check = False

    # Events ------------------------------------------------------------------------------------------------------

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Open the file with the line that says who does what."""
        arguments = context.CLIARGS
        self._check = bool(arguments.get("check"))
        try:
            self._file = ReceiptFile(directory(str(self.get_option("dir")), os.environ), run_id())
        except OSError as error:
            self._display.warning(f"receipt: no record is written for this run: {error}")
            return
        self._append(
            {
                "type": FIRST,
                "schema": SCHEMA,
                "run": run_id(),
                "who": run_by(),
                "started": _now(),
                "playbook": str(getattr(playbook, "_file_name", "")),
                "limit": str(arguments.get("subset") or ""),
                "tags": [str(tag) for tag in arguments.get("tags") or []],
                "skip_tags": [str(tag) for tag in arguments.get("skip_tags") or []],
                "check": self._check,
                "ansible_core": core_version,
            }
        )

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """A play begins."""
        self._append({"type": "play", "play": _name_as_written(play)})

    def v2_runner_on_ok(self, result: Any) -> None:
        """A task that went well."""
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A task that failed; `ignored` where the playbook goes on all the same."""
        self._record("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host that did not answer."""
        self._record("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task that did not apply."""
        self._record("skipped", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Close the record; print its head and how to undo the run."""
        hosts = {host: _counts(stats.summarize(host)) for host in sorted(stats.processed)}
        receipt = self._file
        if receipt and ACTIVE.path:
            self._write(lambda: receipt.close({"finished": _now(), "hosts": hosts}))
        if receipt and ACTIVE.path:
            self._display.display(f"receipt: {receipt.path}\nreceipt head: {receipt.head}")
        for run, names in sorted(self._undoable.items()):
            self._display.display(
                f"run {run} changed {', '.join(sorted(names))}; "
                f"undo with: ansible-playbook evenkeel.ops.undo -e evenkeel_run={run}"
            )

    # Writing -----------------------------------------------------------------------------------------------------

    def _record(self, status: str, result: Any) -> None:
        host, task, values = _parts(result)
        described = {
            "name": _name_as_written(task),
            "action": str(getattr(task, "resolved_action", None) or getattr(task, "action", "")),
            "uuid": str(getattr(task, "_uuid", "")),
        }
        predicted = self._check or bool(getattr(task, "check_mode", False))
        runs = set() if predicted else evidence.engine_runs(described["action"], values)
        for run in runs:
            changed_host = evidence.delegated_to(values) or host
            self._undoable.setdefault(run, set()).add(changed_host)
            ACTIVE.changed_hosts.add(changed_host)
        self._append(evidence.of_task(status, host, described, values))

    def _append(self, entry: Mapping[str, Any]) -> None:
        receipt = self._file
        if receipt:
            self._write(lambda: receipt.append(entry))

    def _write(self, write: Any) -> None:
        receipt = self._file
        if not receipt:
            return
        try:
            write()
        except (OSError, ValueError) as error:
            self._file, ACTIVE.path = None, ""
            self._display.warning(f"receipt: the record of this run is broken off and not valid: {error}")
            return
        ACTIVE.path, ACTIVE.head, ACTIVE.entries = receipt.path, receipt.head, receipt.entries


def _parts(result: Any) -> tuple[str, Any, Mapping[str, Any]]:
    """Host name, task and values, under the names that ansible-core 2.18 and later ones use."""
    host = getattr(result, "host", None) or result._host
    task = getattr(result, "task", None) or result._task
    values = getattr(result, "result", None)
    return host.get_name(), task, values if isinstance(values, Mapping) else result._result


def _name_as_written(thing: Any) -> str:
    """The name before templating: a templated one could show a value."""
    written = getattr(thing, "_ds", None)
    return str(written.get("name") or "") if isinstance(written, Mapping) else ""


def _counts(summary: Mapping[str, int]) -> dict[str, int]:
    names = {"failures": "failed", "unreachable": "unreachable"}
    return {names.get(name, name): int(count) for name, count in sorted(summary.items())}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
