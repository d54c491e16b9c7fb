# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a linter of a program answers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from . import haproxy_model, nginx_model, registry
from .judge import BadWaivers, Finding, judge

__all__ = ["MODELS", "BadWaivers", "lint"]

MODELS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "haproxy": haproxy_model.Model,
    "nginx": nginx_model.Model,
}


def lint(
    program: str, inputs: Mapping[str, Any], waivers: Any = (), today: datetime.date | None = None
) -> list[Finding]:
    """The findings of a program's inputs."""
    day = today or datetime.datetime.now(datetime.timezone.utc).date()
    return judge(registry.rules(program), registry.every_id(), MODELS[program](inputs), waivers or (), day)
