"""The scan for planted secrets: every form is found wherever it hides, and what cannot be read is not passed over."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import sys
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import secret_scan
from tools.secret_scan import Canary, Place, ScanError, files, forms, main, scan, text

VALUE = 'p4"ss/w+ord é%&=x'
CANARY = Canary("password", VALUE)


def found_in(content: bytes, value: str = VALUE) -> set[str]:
    return {item.form for item in scan([Canary("password", value)], [text("place", content)])}


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("plain", f"password is {VALUE}."),
        ("escaped", json.dumps({"msg": VALUE})),
        ("escaped", json.dumps({"msg": VALUE}, ensure_ascii=False)),
        ("escaped", json.dumps({"stdout": json.dumps({"msg": VALUE})})),
        ("url", f"https://x/?p={urllib.parse.quote(VALUE, safe='')}"),
        ("url", f"https://x/?p={urllib.parse.quote_plus(VALUE)}"),
        ("hex", VALUE.encode().hex()),
        ("hex", VALUE.encode().hex().upper()),
        ("base64", base64.urlsafe_b64encode(VALUE.encode()).decode()),
        ("base64", base64.encodebytes(b"-" * 50 + VALUE.encode()).decode()),
        ("base64", json.dumps({"content": base64.encodebytes(b"-" * 50 + VALUE.encode()).decode()})),
    ],
)
def test_a_form_is_found(form: str, content: str) -> None:
    assert found_in(content.encode()) == {form}


@given(st.text(min_size=12, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_is_found_whatever_stands_around_it(value: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + value.encode() + after)
    assert any(core in encoded for core in forms(value))


@given(st.text(min_size=12, max_size=40))
def test_a_value_is_found_in_what_json_makes_of_it(value: str) -> None:
    assert found_in(json.dumps([value]).encode(), value)


def test_another_value_is_not_found() -> None:
    assert (
        found_in(json.dumps({"msg": VALUE[:-1]}).encode() + base64.b64encode(b"another password of that length"))
        == set()
    )


def zipped(content: bytes) -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("inner.txt", content)
    return buffer.getvalue()


def tarred(content: bytes) -> bytes:
    with tarfile.open(fileobj=(buffer := io.BytesIO()), mode="w") as ball:
        member = tarfile.TarInfo("inner.txt")
        member.size = len(content)
        ball.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress, zipped, tarred])
def test_what_is_packed_is_unpacked(pack: Callable[[bytes], bytes]) -> None:
    content = b"x" * 100 + VALUE.encode()
    assert found_in(pack(content)) >= {"plain"}
    assert found_in(gzip.compress(pack(content))) >= {"plain"}


def test_what_only_begins_like_something_packed_is_searched_as_it_is() -> None:
    for magic in (b"\x1f\x8b", b"\x78\x9c", b"\xfd7zXZ\x00", b"BZh", b"PK\x03\x04"):
        assert found_in(magic + VALUE.encode()) == {"plain"}


def test_findings_tell_place_file_and_number_but_not_the_value(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.log").write_text(f"{VALUE} {VALUE}", encoding="utf-8")
    place = files("logs", tmp_path)
    (finding,) = scan([CANARY], [place])
    assert (finding.place, finding.where, finding.count) == ("logs", str(tmp_path / "deep/a.log"), 2)
    assert VALUE not in repr(finding)
    assert (place.pieces, place.size) == (1, len(f"{VALUE} {VALUE}".encode()))


def test_where_it_belongs_is_told_apart(tmp_path: Path) -> None:
    place = Place(
        "files of web1", lambda: iter([("web1:/etc/shop/env", VALUE.encode()), ("web1:/tmp/x", VALUE.encode())])
    )
    assert [item.expected for item in scan([CANARY], [place], ["web1:/etc/shop/*"])] == [True, False]


def test_a_canary_that_chance_could_make_is_refused() -> None:
    with pytest.raises(ScanError, match="has 5 characters; allowed are 12 or more"):
        Canary("short", "12345")


def test_a_place_that_is_not_there_is_no_clean_place(tmp_path: Path) -> None:
    with pytest.raises(ScanError, match="is not there"):
        scan([CANARY], [files("logs", tmp_path / "none")])


def test_a_host_that_cannot_be_read_is_no_clean_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_scan, "ssh_command", lambda _address: ["sh", "-c", "echo refused >&2; exit 255"])
    with pytest.raises(ScanError, match=r"web1: find ended with status 255: refused"):
        scan([CANARY], secret_scan.host_places("web1", "192.0.2.1"))


def test_a_command_shows_in_output_and_process_list(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(VALUE, encoding="utf-8")
    careless = "import subprocess, sys; print(v := open(sys.argv[1]).read()); subprocess.run([*sys.argv[2:], v])"
    sleeper = [sys.executable, "-c", "import time; time.sleep(1)"]
    command = [sys.executable, "-c", careless, str(secret), *sleeper]
    status, places = secret_scan.watched(command, {}, tmp_path / "log")
    assert status == 0
    assert {item.place for item in scan([CANARY], places)} == {"output", "processes of the controller"}


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_program_says_by_its_status_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret, clean, dirty = (tmp_path / name for name in ("secret", "clean", "dirty"))
    secret.write_text(f"{VALUE}\n", encoding="utf-8")
    clean.write_text("nothing here", encoding="utf-8")
    dirty.write_text(VALUE, encoding="utf-8")
    canary = ("--canary", f"password={secret}")
    status, out, _err = run(capsys, *canary, "--files", f"logs={clean}")
    assert (status, json.loads(out)["astray"]) == (0, [])
    status, out, _err = run(capsys, *canary, "--files", f"logs={dirty}")
    assert (status, json.loads(out)["astray_by_place"]) == (1, {"logs": 1})
    status, out, _err = run(capsys, *canary, "--files", f"logs={dirty}", "--expect", str(dirty))
    assert (status, len(json.loads(out)["delivered"])) == (0, 1)
    status, out, _err = run(capsys, *canary, "--files", f"logs={clean}", "--expect", str(dirty))
    assert (status, json.loads(out)["missed"]) == (1, [str(dirty)])
    assert VALUE not in out
    status, _out, err = run(capsys, *canary, "--files", f"logs={tmp_path / 'none'}")
    assert status == 2
    assert "is not there" in err
    log = tmp_path / "log"
    status, _out, err = run(capsys, *canary, "--log", str(log), "--", sys.executable, "-c", "raise SystemExit('no')")
    assert status == 2
    assert "ended with status 1" in err
