"""Looks for planted secrets (canaries) where they must not be: output, receipts, journals, logs, process lists, files.

As a library: `findings = scan([Canary("password", value)], [files("output", log), *host_places("web1", address)])`; and
`watched(command, hosts, log)` runs a command while the process lists are sampled. As a program, a command behind `--`
is run under watch first, then everything is searched; canaries come from files, as arguments are visible to everybody:

    python -m tools.secret_scan --canary password=FILE --host web1=172.30.89.21 --expect web1:/etc/shop/database.env \
        --files receipts=.evenkeel/receipts --log build/run.log -- ansible-playbook -vvv site.yml

Exit status: 0 nothing where it must not be, and a canary in each expected place; 1 otherwise; 2 could not look.
"""

from __future__ import annotations

import argparse
import base64
import bz2
import fnmatch
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType

from tools.lab.access import ssh_command

# Shorter ones are found by chance in base64.
SHORTEST = 12
LARGEST = 256 << 20
NESTED = 3
# What a host keeps of a run, and where a careless task leaves something. Journald's own files are read by journalctl.
HOST_TREES = ("/var/lib/evenkeel", "/var/log", "/etc", "/home", "/root", "/tmp", "/var/tmp")  # noqa: S108 - searched
EXCLUDED = "--exclude=/var/log/journal"
PATIENCE = 120

Pieces = Iterator[tuple[str, bytes]]


class ScanError(Exception):
    """A place could not be read, so nothing can be said about it."""


@dataclass(frozen=True)
class Canary:
    """A secret that was planted. Its value is never printed."""

    name: str
    value: str

    def __post_init__(self) -> None:
        if len(self.value) < SHORTEST:
            raise ScanError(f"The canary {self.name} has {len(self.value)} characters; allowed are {SHORTEST} or more.")


@dataclass
class Place:
    """Somewhere to look: `read` gives (where, content). What was looked at is counted: nothing passes unread."""

    name: str
    read: Callable[[], Pieces]
    pieces: int = 0
    size: int = 0


@dataclass(frozen=True)
class Finding:
    """One canary in one form in one piece of a place."""

    canary: str
    place: str
    where: str
    form: str
    count: int
    expected: bool = False


# --- what to look for ---


def forms(value: str) -> dict[bytes, str]:
    """The texts by which the value can be recognised, and what each of them is."""
    raw = value.encode()
    once = json.dumps(value)[1:-1]
    found = {raw: "plain"}
    for text in (once, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(once)[1:-1], repr(value)[1:-1]):
        found.setdefault(text.encode(), "escaped")
    for text in (urllib.parse.quote(value, safe=""), urllib.parse.quote(value), urllib.parse.quote_plus(value)):
        found.setdefault(text.encode(), "url")
    for text in (raw.hex(), raw.hex().upper()):
        found.setdefault(text.encode(), "hex")
    for core in _base64_cores(raw):
        found.setdefault(core, "base64")
    return found


