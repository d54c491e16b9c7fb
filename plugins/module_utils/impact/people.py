# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in, and how: sshd, sudo, su, PAM, accounts."""

from __future__ import annotations

import os
import re
import struct
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from .. import operator_session
from ..accounts import Account
from ..providers.base import Control, Verdict
from ..scoped_files import names_in
from ..ssh_keys import NO_BITS, rsa_bits
from ..sshd_access import LISTS, refusal
from .scene import Login, Scene, records
from .touch import Touch

SUDOERS = ("/etc/sudoers", "/etc/sudoers.d")
RULE = re.compile(r"^\s*(?!Defaults|[A-Z][a-z]+_Alias|User_Alias|[#@])(%?[^\s,=]+(?:\s*,\s*%?[^\s,=]+)*)\s+\S+\s*=")
FORWARDING = {"disableforwarding", "allowtcpforwarding", "x11forwarding", "permittunnel", "gatewayports"}
ALGORITHMS = {"ciphers", "macs", "kexalgorithms", "hostkeyalgorithms"}
# The journal's name of a key, and how algorithms of that kind begin.
KEY_KINDS = {"RSA": ("rsa-", "ssh-rsa"), "ECDSA": ("ecdsa-",), "ED25519": ("ssh-ed25519",), "DSA": ("ssh-dss",)}
LASTLOG = struct.Struct("=i32s256s")


def sshd(control: Control, scene: Scene) -> Iterator[Touch]:
    """Sessions and former logins that a keyword of sshd speaks of."""
    keyword = str(control.state.get("key") or "").lower()
    value = control.state.get("value")
    values = [str(item) for item in value] if isinstance(value, (list, tuple)) else [str(value)]
    for keywords, tell in TELLERS:
        if keyword in keywords:
            yield from tell(scene, keyword, values)


def _root(scene: Scene, _keyword: str, values: Sequence[str]) -> Iterator[Touch]:
    if values[0] not in ("no", "prohibit-password", "without-password"):
        return
    for user, address in scene.sessions:
        if user == "root" and values[0] == "no":
            yield Touch("session", f"root from {address}", "stays; root does not get in again")
    kept = set() if values[0] == "no" else {"publickey"}
    yield from _former([login for login in scene.logins if login.user == "root" and login.method not in kept])


def _passwords(scene: Scene, keyword: str, values: Sequence[str]) -> Iterator[Touch]:
    method = "password" if keyword == "passwordauthentication" else "keyboard-interactive"
    if values[0] != "no":
        return
    yield from _former([login for login in scene.logins if login.method.startswith(method)])
    for account in scene.people:
        if account.has_password and not account.locked and not scene.keys(account):
            yield Touch("user", account.name, "has a password and no key: gets in over SSH no more")


def _former(logins: Sequence[Login]) -> Iterator[Touch]:
    counted = Counter((login.user, login.method, login.address) for login in logins)
    for (user, method, address), number in sorted(counted.items()):
        times = "once" if number == 1 else f"{number} times"
        yield Touch("user", f"{user} from {address}", f"came in by {method} {times} in 30 days: no more")


def _keys(scene: Scene, _keyword: str, values: Sequence[str]) -> Iterator[Touch]:
    allowed = [name for value in values for name in value.split(",")]
    if any(name[:1] in "+-^" for name in allowed):
        return
    for kind, beginnings in KEY_KINDS.items():
        if not any(name.startswith(beginnings) for name in allowed):
            yield from _former([login for login in scene.logins if login.key.split("-")[0] == kind])


def _short_keys(scene: Scene, _keyword: str, values: Sequence[str]) -> Iterator[Touch]:
    least = int(values[0]) if values[0].isdigit() else 0
    for account in scene.people:
        for words in scene.keys(account):
            bits = rsa_bits(words)
            if NO_BITS < bits < least:
                yield Touch(
                    "user", f"{account.name} ({words[-1]})", f"has an RSA key of {bits} bits: it lets in no more"
                )


def _algorithms(scene: Scene, _keyword: str, _values: Sequence[str]) -> Iterator[Touch]:
    if scene.sessions:
        scene.unseen["algorithms that sessions have agreed on"] = "sshd does not log them"
    for user, address in scene.sessions:
        yield Touch(
            "session", f"{user} from {address}", "stays; its client needs one of the algorithms at the next login"
        )


def _forwarded(scene: Scene, _keyword: str, _values: Sequence[str]) -> Iterator[Touch]:
    for socket in scene.listeners:
        _pid, name = scene.owners.get(socket.inode, (0, ""))
        if name.startswith("sshd") and socket.port not in scene.ssh_ports:
            yield Touch("listener", scene.port_name(socket), "is forwarded: ends with its session, and none comes back")


