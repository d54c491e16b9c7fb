# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings in configuration files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .. import su_access
from ..changes import Step
from ..formats.base import Entry
from ..formats.later_files import LaterFiles
from ..formats.registry import FORMATS
from ..formats.sshd_includes import SshdConfiguration
from ..operator_session import ssh_login, with_way
from ..sshd_access import ACCESS_KEYWORDS, WAY_KEYWORDS, refusal
from . import claims as owned
from .base import CHANGE, COMMENT, FAILED, Control, Plan, Provider, ShutOut, Unfit, Verdict, step_for
from .draft import Draft, Wanted
from .known_files import reloads, validators


def texts(value: Any) -> list[str]:
    """A value or a list of them as texts."""
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]


def entry_of(control: Control) -> Entry:
    """What a setting control wants, in the words of its format."""
    state = control.state
    format_ = FORMATS[state["format"]]
    listed = isinstance(state.get("value"), (list, tuple)) or state.get("state") == "absent"
    entry = format_.entry(
        state.get("key") or "",
        texts(state.get("value")),
        state.get("section") or "",
        state.get("separator") or "",
        listed,
    )
    return replace(entry, comment=state.get("comment") or "")


class Setting(Provider):
    """One write and one validation per file; a file that fails takes its own controls with it and no others."""

    key = "setting"
    summary = "A key of a configuration file has a value, or is not there."
    order = 30
    releases = True
    can_shut_out = True
    example = {
        "file": "/etc/ssh/sshd_config.d/10-evenkeel.conf",
        "format": "sshd",
        "key": "PermitRootLogin",
        "value": "no",
    }
    spec = {
        "file": {
            "type": "path",
            "required": True,
            "description": "The file. Its parents are made where they are missing.",
        },
        "format": {
            "type": "str",
            "required": True,
            "choices": list(FORMATS),
            "description": "How the file is read and edited; see the table of formats.",
        },
        "key": {"type": "str", "description": "The key. Format lines needs none.", "example": "PermitRootLogin"},
        "value": {"type": "raw", "description": "The value; a list where the format takes several lines or words."},
        "section": {"type": "str", "description": "The section, for format ini.", "example": "Journal"},
        "separator": {
            "type": "str",
            "description": "What stands between key and value in a new line of keyvalue or ini; = by default.",
            "example": " = ",
        },
        "state": {
            "type": "str",
            "choices": ["present", "absent"],
            "default": "present",
            "description": "Whether the key is there with this value, or not there at all.",
        },
        "mode": {
            "type": "str",
            "default": "0644",
            "description": "Mode of the file where it is created, in octal digits.",
        },
        "validate": {
            "type": "list",
            "elements": "str",
            "description": "The command that checks the file before it is in force, as a list; an empty one turns the"
            " check off. For sshd and sudo it is known by the file's path.",
            "example": ["nginx", "-t"],
        },
        "reload": {
            "type": "raw",
            "description": "A unit that is reloaded (restarted where it cannot), or a command as a list. Known for"
            " sshd and journald by the file's path; an empty text turns it off.",
            "example": "chrony.service",
        },
        "comment": COMMENT,
    }

    @classmethod
    def problems(cls, control: Control) -> list[str]:
        """A key and a value that the format can hold, and an octal mode."""
        state, entry = control.state, entry_of(control)
        faults = FORMATS[state["format"]].faults(entry)
        if state["state"] == "present" and not entry.values:
            faults.append("value is missing: state present needs one")
        if not _octal(state["mode"]):
            faults.append(f"mode is {state['mode']!r}: allowed are three or four octal digits in quotes")
        return [f"setting.{fault}" for fault in faults]

    @classmethod
    def subject(cls, control: Control) -> str:
        """File, section and key."""
        entry = entry_of(control)
        if not entry.key:
            return f"the line {' / '.join(entry.values)!r} of {control.state['file']}"
        section = f"[{entry.section}] " if entry.section else ""
        key = entry.key.lower() if control.state["format"] == "sshd" else " ".join(entry.key.split())
        return f"{section}{key} of {control.state['file']}"

    def plan(self, controls: Sequence[Control]) -> Plan:
        """Draft every file, look whether what is drafted would be in force, and make a step of each."""
        plan = Plan()
        drafts: dict[str, Draft] = {}
        self._stored = {claims.file: claims for claims in owned.load_all(self.host, self.planned, self.key)}
        groups: dict[str, list[Control]] = {path: [] for path in self._stored}
        for control in controls:
            groups.setdefault(control.state["file"], []).append(control)
        for path, members in groups.items():
            self._guarded(plan, members, partial(self._draft, drafts, path, members))
        self._fail_what_is_shadowed(drafts, groups)
        self._fail_what_is_overridden(drafts, groups)
        self._fail_what_shuts_out(drafts, groups)
        self._name_exceptions(drafts, groups)
        for path, draft in drafts.items():
            self._guarded(plan, groups[path], partial(self._step, plan, draft, groups[path]))
        return plan

    @staticmethod
    def _guarded(plan: Plan, members: Sequence[Control], do: Callable[[], None]) -> None:
        """A file that cannot be planned fails its own controls only."""
        try:
            do()
        except Unfit as unfit:
            plan.verdicts.update({control.id: unfit.verdict() for control in members})
        except OSError as error:
            plan.verdicts.update({control.id: Verdict(FAILED, reason=str(error)) for control in members})

    def _draft(self, drafts: dict[str, Draft], path: str, members: Sequence[Control]) -> None:
        names = {control.state["format"] for control in members}
        if len(names) > 1:
            raise Unfit(f"{path} is given in the formats {', '.join(sorted(names))}: a file has one")
        name = names.pop() if names else self._stored[path].format
        draft = Draft(self.host, self.planned, self.key, path, FORMATS[name], _strictest(members))
        drafts[path] = draft
        self._compute(draft, members, {})

    def _compute(self, draft: Draft, members: Sequence[Control], failed: dict[str, Verdict]) -> None:
        """Draft without the controls that failed; what they once set stays as it is."""
        for _round in range(len(members) + 1):
            wanted = [
                Wanted(control.id, entry_of(control), control.state["state"] == "present")
                for control in members
                if control.id not in failed
            ]
            draft.compute(wanted, self.planned.keep | frozenset(failed))
            fresh = {name: verdict for name, verdict in draft.verdicts.items() if verdict.status == FAILED}
            failed = {**failed, **fresh}
            if not fresh:
                break
        draft.verdicts.update(failed)

    def _sshd(self, drafts: dict[str, Draft]) -> Iterator[tuple[str, Draft, SshdConfiguration]]:
        """Files of sshd with the whole configuration that each is a part of."""
        for path, draft in drafts.items():
            if draft.format.name == "sshd":
                configuration = SshdConfiguration(
                    _main(path), lambda p: self._read(p, drafts), lambda d: self._names(d, drafts)
                )
                if configuration.exists:
                    yield path, draft, configuration

    def _name_exceptions(self, drafts: dict[str, Draft], groups: dict[str, list[Control]]) -> None:
        """What Match blocks say otherwise is somebody's decision: it stays, and the verdict tells of it."""
        for path, draft, configuration in self._sshd(drafts):
            for control in groups[path]:
                verdict = draft.verdicts[control.id]
                if control.state["state"] == "present" and not verdict.reason:
                    verdict.reason = configuration.exceptions(entry_of(control))

    def _fail_what_is_shadowed(self, drafts: dict[str, Draft], groups: dict[str, list[Control]]) -> None:
        """sshd takes the first value that it reads: a control whose value comes later would do nothing."""
        for path, draft, configuration in self._sshd(drafts):
            self._fail_where(draft, groups[path], partial(configuration.problem, path))

    def _fail_what_is_overridden(self, drafts: dict[str, Draft], groups: dict[str, list[Control]]) -> None:
        """Other programs take the last value: a control whose value comes earlier would do nothing."""
        for path, draft in drafts.items():
            later = LaterFiles(path, lambda p: self._read(p, drafts), lambda d: self._names(d, drafts))
            self._fail_where(draft, groups[path], partial(later.problem, draft.format))

    def _fail_where(self, draft: Draft, members: Sequence[Control], problem_of: Callable[[Entry], str]) -> None:
        """Draft a file without the controls that would do nothing."""
        known = failed_of(draft)
        failed = dict(known)
        for control in members:
            problem = problem_of(entry_of(control)) if control.state["state"] == "present" else ""
            if problem and control.id not in failed:
                failed[control.id] = Verdict(FAILED, draft.verdicts[control.id].before, reason=problem)
        if len(failed) > len(known):
            self._compute(draft, members, failed)

    def _fail_what_shuts_out(self, drafts: dict[str, Draft], groups: dict[str, list[Control]]) -> None:
        """What leaves out who makes it; groups, networks and the way of logging in are those of this login."""
        deciding = [
            (path, control)
            for path, draft in drafts.items()
            for control in groups[path]
            if draft.format.name == "sshd"
            and control.state["state"] == "present"
            and _decides(control, draft.verdicts[control.id])
        ]
        login = ssh_login(self.host, os.environ) if deciding else None
        if login and any(_keyword(control) in WAY_KEYWORDS for _path, control in deciding):
            login = with_way(self.host, os.environ, login)
        for path, control in deciding:
            entry = entry_of(control)
            words = refusal(entry.key, entry.values, login) if login else ""
            self._shut_out(drafts[path], groups[path], control, words)
        self._fail_what_ends_su(drafts, groups)

    def _fail_what_ends_su(self, drafts: dict[str, Draft], groups: dict[str, list[Control]]) -> None:
        """Who has become root by su has to be let through again."""
        draft = drafts.get(su_access.STACK)
        if draft is None:
            return
        for control in groups[su_access.STACK]:
            entry, verdict = entry_of(control), draft.verdicts[control.id]
            if control.state["state"] != "present" or verdict.status != CHANGE or su_access.MODULE not in entry.key:
                continue
            words = su_access.refusal(self.host, [word for value in entry.values for word in value.split()])
            self._shut_out(draft, groups[su_access.STACK], control, words)

    def _shut_out(self, draft: Draft, members: Sequence[Control], control: Control, words: str) -> None:
        """Draft the file without a control that would shut out the operator, where words say so."""
        if words:
            draft.verdicts[control.id] = ShutOut(words).verdict()
            self._compute(draft, members, failed_of(draft))

    def _read(self, path: str, drafts: dict[str, Draft]) -> bytes | None:
        """A file as it would be after this call."""
        if path in drafts:
            return drafts[path].content
        try:
            return self.host.fs.read(self.host.path(path))
        except OSError:
            return None

    def _names(self, directory: str, drafts: dict[str, Draft]) -> list[str]:
        try:
            names = set(os.listdir(self.host.path(directory)))
        except OSError:
            names = set()
        for path, draft in drafts.items():
            home, name = posixpath.split(path)
            if home == directory:
                (names.discard if draft.content is None else names.add)(name)
        return sorted(name for name in names if not name.startswith("."))

    def _step(self, plan: Plan, draft: Draft, members: Sequence[Control]) -> None:
        plan.verdicts.update(draft.verdicts)
        changing = [verdict for verdict in draft.verdicts.values() if verdict.status == CHANGE]
        step: Step = step_for(f"{self.key} {draft.path}", members)
        try:
            step.changes = draft.changes()
        except Unfit as unfit:
            for verdict in changing:
                verdict.status, verdict.reason, verdict.after = unfit.status, unfit.reason, None
            return
        plan.released += draft.released
        if not step.changes:
            return
        if draft.content != draft.found.content:
            step.validators = _each(members, "validate", partial(validators, self.host, draft.path))
            step.reloads = _each(members, "reload", partial(reloads, self.host, draft.path))
        plan.steps.append(step)
        if draft.found.content is None and draft.content is not None:
            self.planned.files[draft.path] = (draft.content, draft.found.mode or 0o644)
        for verdict in changing:
            verdict.step = step.name