def _base64_cores(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of `raw` wherever it stands in a longer text: the characters that are its alone."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        core = encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]
        yield core
        yield core.translate(bytes.maketrans(b"+/", b"-_"))


def unpacked(where: str, content: bytes, depth: int = NESTED) -> Pieces:
    """The content itself, and what it holds where it is compressed or an archive."""
    yield where, content
    if depth == 0:
        return
    if content[:4] == b"PK\x03\x04" and zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            for name in bundle.namelist():
                yield from unpacked(f"{where}!{name}", bundle.read(name), depth - 1)
    elif content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as ball:
            for member, data in _members(ball):
                yield from unpacked(f"{where}!{member}", data, depth - 1)
    elif (plain := _decompressed(content)) is not None:
        yield from unpacked(where, plain, depth - 1)


def _decompressed(content: bytes) -> bytes | None:
    try:
        if content[:2] == b"\x1f\x8b":
            return zlib.decompressobj(wbits=31).decompress(content, LARGEST)
        if content[:1] == b"\x78" and content[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
            return zlib.decompressobj().decompress(content, LARGEST)
        if content[:6] == b"\xfd7zXZ\x00":
            return lzma.LZMADecompressor().decompress(content, LARGEST)
        if content[:3] == b"BZh":
            return bz2.BZ2Decompressor().decompress(content, LARGEST)
    except (zlib.error, lzma.LZMAError, OSError, ValueError):
        return None  # It only begins like one; it was searched as it is.
    return None


def _members(ball: tarfile.TarFile) -> Pieces:
    for member in ball:
        if member.isfile() and (stream := ball.extractfile(member)) is not None:
            yield member.name, stream.read(LARGEST)


def scan(canaries: Sequence[Canary], places: Iterable[Place], expected: Sequence[str] = ()) -> list[Finding]:
    """Every canary in every form in every place. `expected`: patterns of `where` in which it belongs."""
    wanted = [(canary.name, forms(canary.value)) for canary in canaries]
    found: list[Finding] = []
    for place in places:
        for top, content in place.read():
            place.pieces += 1
            place.size += len(content)
            for where, data in unpacked(top, content):
                belongs = any(fnmatch.fnmatchcase(where, pattern) for pattern in expected)
                found += [
                    Finding(name, place.name, where, form, count, belongs)
                    for name, texts in wanted
                    for form, count in sorted(_counts(texts, data).items())
                ]
    return found


def _counts(texts: Mapping[bytes, str], data: bytes) -> dict[str, int]:
    """How often each form occurs. base64 is broken into lines, so it is looked for without them, too."""
    joined = data.replace(b"\\n", b"").translate(None, b" \r\n")
    found: dict[str, int] = {}
    for text, form in texts.items():
        if count := max(data.count(text), joined.count(text) if form == "base64" else 0):
            found[form] = found.get(form, 0) + count
    return found


# --- where to look ---


def files(name: str, path: Path) -> Place:
    """A file, or all files below a directory, of this machine."""

    def read() -> Pieces:
        if not path.exists():
            raise ScanError(f"{name}: {path} is not there.")
        inside = (each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink())
        for each in [path] if path.is_file() else inside:
            yield str(each), each.read_bytes()

    return Place(name, read)


def text(name: str, content: bytes) -> Place:
    """Something that was read before."""
    return Place(name, lambda: iter([(name, content)]))


def host_trees(host: str, address: str, paths: Sequence[str] = HOST_TREES) -> Place:
    """All files below these directories of a host."""

    def read() -> Pieces:
        listed = _on_host(host, address, ["find", *paths, "-maxdepth", "0"], allowed=(0, 1)).decode().split()
        packed = (
            _on_host(host, address, ["tar", "-cf", "-", "-P", EXCLUDED, *listed], allowed=(0, 1)) if listed else b""
        )
        if packed:
            with tarfile.open(fileobj=io.BytesIO(packed)) as ball:
                for member, content in _members(ball):
                    yield f"{host}:{member}", content

    return Place(f"files of {host}", read)


def host_journal(host: str, address: str) -> Place:
    """Everything that journald has: syslog, the units' output, what Ansible's modules log."""

    def read() -> Pieces:
        argv = ["journalctl", "--no-pager", "--quiet", "--all", "--output=export"]
        yield f"{host}: journald", _on_host(host, address, argv)

    return Place(f"journald of {host}", read)


def host_places(host: str, address: str) -> list[Place]:
    """All that a host keeps of a run."""
    return [host_trees(host, address), host_journal(host, address)]


def _on_host(host: str, address: str, argv: Sequence[str], allowed: Sequence[int] = (0,)) -> bytes:
    command = [*ssh_command(address), "sudo", "-n", *argv]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=PATIENCE)
    if done.returncode not in allowed:
        words = done.stderr.decode(errors="replace").strip()[-300:]
        raise ScanError(f"{host}: {argv[0]} ended with status {done.returncode}: {words}")
    return done.stdout


# --- process lists, while something runs ---

SAMPLER = """
import os, select, sys
seen = set()
while True:
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        for part in ("cmdline", "environ"):
            try:
                with open("/proc/%s/%s" % (name, part), "rb") as stream:
                    seen.add(stream.read())
            except OSError:
                pass
    if select.select([sys.stdin], [], [], 0.03)[0]:
        break
sys.stdout.buffer.write(b"\\n".join(each.replace(b"\\0", b" ") for each in sorted(seen)))
"""


@dataclass
class ProcessWatch:
    """Arguments and environments of all processes, sampled some thirty times a second during the `with`."""

    hosts: Mapping[str, str]
    seen: dict[str, bytes] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> ProcessWatch:
        self._running["the controller"] = self._start([sys.executable, "-I", "-c", SAMPLER])
        for host, address in self.hosts.items():
            quoted = "'" + SAMPLER.replace("'", "'\\''") + "'"
            self._running[host] = self._start([*ssh_command(address), f"sudo -n python3 -I -c {quoted}"])
        return self

    @staticmethod
    def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host, process in self._running.items():
            # Closing its input ends the sampling.
            self.seen[host] = process.communicate(timeout=PATIENCE)[0]
            if process.returncode and error is None:
                raise ScanError(f"The processes of {host} could not be watched (status {process.returncode}).")

    def places(self) -> list[Place]:
        """What was seen, by host."""
        return [text(f"processes of {host}", content) for host, content in self.seen.items()]


def watched(
    command: Sequence[str], hosts: Mapping[str, str], log: Path, env: Mapping[str, str] | None = None
) -> tuple[int, list[Place]]:
    """Run a command with its output in `log`; its status, and the places `output` and `processes of …`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with ProcessWatch(hosts) as watch, log.open("wb") as stream:
        environment = {**os.environ, **(env or {})}
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, check=False
        )
    return done.returncode, [files("output", log), *watch.places()]


# --- the program ---


def _pair(value: str) -> tuple[str, str]:
    name, sign, rest = value.partition("=")
    if not (name and sign and rest):
        raise argparse.ArgumentTypeError(f"{value!r}; allowed is NAME=VALUE")
    return name, rest


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--canary", type=_pair, action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--host", type=_pair, action="append", default=[], metavar="NAME=ADDRESS")
    parser.add_argument("--files", type=_pair, action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--expect", action="append", default=[], metavar="HOST:PATH", help="where a canary belongs")
    parser.add_argument("--log", type=Path, help="where the output of the command goes; required with a command")
    parser.add_argument("command", nargs="*", help="behind `--`: run this under watch first")
    options = parser.parse_args(argv)
    if options.command and not options.log:
        parser.error("--log is required with a command")
    return options


def read_value(path: Path) -> str:
    """A canary's value. Read after the command, which may have made it."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ScanError(f"{path}: {error.strerror}") from None


def look(options: argparse.Namespace) -> tuple[bool, dict[str, object]]:
    """Run and search; whether all is where it belongs, and the report."""
    hosts = dict(options.host)
    status, places = watched(options.command, hosts, options.log) if options.command else (0, [])
    if status:
        tail = options.log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise ScanError(f"{options.command[0]} ended with status {status}; {options.log} ends with:\n{tail}")
    canaries = [Canary(name, read_value(Path(path))) for name, path in options.canary]
    places += [files(name, Path(path)) for name, path in options.files]
    places += [place for host, address in hosts.items() for place in host_places(host, address)]
    found = scan(canaries, places, options.expect)
    astray = [item for item in found if not item.expected]
    missed = [
        pattern for pattern in options.expect if not any(fnmatch.fnmatchcase(item.where, pattern) for item in found)
    ]
    report: dict[str, object] = {
        "astray": [asdict(item) for item in astray],
        "astray_by_place": {
            place.name: sum(item.count for item in astray if item.place == place.name) for place in places
        },
        "delivered": [asdict(item) for item in found if item.expected],
        "missed": missed,
        "looked_at": {place.name: {"pieces": place.pieces, "bytes": place.size} for place in places},
    }
    return not astray and not missed, report


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report as JSON."""
    options = _arguments(argv)
    try:
        good, report = look(options)
    except ScanError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report, indent=2))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
