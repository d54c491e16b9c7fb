"""Where worlds are kept that crash after every system call."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")
SYNC_AT_EVERY_STEP = {"test_crash_matrix", "test_kill"}


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """In memory, where a sync costs nothing: power cuts are played by the file layer, whatever the disk does."""
    if request.module.__name__.rpartition(".")[2] not in SYNC_AT_EVERY_STEP or not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="evenkeel-unit-", dir=MEMORY) as name:
        yield Path(name)