def _keyword(control: Control) -> str:
    return str(control.state.get("key") or "").lower()


def _decides(control: Control, verdict: Verdict) -> bool:
    """Whether a setting is about who gets in; the way of a login is looked up only where it changes."""
    keyword = _keyword(control)
    return keyword in ACCESS_KEYWORDS and (keyword not in WAY_KEYWORDS or verdict.status == CHANGE)


def failed_of(draft: Draft) -> dict[str, Verdict]:
    """The controls of a file that cannot be drafted."""
    return {name: verdict for name, verdict in draft.verdicts.items() if verdict.status == FAILED}


def _main(path: str) -> str:
    """The sshd_config that a file belongs to."""
    home, name = posixpath.split(path)
    if name == "sshd_config":
        return path
    return posixpath.join(posixpath.dirname(home) if home.endswith(".d") else home, "sshd_config")


def _each(members: Sequence[Control], option: str, make: Callable[[Any], list[Any]]) -> list[Any]:
    """What any control of the file asks for, each once; what is known for the file where none says."""
    wishes = [c.state[option] for c in members if c.state.get(option) is not None] or [None]
    return list(dict.fromkeys(item for wish in wishes for item in make(wish)))


def _strictest(members: Sequence[Control]) -> int:
    """A new file gets the bits that every control allows it."""
    mode = 0o7777
    for control in members:
        mode &= int(control.state["mode"], 8)
    return mode if members else 0o644


def _octal(mode: str) -> bool:
    return 3 <= len(mode) <= 4 and set(mode) <= set("01234567")
