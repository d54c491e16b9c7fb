"""The Debian mirror is read from the machine's own sources, in both formats."""

from __future__ import annotations

from pathlib import Path

from tools.lab.apt_sources import Source, for_suite, parse_deb822, parse_one_line, read_sources

MIRROR, SECURITY = "http://mirror.example/debian", "http://security.example/debian-security"
ONE_LINE = f"""
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] {MIRROR}/ bookworm main contrib # trailing
deb-src {MIRROR} bookworm main
deb {SECURITY} bookworm-security main
deb https://vendor.example/apt stable main
deb broken
"""
DEB822 = f"""
Types: deb
# a comment
URIs: {MIRROR}
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb deb-src
URIs: {SECURITY}/
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""


def test_one_line_format() -> None:
    assert parse_one_line(ONE_LINE) == [
        Source(MIRROR, "bookworm", ("main", "contrib")),
        Source(SECURITY, "bookworm-security", ("main",)),
        Source("https://vendor.example/apt", "stable", ("main",)),
    ]


def test_deb822_format() -> None:
    assert parse_deb822(DEB822) == [
        Source(MIRROR, "bookworm", ("main",)),
        Source(MIRROR, "bookworm-updates", ("main",)),
        Source(SECURITY, "bookworm-security", ("main",)),
    ]


def test_the_same_mirrors_serve_another_suite() -> None:
    assert for_suite(parse_deb822(DEB822), "bookworm", "trixie") == [
        Source(MIRROR, "trixie", ("main",)),
        Source(MIRROR, "trixie-updates", ("main",)),
        Source(SECURITY, "trixie-security", ("main",)),
    ]


def test_a_security_archive_alone_makes_no_system() -> None:
    assert for_suite([Source(SECURITY, "bookworm-security", ("main",))], "bookworm", "trixie") == []


def test_an_archive_without_main_is_not_the_mirror() -> None:
    sources = [Source("http://extra.example/debian", "bookworm", ("contrib",)), Source(MIRROR, "bookworm", ("main",))]
    assert for_suite(sources, "bookworm", "bookworm") == [Source(MIRROR, "bookworm", ("main",))]


def test_all_files_of_the_machine_are_read(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.example/debian bookworm main\n", encoding="utf-8")
    (parts / "two.list").write_text("deb http://two.example/debian bookworm main\n", encoding="utf-8")
    (parts / "three.sources").write_text(DEB822, encoding="utf-8")
    (parts / "four.sources.disabled").write_text(
        "Types: deb\nURIs: http://four.example\nSuites: bookworm\n", encoding="utf-8"
    )
    uris = [source.uri for source in read_sources(tmp_path)]
    assert uris == ["http://one.example/debian", "http://two.example/debian", MIRROR, MIRROR, SECURITY]


def test_a_machine_without_sources_has_none(tmp_path: Path) -> None:
    assert read_sources(tmp_path) == []
