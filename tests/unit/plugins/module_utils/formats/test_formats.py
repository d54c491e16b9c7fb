# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every format: what is set is found again, what is not meant stays as it is, byte for byte."""

from __future__ import annotations

import pytest
from ansible_collections.evenkeel.ops.plugins.module_utils.formats.base import Entry, split_tail
from ansible_collections.evenkeel.ops.plugins.module_utils.formats.document import Document
from ansible_collections.evenkeel.ops.plugins.module_utils.formats.registry import FORMATS
from hypothesis import given
from hypothesis import strategies as st

# Lines that none of the tested keys is on, with foreign bytes and odd blanks among them.
NOISE = st.sampled_from(
    [
        b"",
        b"  ",
        b"# a comment",
        b"other 1",
        b"Other = 2",
        b"\xff\xfe\x00",
        "# \u00e4\u2028".encode(),
        b"\t# tab",
        b"#wanted old",
    ]
)
VALUES = st.text("abcXYZ019_./:-", min_size=1, max_size=12)
ENTRIES = {
    "sshd": lambda value: Entry("Wanted", (value,)),
    "keyvalue": lambda value: Entry("wanted", (value,)),
    "login_defs": lambda value: Entry("WANTED", (value,)),
    "ini": lambda value: Entry("wanted", (value,), section="Sec"),
    "limits": lambda value: Entry("* hard wanted", (value,)),
    "pam": lambda value: Entry("auth pam_wanted.so", (f"required {value}",)),
    "lines": lambda value: Entry("", (f"wanted {value}",)),
}


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """A file of noise with one kind of line end, and perhaps no newline at its end."""
    end = draw(st.sampled_from([b"\n", b"\r\n"]))
    return end.join(draw(st.lists(NOISE, max_size=8))) + draw(st.sampled_from([b"", end]))


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(content=contents(), value=VALUES, other=VALUES)
def test_set_is_found_and_nothing_else_changes(name: str, content: bytes, value: str, other: str) -> None:
    """Set, set anew, remove: each is seen, settles at once, and keeps every foreign line in its order."""
    format_, entry = FORMATS[name], ENTRIES[name](value)
    document = Document(content)
    assert document.content() == content
    format_.set(document, entry)
    assert format_.same(format_.get(document, entry), entry)
    once = document.content()
    format_.set(document, entry)
    assert document.content() == once, "set is not idempotent"
    again = ENTRIES[name](other)
    if name == "lines":
        format_.remove(document, entry)
    format_.set(document, again)
    assert format_.same(format_.get(document, again), again)
    format_.remove(document, again)
    assert format_.get(document, again) is None
    if name != "ini":  # the section's heading stays
        assert document.content() == content


@pytest.mark.parametrize("name", sorted(FORMATS))
@given(values=st.lists(VALUES, min_size=1, max_size=4, unique=True))
def test_what_is_rendered_is_found(name: str, values: list[str]) -> None:
    """A file rendered whole reads back."""
    format_ = FORMATS[name]
    entries = [ENTRIES[name](value) for value in values[:1]]
    document = Document("\n".join(format_.render(entries)).encode())
    assert all(format_.same(format_.get(document, entry), entry) for entry in entries)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40))
def test_a_line_is_value_and_tail(text: str) -> None:
    """Nothing is lost when a comment is split off."""
    value, tail = split_tail(text)
    assert value + tail == text
    assert not tail.strip() or tail.lstrip().startswith("#")


def edited(name: str, content: str, entry: Entry) -> str:
    """The content after setting an entry."""
    document = Document(content.encode())
    FORMATS[name].set(document, entry)
    return document.content().decode()


