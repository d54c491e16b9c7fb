# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rule of the linters: what is allowed but unwise, why, and what to do instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

SEVERITIES = ("error", "warning", "advice")


class Hit(NamedTuple):
    """A place where a rule is not kept, and what was seen there."""

    where: str
    seen: str


Find = Callable[[Any], Iterable[Hit]]


@dataclass(frozen=True)
class Rule:
    """One rule; `find` gets the model of a program's inputs."""

    id: str
    severity: str
    title: str
    why: str
    remedy: str
    find: Find


class Rules(list[Rule]):
    """The rules of one topic, in the order of their ids."""

    def add(self, name: str, severity: str, title: str, *, why: str, remedy: str) -> Callable[[Find], Find]:
        """Make a rule of the function below."""

        def keep(find: Find) -> Find:
            self.append(Rule(name, severity, title, why, remedy, find))
            return find

        return keep
