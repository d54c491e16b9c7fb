"""The hold file."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.evenkeel.ops.plugins.module_utils import hold

HOLD = hold.Hold("incident 4711", "anna@console", "2026-11-24T02:00:00Z")


def test_put_read_release(tmp_path: Path) -> None:
    state_dir = str(tmp_path)
    assert hold.read(state_dir) is None
    hold.put(state_dir, HOLD)
    assert hold.read(state_dir) == HOLD
    assert (tmp_path / hold.NAME).stat().st_mode & 0o777 == 0o600
    assert hold.release(state_dir)
    assert hold.read(state_dir) is None
    assert not hold.release(state_dir)


def test_a_refusal_names_who_why_since_when_and_the_remedy() -> None:
    for word in ("incident 4711", "anna@console", "2026-11-24T02:00:00Z", "evenkeel release"):
        assert word in HOLD.words


def test_a_file_made_by_hand_holds_too(tmp_path: Path) -> None:
    for content in (b"", b"do not touch", b"\xff\xfe", b"[1, 2]", b'{"reason": "x"}'):
        (tmp_path / hold.NAME).write_bytes(content)
        held = hold.read(str(tmp_path))
        assert held is not None
        assert "nothing is changed" in held.words
