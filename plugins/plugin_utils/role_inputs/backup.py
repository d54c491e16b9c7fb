# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the inputs of the role backup, beyond their types."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.evenkeel.ops.plugins.plugin_utils import backups, oncalendar
from ansible_collections.evenkeel.ops.plugins.plugin_utils.role_inputs import checks

SHORTEST_PASSWORD = 12
PASSWORDS = ("backup_password", "backup_rest_password")
REPOSITORY = (
    "rest:https://server:8000/user/, sftp://user@server:22/path, sftp:user@server:/path or an absolute path, "
    "without a password"
)
MADE_UP = ("/proc", "/sys", "/dev", "/run")
PATH = r"/[^\x00-\x1f*?\[\]\\]*[^\x00-\x1f*?\[\]\\/]"
EXCLUDE = r"(/[^\x00-\x1f\[\]\\$]+|[^\x00-\x1f\[\]\\$/#!][^\x00-\x1f\[\]\\$/]*)"
DATABASE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,47}"
DURATIONS = {
    "backup_randomized_delay": (0, "1d"),
    "backup_timeout": (60, "7d"),
    "backup_rpo": (1, "365d"),
    "backup_rto": (1, "365d"),
}
MOST_KEPT = 10_000


def problems(inputs: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each contradiction; none means that the inputs hold together."""
    return [
        *_repository(inputs),
        *_passwords(inputs),
        *_paths(inputs),
        *_excludes(inputs),
        *_databases(inputs),
        *_schedule(inputs),
        *_retention(inputs),
        *_places(inputs),
    ]


def _repository(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "backup_repository" not in inputs:
        return
    text = str(inputs["backup_repository"])
    place = backups.repository(text)
    if place is None:
        yield f"backup_repository is {_without_login(text)!r}; allowed is {REPOSITORY}."
        return
    if place.port is not None:
        yield from checks.port_problems(f"backup_repository is {text!r}: its port", place.port)
    user = inputs.get("backup_rest_user") or ""
    for name in ("backup_rest_user", "backup_rest_ca", "backup_sftp_key", "backup_sftp_known_hosts"):
        if inputs.get(name) and place.kind != name.split("_")[1]:
            kind = name.split("_")[1]
            yield f"{name} is set, but backup_repository is {text!r}; allowed is a repository that begins with {kind}:."
    if place.kind == "rest" and user and not f"{place.path.strip('/')}/".startswith(f"{user}/"):
        allowed = f"a path that begins with /{user}/, for that is the user's own"
        yield f"backup_repository is {text!r}; allowed for backup_rest_user {user!r} is {allowed}."
    if place.kind == "sftp" and not inputs.get("backup_sftp_known_hosts"):
        yield "backup_sftp_known_hosts is empty; allowed with an sftp repository are its server's lines of known_hosts."


def _without_login(text: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", text)


def _passwords(inputs: Mapping[str, Any]) -> Iterator[str]:
    user, password = inputs.get("backup_rest_user") or "", str(inputs.get("backup_rest_password") or "")
    if bool(user) != bool(password):
        given, missing = ("backup_rest_user", "backup_rest_password")[:: 1 if user else -1]
        yield f"{given} is set and {missing} is empty; allowed are both or none of them."
    if user:
        yield from checks.name_problems("backup_rest_user", user)
    for name in PASSWORDS:
        text = str(inputs.get(name) or "")
        if re.search(r"[\x00-\x1f]", text):
            yield f"{name} has control characters; allowed is a single line."
    if "backup_password" in inputs and len(str(inputs["backup_password"])) < SHORTEST_PASSWORD:
        length = len(str(inputs["backup_password"]))
        yield f"backup_password has {length} characters; allowed are {SHORTEST_PASSWORD} or more."


def _paths(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "backup_paths" not in inputs:
        return
    paths = [str(path) for path in inputs["backup_paths"] or ()]
    if not paths:
        yield "backup_paths is empty; allowed is a list with at least one absolute path."
    for path in paths:
        if not re.fullmatch(PATH, path) or posixpath.normpath(path) != path:
            allowed = "plain absolute paths other than /, like /etc, without patterns, '..' or '//'"
            yield f"backup_paths has {path!r}; allowed are {allowed}."
        elif path in MADE_UP or path.startswith(tuple(f"{place}/" for place in MADE_UP)):
            yield f"backup_paths has {path!r}; allowed is nothing in {', '.join(MADE_UP)}, which the kernel makes up."
    yield from checks.duplicate_problems("backup_paths", paths)


def _excludes(inputs: Mapping[str, Any]) -> Iterator[str]:
    allowed = "an absolute path, or a name without '/', with * and ? for characters of one name and none of ** [ ] \\ $"
    for pattern in inputs.get("backup_excludes") or ():
        text = str(pattern)
        plain = not text.startswith("/") or posixpath.normpath(text) == text
        if not re.fullmatch(EXCLUDE, text) or "**" in text or not plain:
            yield f"backup_excludes has {text!r}; allowed is {allowed}."


def _databases(inputs: Mapping[str, Any]) -> Iterator[str]:
    databases = checks.entries(inputs.get("backup_databases"))
    for each in databases:
        allowed = "letters, digits, '_', '.' and '-', at most 48, the first no '.' or '-'"
        yield from checks.pattern_problems("backup_databases: name", each.get("name"), DATABASE, allowed)
        yield from checks.port_problems(f"backup_databases: {each.get('name')!r}: port", each.get("port", 5432))
    names = [f"{each.get('name')} on port {each.get('port', 5432)}" for each in databases]
    yield from checks.duplicate_problems("backup_databases", names)
    if "backup_database_user" in inputs:
        yield from checks.name_problems("backup_database_user", inputs["backup_database_user"])


def _schedule(inputs: Mapping[str, Any]) -> Iterator[str]:
    if "backup_schedule" in inputs and not oncalendar.is_event(str(inputs["backup_schedule"])):
        yield f"backup_schedule is {inputs['backup_schedule']!r}; allowed is {oncalendar.ALLOWED}."
    for name, (low, high) in DURATIONS.items():
        found = backups.seconds(inputs[name]) if name in inputs else low
        if found is None or not low <= found <= (backups.seconds(high) or 0):
            yield f"{name} is {inputs[name]!r}; allowed is a number with the unit s, m, h or d, from {low}s to {high}."
    if "backup_nice" in inputs:
        yield from checks.range_problems("backup_nice", inputs["backup_nice"], 0, 19)


def _retention(inputs: Mapping[str, Any]) -> Iterator[str]:
    names = [f"backup_keep_{name}" for name in backups.KEEP]
    found = [
        problem
        for name in names
        if name in inputs
        for problem in checks.range_problems(name, inputs[name], 0, MOST_KEPT)
    ]
    yield from found
    if not found and all(name in inputs and checks.as_int(inputs[name]) == 0 for name in names):
        yield f"{', '.join(names)} are all 0, which keeps no snapshot; allowed is at least one of 1 or more."


def _places(inputs: Mapping[str, Any]) -> Iterator[str]:
    """Nothing is backed up into itself, and no drill restores over what is backed up."""
    if inputs.get("backup_metrics_dir"):
        yield from checks.pattern_problems(
            "backup_metrics_dir", inputs["backup_metrics_dir"], PATH, "empty or an absolute path"
        )
    text = str(inputs.get("backup_repository", ""))
    scratch = str(inputs.get("backup_drill_dir", ""))
    if "backup_drill_dir" in inputs and (not re.fullmatch(PATH, scratch) or posixpath.normpath(scratch) != scratch):
        yield f"backup_drill_dir is {scratch!r}; allowed is a plain absolute path, like /var/tmp/evenkeel-drill."
        return
    for path in map(str, inputs.get("backup_paths") or ()):
        for name, place in (("backup_drill_dir", scratch), ("backup_repository", text)):
            if place.startswith("/") and path.startswith("/") and _overlap(place, path):
                yield f"{name} is {place!r}, and backup_paths has {path!r}; allowed are places apart from each other."


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
