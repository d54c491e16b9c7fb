"""The page of the hardening catalogue is one line per control."""

from __future__ import annotations

from tools.hardening_catalogue import row


def test_row_names_every_source() -> None:
    """In one cell, so that a source more makes no column more."""
    control = {
        "id": "a",
        "title": "A | B",
        "profiles": ["strict"],
        "refs": {"cis_debian13": ["5.1.1", "5.1.2"], "anssi_bp_028": ["R50"]},
        "risk": "access",
    }
    assert row(control) == "| `a` | A \\| B | strict | CIS Debian 13 5.1.1, 5.1.2; ANSSI BP-028 R50 | access |"


def test_row_without_references() -> None:
    """A catalogue of one's own need not have any."""
    assert row({"id": "a", "probe": {}, "one_way": True}) == "| `a` |  |  |  | one way, reported only |"
