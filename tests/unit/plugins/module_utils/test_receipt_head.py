"""A host keeps the heads of the runs that changed it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils import receipt_head
from ansible_collections.evenkeel.ops.plugins.module_utils.host import Host

HEAD = "ab" * 32


def test_head_is_kept_and_replaced(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert receipt_head.read(state, "run1", Host()) == ""
    receipt_head.store(state, "run1", HEAD, Host())
    receipt_head.store(state, "run1", "cd" * 32, Host())
    receipt_head.store(state, "run2", HEAD, Host())
    assert receipt_head.read(state, "run1", Host()) == "cd" * 32
    assert receipt_head.read(state, "run2", Host()) == HEAD


def test_oldest_heads_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipt_head, "KEPT", 2)
    for run in ("20260101-a", "20260102-b", "20260103-c"):
        receipt_head.store(str(tmp_path), run, HEAD, Host())
    assert [receipt_head.read(str(tmp_path), run, Host()) for run in ("20260101-a", "20260103-c")] == ["", HEAD]


def test_damaged_file_is_no_head(tmp_path: Path) -> None:
    receipt_head.store(str(tmp_path), "run1", HEAD, Host())
    (tmp_path / "receipts/run1.json").write_text("[]")
    assert receipt_head.read(str(tmp_path), "run1", Host()) == ""


@pytest.mark.parametrize(
    ("run", "head"), [("../x", HEAD), ("", HEAD), ("a/b", None), ("run1", "xyz"), ("run1", HEAD[:-1])]
)
def test_bad_options_are_named(run: str, head: str | None) -> None:
    assert "; allowed are " in receipt_head.problem(run, head)
    assert receipt_head.problem("run1", HEAD) == ""
