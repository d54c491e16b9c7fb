# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""fstab is edited by entry; every other byte stays."""

from __future__ import annotations

from ansible_collections.evenkeel.ops.plugins.module_utils.fstab import entries, merged, with_entry, with_options
from hypothesis import given
from hypothesis import strategies as st

TEXT = (
    "# /etc/fstab\n"
    "UUID=1234 /              ext4  errors=remount-ro 0 1\n"
    "\n"
    "  /dev/sdb1\t/srv/my\\040data\text4\tdefaults,dev  0  2 # disk of \xe9ric\n"
)
words = st.sampled_from(["nodev", "dev", "nosuid", "noexec", "exec", "ro", "rw", "size=1m", "size=2m", "hidepid=2"])


def test_entries_are_read_with_escapes_and_comments_are_none() -> None:
    assert [(entry.path, entry.options) for entry in entries(TEXT)] == [
        ("/", ("errors=remount-ro",)),
        ("/srv/my data", ("defaults", "dev")),
    ]


def test_only_the_options_change() -> None:
    entry = entries(TEXT)[1]
    changed = with_options(TEXT, entry, ("defaults", "nodev"))
    assert changed == TEXT.replace("defaults,dev", "defaults,nodev")


def test_an_entry_is_added_to_a_file_without_a_last_newline() -> None:
    text = with_entry("tmpfs /a tmpfs rw 0 0", "tmpfs", "/b", "tmpfs", ("nodev",))
    assert text == "tmpfs /a tmpfs rw 0 0\ntmpfs /b tmpfs nodev 0 0\n"


@given(
    present=st.lists(words, unique=True),
    wanted=st.lists(words, unique_by=lambda word: word.removeprefix("no").split("=")[0]),
)
def test_what_is_wanted_is_there_and_merging_again_changes_nothing(present: list[str], wanted: list[str]) -> None:
    opposites = {("ro", "rw"), ("rw", "ro")}
    if any((one, other) in opposites for one in wanted for other in wanted):
        return
    result = merged(tuple(present), wanted)
    assert set(wanted) <= set(result)
    assert merged(result, wanted) == result
    keys = [word.partition("=")[0] for word in result if word.split("=")[0] in {w.split("=")[0] for w in wanted}]
    assert len(keys) == len(set(keys))
