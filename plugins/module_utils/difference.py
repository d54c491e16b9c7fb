# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after for people: one difference per target, secrets as digests."""

from __future__ import annotations

import json
from typing import Any

from .blobs import digest_of
from .changes import State
from .changes_basic import SetState
from .planning import Plan, PlannedStep, Target

LONGEST_TEXT = 200_000


def differences(plan: Plan, step: PlannedStep) -> list[dict[str, str]]:
    """What a step changes, as Ansible's diff wants it."""
    found = []
    for target in step.targets:
        before, after = plan.before[target], plan.after[target]
        secret = step.step.secret
        found.append(
            {
                "before_header": header(target, before),
                "after_header": header(target, after),
                "before": shown(before, plan.contents.kept, secret),
                "after": shown(after, _wanted_contents(step, target), secret),
            }
        )
    return found


def _wanted_contents(step: PlannedStep, target: Target) -> dict[str, bytes]:
    """Contents by digest that the step's changes bring for a target."""
    found: dict[str, bytes] = {}
    for change in step.changes:
        if isinstance(change, SetState) and (change.kind, change.target) == target:
            digest = change.state.get("digest", "")
            if change.content is not None:
                found[digest] = change.content
            elif change.source is not None and digest:
                found[digest] = change.source.get(digest)
    return found


def header(target: Target, state: State) -> str:
    """The target, with type, mode and owner where it has them."""
    kind, name = target
    if kind not in ("path", "meta"):
        return f"{kind} {name}"
    if not state or state.get("type") == "absent":
        return f"{name} (absent)" if state else name
    words = [state.get("type", "")]
    words += [f"mode {state['mode']:04o}"] if "mode" in state else []
    words += [f"owner {state['uid']}:{state['gid']}"] if {"uid", "gid"} <= state.keys() else []
    return f"{name} ({', '.join(word for word in words if word)})"


def shown(state: State, contents: dict[str, bytes], secret: bool) -> str:
    """A state as text; of a secret, or of what is no text, the digest only."""
    if state is None:
        return "(known when the tool has run)\n"
    if state.get("type") == "file":
        return _file_text(state, contents, secret)
    if state.get("type") == "symlink":
        return f"-> {state['to']}\n"
    if "type" in state:
        return ""
    if secret:
        return f"(secret, sha256 {digest_of(json.dumps(state, sort_keys=True).encode())})\n"
    if set(state) == {"value"}:
        return f"{state['value']}\n"
    return "".join(f"{key}: {_plain(value)}\n" for key, value in sorted(state.items()))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _file_text(state: dict[str, Any], contents: dict[str, bytes], secret: bool) -> str:
    content = contents.get(state["digest"]) if "digest" in state else b""
    if secret:
        return f"(secret, sha256 {state.get('digest')})\n"
    if content is None or b"\0" in content or len(content) > LONGEST_TEXT:
        return f"(no text, {state.get('size')} bytes, sha256 {state.get('digest')})\n"
    return content.decode("utf-8", "replace")
