"""A receipt is whole, or the check says which line is not."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils import receipt

RUN = "20260301T040506Z-cli-0123abcd"


@pytest.fixture
def written(tmp_path: Path) -> receipt.ReceiptFile:
    """A small closed receipt."""
    file = receipt.ReceiptFile(str(tmp_path / "kept"), RUN)
    file.append({"type": receipt.FIRST, "run": RUN})
    file.append({"type": "task", "host": "web1", "status": "ok", "changed": True})
    file.append({"type": "task", "host": "wéb2", "status": "ok", "changed": False})
    file.close({"hosts": {"web1": {"ok": 1}}})
    return file


def content(file: receipt.ReceiptFile) -> bytes:
    return Path(file.path).read_bytes()


def test_whole_receipt_is_good(written: receipt.ReceiptFile) -> None:
    checked = receipt.check(content(written))
    assert checked.problems == []
    assert (checked.run, checked.head, len(checked.entries)) == (RUN, written.head, 4)
    assert checked.knows(checked.entries[1]["hash"]) == 1
    assert checked.knows("f" * 64) is None


def test_only_the_owner_reads_it(written: receipt.ReceiptFile) -> None:
    path = Path(written.path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_every_altered_byte_is_found(written: receipt.ReceiptFile) -> None:
    good = content(written)
    for position in range(len(good)):
        for flip in (0x01, 0x20, 0x80):
            bad = good[:position] + bytes([good[position] ^ flip]) + good[position + 1 :]
            assert receipt.check(bad).problems, f"byte {position} xor {flip:#x} was not found"


def test_every_removed_or_added_byte_is_found(written: receipt.ReceiptFile) -> None:
    good = content(written)
    for position in range(len(good)):
        assert receipt.check(good[:position] + good[position + 1 :]).problems, f"missing byte {position} was not found"
        assert receipt.check(good[:position]).problems, f"cut at byte {position} was not found"
        for byte in (b" ", b"\n", b"0", b"{"):
            assert receipt.check(good[:position] + byte + good[position:]).problems, f"byte added at {position}"


def test_every_other_order_of_lines_is_found(written: receipt.ReceiptFile) -> None:
    lines = content(written).splitlines(keepends=True)
    for order in permutations(range(len(lines))):
        problems = receipt.check(b"".join(lines[index] for index in order)).problems
        assert bool(problems) == (list(order) != sorted(order)), order


def test_removed_and_repeated_lines_are_found(written: receipt.ReceiptFile) -> None:
    lines = content(written).splitlines(keepends=True)
    for index in range(len(lines)):
        assert receipt.check(b"".join(lines[:index] + lines[index + 1 :])).problems
        assert receipt.check(b"".join(lines[: index + 1] + lines[index:])).problems


def test_record_without_closing_line_is_not_valid(tmp_path: Path) -> None:
    file = receipt.ReceiptFile(str(tmp_path), RUN)
    file.append({"type": receipt.FIRST, "run": RUN})
    file.append({"type": "task"})
    assert receipt.check(content(file)).problems == [
        "the receipt is incomplete: there is no closing line of type 'end'."
    ]


def test_rewritten_tail_needs_the_heads_of_the_hosts(written: receipt.ReceiptFile) -> None:
    """Whoever may write the file can chain it anew; only a head kept elsewhere shows that."""
    kept = json.loads(content(written).splitlines()[2])["hash"]
    prev, lines = receipt.START, []
    for line in content(written).splitlines():
        entry = {key: value for key, value in json.loads(line).items() if key not in {"prev", "hash"}}
        entry = receipt.seal({**entry, "changed": False} if entry["type"] == "task" else entry, prev)
        prev = entry["hash"]
        lines.append(receipt.canonical(entry) + b"\n")
    forged = receipt.check(b"".join(lines))
    assert forged.problems == []
    assert forged.knows(kept) is None


def test_run_is_never_written_twice(written: receipt.ReceiptFile) -> None:
    with pytest.raises(FileExistsError):
        receipt.ReceiptFile(str(Path(written.path).parent), RUN)


def test_link_in_place_of_the_receipt_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{RUN}.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="exists"):
        receipt.ReceiptFile(str(tmp_path), RUN)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "set"),
        ({"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/7"}, "/runner/artifacts/7/evenkeel_receipts"),
        ({"AWX_ISOLATED_DATA_DIR": "/runner/artifacts/7", "EVENKEEL_RECEIPT_DIR": "/kept"}, "/kept"),
        ({"EVENKEEL_RECEIPT_DIR": "/kept"}, "/kept"),
    ],
)
def test_directory(environment: dict[str, str], expected: str) -> None:
    assert receipt.directory("set", environment) == expected