def _access(scene: Scene, keyword: str, values: Sequence[str]) -> Iterator[Touch]:
    seen = {(login.user, login.address) for login in scene.logins} | set(scene.sessions)
    for user, address in sorted(seen):
        groups = frozenset(scene.host.run(["id", "-nG", user]).out.split())
        if refusal(keyword, values, operator_session.Login(user, groups, address)):
            yield Touch("user", f"{user} from {address}", "came in until now: no more")


TELLERS: tuple[tuple[Collection[str], Callable[[Scene, str, Sequence[str]], Iterator[Touch]]], ...] = (
    ({"permitrootlogin"}, _root),
    ({"passwordauthentication", "kbdinteractiveauthentication"}, _passwords),
    ({"pubkeyacceptedalgorithms"}, _keys),
    ({"requiredrsasize"}, _short_keys),
    (ALGORITHMS, _algorithms),
    (FORWARDING, _forwarded),
    (LISTS, _access),
)


def sudo(control: Control, scene: Scene) -> Iterator[Touch]:
    """Whoever a rule of sudo speaks of."""
    said = "the new setting" if control.secret else f"`{control.state.get('value')}`"
    subjects = sudo_subjects(scene)
    if subjects:
        yield Touch("user", ", ".join(subjects), f"may use sudo: from now on with {said}")


def sudo_subjects(scene: Scene) -> list[str]:
    """Users and groups that sudoers gives rights to, groups with their members."""
    if not scene.privileged:
        scene.unseen["rules of sudo"] = "needs root"
        return []
    files = [SUDOERS[0], *(f"{SUDOERS[1]}/{name}" for name in names_in(scene.host, SUDOERS[1]))]
    texts = [scene.host.glance(path) for path in files if "." not in os.path.basename(path)]
    matches = [RULE.match(line) for text in texts for line in text.splitlines()]
    names = sorted({name.strip() for match in matches if match for name in match[1].split(",")})
    return [f"{name} ({_members(scene, name[1:])})" if name.startswith("%") else name for name in names]


def _members(scene: Scene, group: str) -> str:
    found = {record[0]: record for record in records(scene.host, "/etc/group", 4)}.get(group)
    members = set(filter(None, found[3].strip().split(","))) if found else set()
    members |= {r[0] for r in records(scene.host, "/etc/passwd", 7) if found and r[3] == found[2]}
    return ", ".join(sorted(members)) or "nobody"


def pam(control: Control, scene: Scene) -> Iterator[Touch]:
    """Whoever types a password, or uses su."""
    if control.state.get("file") == "/etc/pam.d/su":
        names = [each.name for each in scene.people if each.uid != 0 and "root" not in each.groups]
        effect = "not in the group root: uses su no more"
    else:
        names = [each.name for each in scene.people if each.has_password and not each.locked]
        effect = "has a password: it is asked for and checked in the new way"
    if names:
        yield Touch("user", ", ".join(names), effect)


def account(control: Control, verdict: Verdict, scene: Scene) -> Iterator[Touch]:
    """The accounts that change, with their last login and what runs under them."""
    after = verdict.after if isinstance(verdict.after, Mapping) else {}
    running: dict[int, int] = {}
    for process in scene.processes:
        running[process.uid] = running.get(process.uid, 0) + 1
    for name, wanted in after.items():
        found = scene.accounts.get(name)
        if found is None or not isinstance(wanted, Mapping):
            continue
        before = verdict.before.get(name, {}) if isinstance(verdict.before, Mapping) else {}
        changes = [f"{key} {value}" for key, value in wanted.items() if before.get(key) != value]
        number = running.get(found.uid, 0)
        state = f"last login {last_login(scene, found)}, {number} process{'' if number == 1 else 'es'}"
        yield Touch("user", name, f"{', '.join(changes)}; {state}")


def last_login(scene: Scene, found: Account) -> str:
    """The day, from lastlog; `never` where it has none, `unknown` where the host keeps none."""
    try:
        with open(scene.host.path("/var/log/lastlog"), "rb") as stream:
            stream.seek(found.uid * LASTLOG.size)
            entry = stream.read(LASTLOG.size)
    except OSError:
        scene.unseen["last logins"] = "the host keeps no /var/log/lastlog that this run can read"
        return "unknown"
    seconds = LASTLOG.unpack(entry)[0] if len(entry) == LASTLOG.size else 0
    return time.strftime("%Y-%m-%d", time.gmtime(seconds)) if seconds else "never"
