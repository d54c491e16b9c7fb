"""The container engine: the one that runs, else Debian's, started as a process where no systemd does it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import docker
from docker.errors import DockerException

from tools.lab.machine import allow_watches, apt_install, may_install
from tools.lab.progress import say
from tools.lab.settings import LabError, cache_dir

START_SECONDS = 90
PING_SECONDS = 10
WORK_SECONDS = 600
SYSTEM_CONTAINERD = Path("/run/containerd/containerd.sock")
OWN_CONTAINERD = Path("/run/docker/containerd")
DOCKER_SOCKET = Path("/var/run/docker.sock")


def connect() -> docker.DockerClient:
    """A client of the running engine."""
    try:
        client = docker.from_env(timeout=PING_SECONDS)
        client.ping()
        client.api.timeout = WORK_SECONDS
    except DockerException as error:
        raise LabError(explain(error)) from error
    return client


def explain(error: BaseException) -> str:
    """Why no engine answers, and what to do."""
    where = os.environ.get("DOCKER_HOST") or str(DOCKER_SOCKET)
    if "permission denied" in str(error).lower():
        return f"Docker answers at {where}, but not to this user: add it to the group 'docker' or run as root."
    if os.environ.get("DOCKER_HOST"):
        return f"No Docker engine answers at DOCKER_HOST={where}: start it, or unset DOCKER_HOST."
    return f"No Docker engine answers at {where}: install and start Docker (Debian, Ubuntu: apt-get install docker.io)."


def start() -> None:
    """Make sure that an engine answers."""
    try:
        connect()
    except LabError as reason:
        if os.environ.get("DOCKER_HOST") or not may_install():
            raise
        say(f"{reason} Doing that.")
        if not shutil.which("dockerd"):
            apt_install("docker.io")
        if Path("/run/systemd/system").is_dir():
            subprocess.run(["systemctl", "start", "docker"], check=False)
            _wait(None)
        elif _runs():
            # Just started, by the package's init script or by somebody else.
            _wait(None)
        else:
            _start_process()
    allow_watches()
    client = connect()
    info = client.info()
    say(f"Engine: Docker {info['ServerVersion']}, storage {info['Driver']}, cgroup v{info.get('CgroupVersion', '1')}")
    if info["Driver"] == "vfs":
        say("Storage driver vfs copies every layer: the lab works, but is slow and needs much disk.")


def stop() -> None:
    """Stop the engine that this project started, and no other."""
    pid = _own_pid()
    if not pid:
        return
    say(f"Stopping the engine that this project started (process {pid})")
    os.kill(pid, signal.SIGTERM)
    if not _gone(pid, 40):
        os.kill(pid, signal.SIGKILL)
        _gone(pid, 10)
    _pid_file().unlink(missing_ok=True)


def _pid_file() -> Path:
    return cache_dir() / "dockerd.pid"


def _pid_files() -> tuple[Path, ...]:
    return (_pid_file(), Path("/var/run/docker.pid"))


def _runs() -> bool:
    """Is there a dockerd, although it does not answer yet?"""
    return any(_is(_read_pid(path), "dockerd") for path in _pid_files())


def _own_pid() -> int:
    """Process number of the engine that this project started, or 0."""
    pid = _read_pid(_pid_file())
    return pid if _is(pid, "dockerd") else 0


def _read_pid(path: Path) -> int:
    try:
        return int(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return 0


def _is(pid: int, name: str) -> bool:
    """Is this process alive and of that name? A number alone may have been given to another process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    comm, _, rest = status.partition("(")[2].rpartition(")")
    return pid > 0 and comm == name and rest.split()[0] != "Z"


def _gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _is(pid, "dockerd"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def answers() -> bool:
    """Does an engine answer?"""
    try:
        connect()
    except LabError:
        return False
    return True


def _listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def _clean_leftovers() -> None:
    """Remove what a killed engine leaves behind and a new one would trust."""
    for path in _pid_files():
        path.unlink(missing_ok=True)
    if SYSTEM_CONTAINERD.exists() and not _listening(SYSTEM_CONTAINERD):
        SYSTEM_CONTAINERD.unlink()
    if not _is(_read_pid(OWN_CONTAINERD / "containerd.pid"), "containerd"):
        for name in ("containerd.pid", "containerd.sock", "containerd.sock.ttrpc", "containerd-debug.sock"):
            (OWN_CONTAINERD / name).unlink(missing_ok=True)


def _start_process() -> None:
    _clean_leftovers()
    log = cache_dir() / "dockerd.log"
    say(f"Starting dockerd as a process (log: {log})")
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            ["dockerd", f"--pidfile={_pid_file()}"],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            cwd="/",
        )
    _wait(process)


def _wait(process: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            what = "ended" if ended else f"did not answer within {START_SECONDS} s"
            raise LabError(f"dockerd {what}.{_log_tail() if process else ' Look at its log, stop it and try again.'}")
        time.sleep(0.3)


def _log_tail() -> str:
    log = cache_dir() / "dockerd.log"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
    return "\n".join([f" {log} ends with:", *lines])
