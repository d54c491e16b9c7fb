"""What the lab needs of the machine it runs on: commands, root, Debian."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.lab.progress import say
from tools.lab.settings import LabError, cache_dir

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
# A host has nine inotify instances; the benchmark has a hundred hosts beside those of the lab.
WATCHERS = 2048


def os_release(text: str) -> dict[str, str]:
    """Parse /etc/os-release."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key: value.strip().strip("\"'") for key, value in pairs}


def debian_codename() -> str:
    """Codename of this machine's Debian, or an empty string on another system."""
    path = Path("/etc/os-release")
    release = os_release(path.read_text(encoding="utf-8")) if path.exists() else {}
    return release.get("VERSION_CODENAME", "") if release.get("ID") == "debian" else ""


def may_install() -> bool:
    """Debian as root: the project may install what it needs by itself."""
    return os.geteuid() == 0 and bool(debian_codename()) and shutil.which("apt-get") is not None


def need(command: str, package: str) -> str:
    """Path of a command; installs its package where that is allowed."""
    if not shutil.which(command):
        if not may_install():
            raise LabError(f"The command '{command}' is missing: install the package '{package}' and try again.")
        with only_one("apt"):
            if not shutil.which(command):
                apt_install(package)
    found = shutil.which(command)
    if not found:
        raise LabError(f"The package '{package}' was installed, yet '{command}' is not on PATH.")
    return found


def apt_install(*packages: str) -> None:
    """Install Debian packages without questions; the log is shown only when it fails."""
    say(f"Installing {', '.join(packages)} with apt-get")
    log = cache_dir() / "apt.log"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_SUSPEND": "1"}
    lock = ["-o", "DPkg::Lock::Timeout=300"]
    steps = (
        ["apt-get", *lock, "update", "-q"],
        ["apt-get", *lock, "install", "-q", "-y", "--no-install-recommends", *packages],
    )
    with log.open("w", encoding="utf-8") as stream:
        for step in steps:
            done = subprocess.run(
                step, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environment, check=False
            )
            if done.returncode:
                tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
                raise LabError(f"'{' '.join(step)}' failed ({done.returncode}); {log} ends with:\n{tail}")


def allow_watches() -> None:
    """Let so many hosts watch files; beyond the kernel's default of 128, systemd in a container stays `offline`."""
    try:
        if int(INOTIFY.read_text(encoding="ascii")) < WATCHERS:
            INOTIFY.write_text(f"{WATCHERS}\n", encoding="ascii")
            say(f"fs.inotify.max_user_instances is {WATCHERS} until the next boot of this machine")
    except OSError as error:
        reason = f"{INOTIFY} cannot be set to {WATCHERS}: {error.strerror}"
        say(f"More than 12 hosts at a time may not start: {reason}")


@contextmanager
def only_one(name: str, patience: float = 1800) -> Iterator[None]:
    """Hold a lock of the cache directory; a killed holder does not keep it."""
    with (cache_dir() / f"{name}.lock").open("w", encoding="utf-8") as stream:
        deadline = time.monotonic() + patience
        told = False
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(
                        f"Another run has held {stream.name} for {patience:.0f} s; see what it does."
                    ) from None
            if not told:
                say(f"Waiting for another run that uses the {name}")
                told = True
            time.sleep(0.5)
        yield
