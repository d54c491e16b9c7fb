# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a setting of sshd would refuse the operator who makes it."""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Callable, Sequence

from .operator_session import Login

LISTS = frozenset({"allowusers", "denyusers", "allowgroups", "denygroups"})
# Keywords that close a way of logging in with `no`, and how sshd's log calls that way.
WAYS = {
    "passwordauthentication": "password",
    "kbdinteractiveauthentication": "keyboard-interactive",
    "challengeresponseauthentication": "keyboard-interactive",
    "gssapiauthentication": "gssapi",
    "hostbasedauthentication": "hostbased",
    "pubkeyauthentication": "publickey",
}
# Keywords about how one logs in, which only sshd's log tells.
WAY_KEYWORDS = frozenset(WAYS) | {"requiredrsasize"}
ACCESS_KEYWORDS = frozenset({"permitrootlogin"}) | LISTS | WAY_KEYWORDS


def refusal(keyword: str, values: Sequence[str], login: Login) -> str:
    """Why sshd would not let `login` in again, in words; empty where it would."""
    patterns = [word for value in values for word in value.split()]
    name = keyword.lower()
    if name in WAY_KEYWORDS:
        return _way_refusal(name, patterns, login)
    if name == "permitrootlogin":
        return "it would shut out root, who runs this" if login.name == "root" and patterns == ["no"] else ""
    if name in ("allowusers", "denyusers"):
        inside = _any(patterns, lambda pattern: _is_user(pattern, login))
        said = f"the account {login.name}, who runs this from {login.address}"
    elif name in ("allowgroups", "denygroups"):
        inside = _any(patterns, lambda pattern: any(fnmatch.fnmatchcase(group, pattern) for group in login.groups))
        said = f"the account {login.name}, who runs this and is in {', '.join(sorted(login.groups))}"
    else:
        return ""
    return f"it would shut out {said}" if inside == name.startswith("deny") else ""


def _way_refusal(name: str, words: Sequence[str], login: Login) -> str:
    said = f"it would shut out the account {login.name}, who runs this and came in"
    if name in WAYS:
        closed = words == ["no"] and login.method.startswith(WAYS[name])
        return f"{said} by {login.method}: come in by another way first" if closed else ""
    least = int(words[0]) if words and words[0].isdigit() else 0
    short = 0 < login.rsa_bits < least
    return f"{said} with an RSA key of {login.rsa_bits} bits: come with a longer one first" if short else ""


def _any(patterns: Sequence[str], matches: Callable[[str], bool]) -> bool:
    """As sshd has it: a negated pattern that matches decides, whatever else does."""
    if any(pattern.startswith("!") and matches(pattern[1:]) for pattern in patterns):
        return False
    return any(not pattern.startswith("!") and matches(pattern) for pattern in patterns)


def _is_user(pattern: str, login: Login) -> bool:
    user, _at, host = pattern.partition("@")
    return fnmatch.fnmatchcase(login.name, user) and (not host or _is_host(host, login.address))


def _is_host(pattern: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return fnmatch.fnmatchcase(address, pattern)
