# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine keeps on a host for the time without Ansible: the revert zipapp, a boot unit, a console command."""

from __future__ import annotations

import os
import shlex
import sys

from . import zipapp_maker
from .host import Host

DEFAULT_STATE_DIR = "/var/lib/evenkeel"
UNIT = "evenkeel-revert.service"
UNIT_DIR = "/etc/systemd/system"
CONSOLE = "/usr/local/sbin/evenkeel"
MARK = "Installed by evenkeel.ops"

# Before=: everything that reads what may have to be put back. sysinit.target holds back all ordinary services; the
# others run earlier than it, or are named so that the order stands even where a distribution changes it.
UNIT_TEXT = """\
# {mark}: puts back what was armed or unfinished when the host went down.
[Unit]
Description=Put back changes that were armed or unfinished at shutdown
Documentation=man:systemd.special(7)
DefaultDependencies=no
Conflicts=shutdown.target
RequiresMountsFor={state_dir}
ConditionDirectoryNotEmpty={state_dir}/runs
After=local-fs.target systemd-remount-fs.service
Before=sysinit.target shutdown.target
Before=systemd-sysctl.service systemd-modules-load.service apparmor.service auditd.service
Before=network-pre.target nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=systemd-networkd.service networking.service NetworkManager.service
Before=ssh.service ssh.socket sshd.service sshd.socket

[Service]
Type=oneshot
ExecStart={python} -I {zipapp} boot --state-dir {state_dir}
TimeoutStartSec=300
StandardOutput=journal+console

[Install]
WantedBy=sysinit.target
"""

CONSOLE_TEXT = """\
#!/bin/sh
# {mark}: what it did on this host, and how to put it back, without Ansible.
if [ "$(id -u)" -ne 0 ]; then
    echo "evenkeel: needs root, because the journal keeps the content of protected files: sudo evenkeel $*" >&2
    exit 4
fi
exec {python} -I {zipapp} console --state-dir {state_dir} "$@"
"""


def zipapp_path(state_dir: str) -> str:
    """Where the newest revert zipapp lies."""
    return os.path.join(state_dir, "bin", "evenkeel.pyz")


def serves(host: Host) -> bool:
    """Whether this is a host of its own with root and systemd, and not a trial in a directory."""
    return host.root == "/" and os.geteuid() == 0 and host.has_systemd


def install(host: Host, state_dir: str, everything: bool = False) -> None:
    """Install or refresh what is missing or outdated; reads only where all is well.

    A state_dir of one's own gets the boot unit when the switch is armed (`everything`), not for a mere trial.
    """
    if not serves(host):
        return
    install_zipapp(host, state_dir)
    default = state_dir == DEFAULT_STATE_DIR
    if default:
        _install_console(host, state_dir)
    if default or everything:
        _install_unit(host, state_dir)


def interpreter() -> str:
    """The absolute path of the Python that serves this module; by its name without version where that is the same."""
    stable = "/usr/bin/python3"
    same = os.path.realpath(stable) == os.path.realpath(sys.executable)
    # An upgrade of the distribution takes python3.11 away, and leaves python3.
    return stable if same else sys.executable


def install_zipapp(host: Host, state_dir: str) -> str:
    """Put the revert zipapp of this very code beside the journal; returns its path."""
    path = zipapp_path(state_dir)
    host.fs.make_dirs(os.path.dirname(path), 0o700)
    _write_if_other(host, path, zipapp_maker.build(), 0o600)
    return path


def unit_name(state_dir: str) -> str:
    """The boot unit of a state_dir: one each, so that none is forgotten."""
    if state_dir == DEFAULT_STATE_DIR:
        return UNIT
    words = "-".join(part for part in state_dir.split("/") if part)
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in words)
    return UNIT.replace(".service", f"-{safe}.service")


def unit_text(state_dir: str, python: str) -> str:
    """The boot unit. `python` is the absolute path of the interpreter that served the module."""
    zipapp = zipapp_path(state_dir)
    names = {"python": python, "zipapp": zipapp, "state_dir": state_dir}
    return UNIT_TEXT.format(mark=MARK, **{name: value.replace("%", "%%") for name, value in names.items()})


def console_text(state_dir: str, python: str) -> str:
    """The launcher of the console command."""
    names = {"python": python, "zipapp": zipapp_path(state_dir), "state_dir": state_dir}
    return CONSOLE_TEXT.format(mark=MARK, **{name: shlex.quote(value) for name, value in names.items()})


def _install_unit(host: Host, state_dir: str) -> None:
    name = unit_name(state_dir)
    path = os.path.join(UNIT_DIR, name)
    wants = os.path.join(UNIT_DIR, "sysinit.target.wants")
    link = os.path.join(wants, name)
    changed = _write_if_other(host, path, unit_text(state_dir, interpreter()).encode(), 0o644)
    host.fs.make_dirs(wants, 0o755)
    if not os.path.islink(link):
        host.fs.symlink(path, link)
        host.fs.fsync_dir(wants)
        changed = True
    if changed:
        host.must(["systemctl", "daemon-reload"])


def _install_console(host: Host, state_dir: str) -> None:
    """A program of that name that is not ours stays: the console command is a comfort, not a promise."""
    directory = os.path.dirname(CONSOLE)
    if not os.path.isdir(directory) or (host.fs.exists(CONSOLE) and MARK.encode() not in host.fs.read(CONSOLE)):
        return
    _write_if_other(host, CONSOLE, console_text(state_dir, interpreter()).encode(), 0o755)


def _write_if_other(host: Host, path: str, content: bytes, mode: int) -> bool:
    if host.fs.exists(path) and host.fs.read(path) == content:
        return False
    host.fs.write_atomic(path, content, mode)
    return True
