"""What the demo says: chapters with their minutes, figures, and what was proven by them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

WIDTH = 100
# Green and red, where a person looks on.
COLOURS = {True: "\033[32m", False: "\033[31m"}


@dataclass
class Story:
    """Tells what happens as it happens, and keeps what was proven for the end."""

    chapters: list[tuple[str, float]] = field(default_factory=list)
    proofs: list[tuple[bool, str]] = field(default_factory=list)

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """One part of the story; its time stands at the end."""
        print(f"\n{len(self.chapters) + 1:>2}  {title} {'─' * (WIDTH - len(title) - 5)}", flush=True)
        start = time.monotonic()
        yield
        seconds = time.monotonic() - start
        self.chapters.append((title, seconds))

    def tell(self, text: str) -> None:
        """Something that a reader wants to know."""
        print(f"      {text}", flush=True)

    def prove(self, good: bool, text: str) -> bool:
        """A promise and whether it was kept, from figures of this very run."""
        self.proofs.append((good, text))
        print(f"  {mark(good)}  {text}", flush=True)
        return good

    @property
    def good(self) -> bool:
        """Was every promise kept?"""
        return bool(self.proofs) and all(good for good, _ in self.proofs)

    def summary(self) -> str:
        """Minutes by chapter, then what was proven."""
        rows = [f"  {seconds / 60:5.1f} min  {title}" for title, seconds in self.chapters]
        total = sum(seconds for _, seconds in self.chapters)
        broken = [text for good, text in self.proofs if not good]
        kept = f"{len(self.proofs) - len(broken)} of {len(self.proofs)} promises kept"
        return "\n".join([*rows, f"  {total / 60:5.1f} min  in all", "", kept, *(f"  NO  {text}" for text in broken)])


def mark(good: bool) -> str:
    """`ok` or `NO`."""
    word = "ok" if good else "NO"
    return f"{COLOURS[good]}{word}\033[0m" if sys.stdout.isatty() else word


def minutes(seconds: float) -> str:
    """As people say it."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
