"""The revert zipapp: made of the loaded sources, the same bytes everywhere, alive without Ansible."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ansible_collections.evenkeel.ops.plugins import module_utils
from ansible_collections.evenkeel.ops.plugins.module_utils import zipapp_maker

COLLECTION = Path(next(iter(module_utils.__path__)))


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_it_holds_the_very_sources() -> None:
    found = members(zipapp_maker.build())
    sources = {name: content for name, content in found.items() if not name.endswith(("__init__.py", "__main__.py"))}
    assert {"evenkeel/switch.py", "evenkeel/journal.py", "evenkeel/kinds/path.py", "evenkeel/kinds/unit.py"} <= set(
        sources
    )
    for name, content in sources.items():
        assert content == (COLLECTION / name.removeprefix("evenkeel/")).read_bytes()


def test_every_directory_is_a_package() -> None:
    names = set(members(zipapp_maker.build()))
    for name in names - {"__main__.py"}:
        assert f"{name.rpartition('/')[0]}/__init__.py" in names


def test_equal_sources_make_equal_bytes_in_another_process() -> None:
    program = (
        "import sys; from ansible_collections.evenkeel.ops.plugins.module_utils import zipapp_maker;"
        "sys.stdout.buffer.write(zipapp_maker.build())"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    assert other == zipapp_maker.build()


def test_what_else_is_loaded_does_not_matter() -> None:
    before = zipapp_maker.build()
    from ansible_collections.evenkeel.ops.plugins.module_utils import pending_updates  # noqa: F401  # loading is the point

    assert zipapp_maker.build() == before


def test_it_runs_without_ansible(tmp_path: Path) -> None:
    zipapp = tmp_path / "revert.pyz"
    zipapp.write_bytes(zipapp_maker.build())
    command = [sys.executable, "-I", str(zipapp), "console", "--state-dir", str(tmp_path / "state"), "status"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env={})
    assert (done.returncode, done.stdout) == (0, "Nothing is armed, unfinished or on hold.\n")


def test_it_can_make_itself_again(tmp_path: Path) -> None:
    """Undoing from the console is a changing call too, and refreshes what is installed."""
    zipapp = tmp_path / "revert.pyz"
    zipapp.write_bytes(zipapp_maker.build())
    lines = ["import sys", f"sys.path.insert(0, {str(zipapp)!r})", "from evenkeel.zipapp_maker import build"]
    program = "\n".join([*lines, "print(len(build()))"])
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == zipapp.stat().st_size


@pytest.mark.parametrize(
    "source", [b"import ansible.module_utils.basic", b"def f():\n    from ansible_collections.x.y import z"]
)
def test_an_import_of_ansible_is_refused(source: bytes) -> None:
    with pytest.raises(zipapp_maker.NotPackable, match="not there without Ansible"):
        zipapp_maker._imports("switch", source)


def test_what_only_a_type_checker_imports_is_left_out() -> None:
    source = (
        b"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .host import Host\nfrom .fs import FileLayer"
    )
    assert zipapp_maker._imports("switch", source) == ["fs"]


def test_relative_imports_of_sub_packages() -> None:
    assert zipapp_maker._imports("kinds.path", b"from ..host import Host\nfrom . import meta") == ["host", "kinds.meta"]
