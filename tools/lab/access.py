"""SSH access to the lab: a key made for it, and host keys read from the containers instead of trusted on first use."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.lab.machine import need
from tools.lab.settings import LOGIN, cache_dir


def key_path() -> Path:
    """The lab's private key; made when it is missing."""
    path = cache_dir() / "id_ed25519"
    if not path.exists() or not path.with_suffix(".pub").exists():
        ssh_keygen = need("ssh-keygen", "openssh-client")
        new = path.with_name("id_ed25519.new")
        for leftover in (new, new.with_suffix(".new.pub")):
            leftover.unlink(missing_ok=True)
        command = [ssh_keygen, "-q", "-t", "ed25519", "-N", "", "-C", "evenkeel lab", "-f", str(new)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        Path(f"{new}.pub").replace(path.with_suffix(".pub"))
        new.replace(path)
    return path


def authorized_keys_archive(public_key: str, user_ids: Mapping[str, tuple[int, int]]) -> bytes:
    """A tar archive, for the container's root, that lets the key in; values are numeric owner and group by home."""
    buffer = io.BytesIO()
    data = public_key.encode()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for home, (uid, gid) in user_ids.items():
            member = tarfile.TarInfo(f"{home}/.ssh/authorized_keys")
            member.size, member.mode, member.uid, member.gid = len(data), 0o600, uid, gid
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def merge_known_hosts(text: str, keys: Mapping[str, list[str]]) -> str:
    """Replace the lines of these addresses, keep the others."""
    kept = [line for line in text.splitlines() if line.split(" ", 1)[0] not in keys]
    new = [f"{address} {key}" for address, lines in sorted(keys.items()) for key in lines]
    return "".join(f"{line}\n" for line in [*kept, *new])


def remember_hosts(keys: Mapping[str, list[str]]) -> None:
    """Write the lab's known_hosts; an address with no keys is forgotten."""
    path = cache_dir() / "known_hosts"
    old = path.read_text(encoding="ascii") if path.exists() else ""
    new = path.with_name("known_hosts.new")
    new.write_text(merge_known_hosts(old, keys), encoding="ascii")
    new.replace(path)


def ssh_command(address: str, options: Sequence[str] = (), login: str = LOGIN) -> list[str]:
    """The ssh client's command line up to the remote command; no configuration of the person who runs it is read."""
    settings = {
        "BatchMode": "yes",
        "ConnectTimeout": "5",
        "ControlMaster": "no",
        "ControlPath": "none",
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(cache_dir() / "known_hosts"),
    }
    arguments = [f"-o{name}={value}" for name, value in settings.items()]
    ssh = need("ssh", "openssh-client")
    # ssh takes the first value that it finds: what the caller asks for comes first.
    return [ssh, "-F", os.devnull, *options, "-i", str(key_path()), *arguments, f"{login}@{address}"]


def login_works(address: str) -> str:
    """Try one login; returns what went wrong, or nothing."""
    command = [*ssh_command(address), "true"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"ssh ended with status {done.returncode}"
