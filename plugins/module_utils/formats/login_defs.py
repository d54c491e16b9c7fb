# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/login.defs and files like it: a name, blanks, a value."""

from __future__ import annotations

from .keyvalue import KeyValue


class LoginDefs(KeyValue):
    """The shadow suite's own format."""

    name = "login_defs"
    summary = "/etc/login.defs: a name, white space and a value"
    default_separator = "\t"
