"""A virtual machine for the tests that need a kernel, a boot and a power cut of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tools.vm.disk import ensure
from tools.vm.machine import Machine, timed


@pytest.fixture(scope="module", params=["debian12", "debian13"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A fresh machine that answers over SSH."""
    with Machine(ensure(request.param)) as started:
        start = time.monotonic()
        started.start()
        started.wait_for_login()
        timed(f"{request.param}: first boot", start)
        yield started
