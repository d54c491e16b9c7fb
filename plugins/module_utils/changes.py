# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the engine: kinds of things a host has, changes to them, and steps that stand or fall together.

A front end (controls, config_tree, commit_confirm, undo) makes steps; `transaction` carries them out. Neither knows the
other's business: a change only says which thing shall have which state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Optional

if TYPE_CHECKING:
    from .host import Host

# The state of a thing, as JSON. None is "unknown until the tool that makes it has run".
State = Optional[dict[str, Any]]


class BlobStore(ABC):
    """Where the bytes of a state are kept, by digest."""

    @abstractmethod
    def put(self, content: bytes) -> str:
        """Keep `content`; return its SHA-256 as 64 hex digits."""

    @abstractmethod
    def get(self, digest: str) -> bytes:
        """The bytes kept under `digest`; KeyError where there are none."""


class Kind(ABC):
    """One sort of thing that a host has and that the engine can bring from one state to another and back."""

    name: ClassVar[str]
    # Restoring is only possible after a reboot (kernel switches that cannot be turned back).
    one_way: ClassVar[bool] = False
    # Whether a target is the running kernel's own: what is one way there cannot be put back before the next boot.
    of_the_kernel: ClassVar[bool] = False
    # A record with such a kind that was killed stands as far as it came, and the next call finishes it: going back with
    # nobody watching would do more harm. A person may undo it.
    forward: ClassVar[bool] = False
    # Whether `undo: pristine` brings back its first state.
    has_pristine: ClassVar[bool] = True

    @abstractmethod
    def capture(self, target: str, host: Host, blobs: BlobStore) -> dict[str, Any]:
        """The present state of `target`; its content goes into `blobs`. Changes nothing."""

    @abstractmethod
    def put(self, target: str, state: dict[str, Any], host: Host, blobs: BlobStore) -> None:
        """Bring `target` to `state`. Idempotent, and can be killed and started again."""

    def same(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two states of one target are the same in all that this kind restores."""
        return one == other

    def is_back(self, now: dict[str, Any], before: dict[str, Any]) -> bool:
        """Whether nothing has to be done for `before` to hold again."""
        return self.same(now, before)

    def lost(self, target: str, state: dict[str, Any], host: Host) -> list[str]:
        """What of `state` cannot be brought back any more, each as `kind target`; asked before an undo."""
        return []

    def differing(self, target: str, now: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
        """What of `wanted` is not so now, each as `kind target`; asked after an undo."""
        return [] if self.same(now, wanted) else [f"{self.name} {target}"]


class Change(ABC):
    """Something that shall be done to the host, known well enough to be journalled first."""

    # Undoing this needs a reboot.
    one_way: bool = False

    @abstractmethod
    def touches(self) -> Sequence[tuple[str, str]]:
        """Every (kind, target) that applying may change; they are captured and journalled before."""

    @abstractmethod
    def intended(self, kind: str, target: str, blobs: BlobStore) -> State:
        """The state that `target` will have afterwards, or None where only the tool knows."""

    @abstractmethod
    def apply(self, host: Host, blobs: BlobStore) -> None:
        """Do it. Raises CommandFailed, OSError or ChangeFailed."""


class ChangeFailed(Exception):
    """A change could not be made; the message names what, where and why."""


@dataclass(frozen=True)
class Reload:
    """How a program is told of its new configuration. Equal ones of a transaction are done once, in order."""

    argv: tuple[str, ...]
    # Done only where this systemd unit is active; empty: always.
    unit: str = ""


@dataclass(frozen=True)
class Validator:
    """A program that says whether files are good before they are in force.

    `argv` runs in a private mount namespace in which the step's new files already lie over the old ones.
    """

    argv: tuple[str, ...]
    timeout: float = 60.0


@dataclass
class Step:
    """Changes that stand or fall together: one file, one package set, one configuration tree."""

    name: str
    changes: list[Change] = field(default_factory=list)
    validators: list[Validator] = field(default_factory=list)
    reloads: list[Reload] = field(default_factory=list)
    # risk: access — goes through the dead man's switch.
    access: bool = False
    # Values are replaced by digests in every output.
    secret: bool = False
    # The words that messages hide; none given, every word of the contents.
    secret_words: Sequence[str] = ()


@dataclass
class StepOutcome:
    """What became of a step."""

    step: Step
    ok: bool
    # The program's own words where it failed.
    error: str = ""
    # Where it failed: plan | validate | apply | reload | probe; empty where it stands.
    phase: str = ""
    # Whether anything that the step touches is different now (would be, in check mode).
    changed: bool = False
