# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the console command and the revert program say: never called from within a module, whose output is JSON."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """A line for whoever asked."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """A line for whoever has to look after it."""
    sys.stderr.write(f"{text}\n")
