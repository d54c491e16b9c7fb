"""Makes the disk of a virtual machine once: a Debian root from the machine's own mirror, as an ext4 image."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tools.lab.access import key_path
from tools.lab.apt_sources import Source
from tools.lab.image import KEYRING, usable_sources
from tools.lab.machine import need, only_one
from tools.lab.progress import say
from tools.lab.settings import SUITES, LabError, cache_dir

GUEST_SCRIPT = Path(__file__).with_name("guest.sh")
AUDITOR_SCRIPT = GUEST_SCRIPT.with_name("auditor.sh")
AUDITOR_SUITE = "trixie"
SIZE = "3G"
# aide-common asks about each of its 300 files when it is configured: ten minutes in an emulated machine.
PACKAGES = (
    "acl,aide-common,apparmor,attr,auditd,ca-certificates,cron,dbus,e2fsprogs,grub2-common,iproute2,kmod,libpam-systemd,linux-image-cloud-amd64,"
    "nftables,openssh-server,procps,python3,python3-apt,sudo,systemd-sysv,udev"
)


@dataclass(frozen=True)
class Disk:
    """A disk that is never started itself, only copied; kernel and initrd beside it."""

    directory: Path

    @property
    def image(self) -> Path:
        """The ext4 image."""
        return self.directory / "disk.img"

    @property
    def kernel(self) -> Path:
        """The kernel of the image."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The first root of the kernel."""
        return self.directory / "initrd.img"

    @property
    def host_key(self) -> str:
        """Type and key of the machine's SSH host key."""
        return " ".join((self.directory / "ssh_host_ed25519_key.pub").read_text(encoding="ascii").split()[:2])


def ensure(distribution: str) -> Disk:
    """The disk of this distribution; made when it is missing or its recipe changed."""
    if distribution not in SUITES:
        raise LabError(f"The distribution is {distribution!r}; allowed: {', '.join(SUITES)}.")
    recipe = hashlib.sha256(
        GUEST_SCRIPT.read_bytes() + AUDITOR_SCRIPT.read_bytes() + PACKAGES.encode() + _public_key()
    ).hexdigest()[:12]
    disk = Disk(cache_dir() / "vm" / f"{distribution}-{recipe}")
    with only_one("vm-disk"):
        if not disk.directory.exists():
            _make(distribution, disk.directory)
    return disk


def _public_key() -> bytes:
    return key_path().with_suffix(".pub").read_bytes()


def _make(distribution: str, target: Path) -> None:
    """Build beside the target and rename at the end: a killed build leaves no half disk."""
    if os.geteuid() != 0:
        raise LabError(
            "Making the disk of a virtual machine needs root (owners of files, chroot): run it as root once."
        )
    mmdebstrap, mke2fs = need("mmdebstrap", "mmdebstrap"), need("mke2fs", "e2fsprogs")
    target.parent.mkdir(parents=True, exist_ok=True)
    for old in target.parent.glob(f"{distribution}-*"):
        shutil.rmtree(old)
    say(f"{distribution}: making the virtual machine's disk: once, about two minutes")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="new-") as work:
        root, new = Path(work, "root"), Path(work, "disk")
        new.mkdir()
        _run([*_bootstrap(mmdebstrap, distribution, root)], work)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(_inside(root, name), new / name)
        shutil.copyfile(root / "etc/ssh/ssh_host_ed25519_key.pub", new / "ssh_host_ed25519_key.pub")
        _run([mke2fs, "-q", "-t", "ext4", "-d", str(root), str(new / "disk.img"), SIZE], work)
        new.rename(target)
    say(f"{distribution}: the disk is ready")


def _inside(root: Path, link: str) -> Path:
    """Where a link of the new root points to, seen from outside."""
    return root / str((root / link).readlink()).lstrip("/")


def _bootstrap(mmdebstrap: str, distribution: str, root: Path) -> list[str]:
    suite = SUITES[distribution]
    public_key = key_path().with_suffix(".pub")
    return [
        *(mmdebstrap, "--quiet", "--mode=root", "--variant=minbase", f"--include={PACKAGES}"),
        f"--customize-hook=upload {public_key} /root/authorized_keys",
        f'--customize-hook=chroot "$1" sh -s < {GUEST_SCRIPT}',
        f"--customize-hook=chroot \"$1\" sh -s -- '{_line(usable_sources(AUDITOR_SUITE)[0])}' < {AUDITOR_SCRIPT}",
        *(suite, str(root)),
        *map(_line, usable_sources(suite)),
    ]


def _line(source: Source) -> str:
    return f"deb [signed-by={KEYRING}] {source.uri} {source.suite} main"


def _run(command: list[str], work: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "TMPDIR": work, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-15:])
        raise LabError(f"{command[0]} failed ({done.returncode}) while the disk was made:\n{tail}")
