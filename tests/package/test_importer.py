"""Galaxy's own importer takes the artifact without a complaint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from place import TOOLS

# The importer returns 0 in spite of what it finds: its log decides.
COMPLAINT = re.compile(r"^(?:WARNING|ERROR|CRITICAL): .*$", re.MULTILINE)


def test_importer_has_no_complaint(artifact: Path, tmp_path: Path) -> None:
    """Neither a warning nor an error in the importer's log, with documentation and ansible-lint checked."""
    settings = tmp_path / "galaxy-importer.cfg"
    settings.write_text(
        "[galaxy-importer]\n"
        f"ansible_local_tmp = {tmp_path}/ansible\n"
        f"tmp_root_dir = {tmp_path}\n"
        "check_changelog = True\n"
        "run_ansible_doc = True\n"
        "run_ansible_lint = True\n"
        "offline_ansible_lint = True\n"
        "run_ansible_test = False\n",  # it wants a container; tools/sanity.sh runs the same tests
        encoding="utf-8",
    )
    environment = os.environ | {"GALAXY_IMPORTER_CONFIG": str(settings), "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("importer.py"), artifact],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=3000,
        check=False,
    )
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert "Importer processing completed successfully" in log, log
    assert not COMPLAINT.findall(log), log
