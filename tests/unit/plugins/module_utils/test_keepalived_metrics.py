"""What keepalived tells becomes metrics: whole files, over reloads, and none of what does not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import keepalived_metrics
from ansible_collections.evenkeel.ops.plugins.module_utils.keepalived_metrics import FILE, Metrics, follow, read

WEB = {"web": "192.0.2.10"}


def nowhere(_address: str) -> bool:
    return False


def samples(directory: Path) -> dict[str, float]:
    lines = (directory / FILE).read_text().splitlines()
    pairs = [line.rpartition(" ")[::2] for line in lines if not line.startswith("#")]
    return {name.replace("evenkeel_vrrp_", ""): float(value) for name, value in pairs}


def test_states_and_transitions(tmp_path: Path) -> None:
    metrics = Metrics(str(tmp_path), WEB, nowhere)
    assert list(tmp_path.iterdir()) == []
    metrics.take('INSTANCE "web" BACKUP 100\n', 10.0)
    metrics.take('INSTANCE "web" MASTER 100\n', 20.5)
    metrics.take('INSTANCE "web" MASTER 100\n', 30.0)
    assert samples(tmp_path) == {
        'state{vrrp_instance="web",state="master"}': 1,
        'state{vrrp_instance="web",state="backup"}': 0,
        'state{vrrp_instance="web",state="fault"}': 0,
        'transitions_total{vrrp_instance="web"}': 2,
        'last_transition_timestamp_seconds{vrrp_instance="web"}': 20.5,
    }
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "line",
    [
        'GROUP "web" MASTER 100\n',
        'INSTANCE "web" MASTER_RX_LOWER_PRI 100\n',
        'INSTANCE "a\\"} 1" MASTER 100\n',
        'INSTANCE "web" MASTER 100; rm -rf /\n',
        "\n",
    ],
)
def test_other_lines_are_none_of_ours(line: str, tmp_path: Path) -> None:
    Metrics(str(tmp_path), WEB, nowhere).take(line, 1.0)
    assert list(tmp_path.iterdir()) == []


def test_a_reload_goes_on_with_what_was_written(tmp_path: Path) -> None:
    first = Metrics(str(tmp_path), {**WEB, "api": "192.0.2.11"}, nowhere)
    follow(['INSTANCE "web" MASTER 100\n', 'INSTANCE "api" BACKUP 100\n'], first, os.getppid())
    # keepalived does not tell of a master anew, and api is not configured any more.
    second = Metrics(str(tmp_path), WEB, nowhere)
    assert 'state{vrrp_instance="api",state="backup"}' not in samples(tmp_path)
    assert samples(tmp_path)['state{vrrp_instance="web",state="master"}'] == 1
    second.take('INSTANCE "web" FAULT 100\n', 5.0)
    assert samples(tmp_path)['transitions_total{vrrp_instance="web"}'] == 2


def test_a_master_of_before_is_found_by_its_address(tmp_path: Path) -> None:
    Metrics(str(tmp_path), WEB, lambda address: address == "192.0.2.10")
    assert samples(tmp_path)['state{vrrp_instance="web",state="master"}'] == 1
    assert samples(tmp_path)['transitions_total{vrrp_instance="web"}'] == 0


def test_what_stops_has_no_state(tmp_path: Path) -> None:
    metrics = Metrics(str(tmp_path), WEB, nowhere)
    follow(['INSTANCE "web" MASTER 100\n', 'INSTANCE "web" STOP 100\n'], metrics, os.getppid())
    assert list(tmp_path.iterdir()) == []


def test_a_keepalived_that_died_leaves_no_state(tmp_path: Path) -> None:
    metrics = Metrics(str(tmp_path), WEB, nowhere)
    follow(['INSTANCE "web" MASTER 100\n'], metrics, keepalived=-1)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_else_is_no_memory(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\x00 evenkeel_vrrp_state\nevenkeel_vrrp_transitions_total{x} 1\n")
    assert read(str(tmp_path / FILE)) == {}


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics(str(tmp_path), WEB, nowhere)
    metrics.take('INSTANCE "web" BACKUP 100\n', 1.0)
    before = (tmp_path / FILE).read_bytes()

    def full(*_names: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keepalived_metrics.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        metrics.take('INSTANCE "web" MASTER 100\n', 2.0)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert (tmp_path / FILE).read_bytes() == before


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program as keepalived starts it."""
    os.mkfifo(tmp_path / "fifo")
    argv = [sys.executable, "-I", keepalived_metrics.__file__, str(tmp_path / "new"), "web=192.0.2.10"]
    running = subprocess.Popen([*argv, str(tmp_path / "fifo")], umask=0o177)
    yield running
    running.kill()
    running.wait()


def test_the_program_survives_the_signal_and_ends_with_the_fifo(
    program: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with (tmp_path / "fifo").open("w", buffering=1) as fifo:
        fifo.write('INSTANCE "web" BACKUP 100\n')
        until((tmp_path / "new" / FILE).is_file)
        # keepalived's own umask would have made a directory that nobody can enter.
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755
        program.send_signal(signal.SIGTERM)
        fifo.write('INSTANCE "web" STOP 100\n')
        until(lambda: not (tmp_path / "new" / FILE).exists())
        assert program.poll() is None
    assert program.wait(timeout=10) == 0


def until(well: object) -> None:
    """Bounded; the program needs a moment."""
    assert callable(well)
    for _attempt in range(500):
        if well():
            return
        time.sleep(0.02)
    pytest.fail("it did not come to pass within 10 s")
