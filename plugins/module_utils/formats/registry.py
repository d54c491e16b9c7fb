# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All formats by name, each imported by name so that Ansible ships it."""

from __future__ import annotations

from .base import Format
from .ini import Ini
from .keyvalue import KeyValue
from .limits import Limits
from .lines import Lines
from .login_defs import LoginDefs
from .pam import Pam
from .sshd import Sshd

FORMATS: dict[str, Format] = {
    format_.name: format_ for format_ in (Sshd(), KeyValue(), LoginDefs(), Ini(), Limits(), Pam(), Lines())
}
