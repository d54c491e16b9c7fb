# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Vault agent is started: by the wrapped secret-id before the token, and not at all without either."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "roles/vault_agent/files/start.py"


@pytest.mark.parametrize(
    ("there", "way"), [(["wrapped", "token"], "approle"), (["wrapped"], "approle"), (["token"], "token"), ([], None)]
)
def test_the_way_in(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    there: list[str],
    way: str | None,
) -> None:
    spec = importlib.util.spec_from_file_location("start", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    for name in ("MANIFEST", "RENDERED", "WRAPPED", "TOKEN"):
        monkeypatch.setattr(program, name, str(tmp_path / name.lower()))
    for name in there:
        (tmp_path / name).touch()
    (tmp_path / "rendered").mkdir()
    for name in ("db.new", "db.old", "db.new123456"):
        (tmp_path / "rendered" / name).write_text("secret", encoding="ascii")
    (tmp_path / "manifest").write_text(json.dumps({"deliveries": [{"source": "/run/db.new"}]}), encoding="ascii")
    became: list[list[str]] = []
    monkeypatch.setattr(program.os, "execv", lambda _path, argv: became.append(argv))
    status = program.main(["/program"])
    if way is None:
        assert (status, became) == (78, [])
        assert "neither a wrapped secret-id nor a token: run the role vault_agent" in capsys.readouterr().err
        return
    assert became == [["/program", "agent", f"-config=/etc/vault-agent/{way}.hcl"]]
    assert [path.name for path in (tmp_path / "rendered").iterdir()] == ["db.new"]
