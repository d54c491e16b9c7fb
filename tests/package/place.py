"""A place where nothing but the built collection is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent


@dataclass(frozen=True)
class Place:
    """An empty home with the collection installed from its artifact: what a user of Galaxy has."""

    directory: Path

    @property
    def collections(self) -> Path:
        """The only collections path of this place."""
        return self.directory / "collections"

    @property
    def collection(self) -> Path:
        """The installed copy."""
        return self.collections / "ansible_collections/evenkeel/ops"

    def run(self, tool: str, *arguments: str | Path, timeout: int = 300) -> subprocess.CompletedProcess[str]:
        """Run one of Ansible's tools, or a program by its path, here; the checkout's configuration is not in force."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        environment |= {
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONFIG": str(self.directory / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{TOOLS}:{environment['PATH']}",
        }
        environment.pop("PYTHONPATH", None)
        return subprocess.run(
            [TOOLS / tool, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def playbook(self, *arguments: str | Path, timeout: int = 300) -> str:
        """Run ansible-playbook, insist on its success, and return what it printed."""
        return succeeded(self.run("ansible-playbook", *arguments, timeout=timeout))


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """Insist that a command returned 0; the message of a failure is all that it said."""
    command = " ".join(str(word) for word in done.args)
    assert done.returncode == 0, f"{command} returned {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
