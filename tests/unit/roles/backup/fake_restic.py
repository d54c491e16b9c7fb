# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository that answers as told."""

from __future__ import annotations

import json

from evenkeel_backup.restic import Answer, Restic
from evenkeel_backup.settings import Settings

ID = "0123456789abcdef" * 4


class FakeRestic(Restic):
    """Knows one repository with one snapshot, and notes what it is asked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.asked: list[tuple[str, ...]] = []
        self.answers: dict[str, Answer] = {"cat": Answer(0, json.dumps({"id": ID}), "")}
        self.answers["backup"] = Answer(0, json.dumps({"message_type": "summary", "snapshot_id": "abcd1234"}), "")

    def reach(self) -> None:
        """Always there."""

    def run(self, *arguments: str) -> Answer:
        self.asked.append(arguments)
        return self.answers.get(arguments[0], Answer(0, "[]", ""))