@pytest.mark.parametrize(
    ("name", "before", "entry", "after"),
    [
        (
            "sshd",
            "Port 22\nMatch User x\n  Wanted 1\n",
            Entry("Wanted", ("2",)),
            "Port 22\nWanted 2\nMatch User x\n  Wanted 1\n",
        ),
        ("sshd", "wanted=1 # why\n", Entry("Wanted", ("2",)), "wanted=2 # why\n"),
        ("sshd", "Wanted 1\nWanted 3\n", Entry("Wanted", ("2",)), "Wanted 2\nWanted 3\n"),
        ("sshd", "Port 22\nX 1\nPort 23\n", Entry("Port", ("24",), many=True), "Port 24\nX 1\n"),
        ("sshd", "# for x\nMatch User x\n", Entry("Wanted", ("2",)), "Wanted 2\n# for x\nMatch User x\n"),
        ("keyvalue", 'a="1 2"  # note\n', Entry("a", ("3",)), 'a="3"  # note\n'),
        ("keyvalue", "a=1\na=2\n", Entry("a", ("3",)), "a=1\na=3\n"),
        ("keyvalue", "a = 1\n", Entry("a", ("3",), separator=" = "), "a = 3\n"),
        ("keyvalue", "#a=1\nb=2\n", Entry("a", ("3",)), "#a=1\na=3\nb=2\n"),
        ("login_defs", "UMASK\t\t022\n", Entry("UMASK", ("027",)), "UMASK\t\t027\n"),
        ("ini", "[A]\nk=1\n[B]\nk=2\n", Entry("k", ("3",), "B"), "[A]\nk=1\n[B]\nk=3\n"),
        ("ini", "[A]\nk=1\n\n[B]\n;k=2\n", Entry("x", ("3",), "A"), "[A]\nk=1\nx=3\n\n[B]\n;k=2\n"),
        ("ini", "[A]\nk=1", Entry("x", ("3",), "B"), "[A]\nk=1\n\n[B]\nx=3"),
        ("limits", "*  hard\tcore 1 # x\n", Entry("* hard core", ("0",)), "*  hard\tcore 0 # x\n"),
        (
            "pam",
            "auth required pam_a.so\n@include common-auth\n",
            Entry("auth pam_w.so", ("required use_uid",)),
            "auth required pam_a.so\nauth\trequired\tpam_w.so use_uid\n@include common-auth\n",
        ),
        (
            "pam",
            "auth [a=1 b=2] pam_f.so preauth\nauth sufficient pam_f.so authfail\n",
            Entry("auth pam_f.so authfail", ("required authfail deny=3",)),
            "auth [a=1 b=2] pam_f.so preauth\nauth\trequired\tpam_f.so authfail deny=3\n",
        ),
        ("lines", "one\r\ntwo\r\n", Entry("", ("two", "three")), "one\r\ntwo\r\nthree\r\n"),
    ],
)
def test_edits(name: str, before: str, entry: Entry, after: str) -> None:
    """What each format does to real files."""
    assert edited(name, before, entry) == after


def test_an_sshd_list_is_joined_or_repeated() -> None:
    """HostKey repeats, Ciphers has commas, AuthorizedKeysFile has blanks."""
    entry = FORMATS["sshd"].entry
    assert entry("HostKey", ["a", "b"], "", "", True).values == ("a", "b")
    assert entry("Ciphers", ["a", "b"], "", "", True).values == ("a,b",)
    assert entry("AuthorizedKeysFile", ["a", "b"], "", "", True).values == ("a b",)


@pytest.mark.parametrize(
    ("name", "entry", "words"),
    [
        ("sshd", Entry("Match", ("User x",)), "no keyword"),
        ("keyvalue", Entry("a b", ("1",)), "no key"),
        ("keyvalue", Entry("a", ("1\nb=2",)), "line break"),
        ("ini", Entry("k", ("1",)), "section"),
        ("limits", Entry("* firm core", ("1",)), "soft, hard"),
        ("pam", Entry("auth", ("required",)), "type module"),
        ("lines", Entry("", ()), "value is missing"),
    ],
)
def test_what_a_format_cannot_hold(name: str, entry: Entry, words: str) -> None:
    """Each fault is one sentence."""
    assert any(words in fault for fault in FORMATS[name].faults(entry))
