# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the files of a tree on the controller, as ansible.builtin.template would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible import template as ansible_template
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean

FILE_KEYS = ("path", "src", "content", "raw", "mode", "owner", "group", "secret", "secret_words", "once")
# What the host needs to know of a file beside its content.
SENT = ("path", "mode", "owner", "group", "secret", "secret_words", "once")


class BadFiles(ValueError):
    """Option `files` cannot be understood; one sentence per line."""


def read_files(value: Any) -> list[dict[str, Any]]:
    """Option `files`, checked as far as the controller can."""
    if not isinstance(value, (list, tuple)):
        raise BadFiles(f"files is {type(value).__name__}; allowed is a list of mappings with path, and src or content.")
    problems = [problem for item in value for problem in _problems(item)]
    if problems:
        raise BadFiles("\n".join(problems))
    return [dict(item) for item in value]


def _problems(item: Any) -> list[str]:
    if not isinstance(item, Mapping) or not isinstance(item.get("path"), str) or not item["path"]:
        return ["files: an element has no path; allowed is a mapping with path, and src or content."]
    where = f"files: {item['path']}"
    unknown = sorted(set(item) - set(FILE_KEYS))
    found = [f"{where} has {name!r}; allowed are {', '.join(FILE_KEYS)}." for name in unknown]
    sources = [name for name in ("src", "content") if item.get(name) is not None]
    if len(sources) != 1:
        found.append(
            f"{where} has {' and '.join(sources) or 'neither src nor content'}; allowed is exactly one of them."
        )
    return found


class Renderer:
    """Renders with one task's variables; `find(kind, name)` looks a source up as the core's own actions do."""

    def __init__(self, templar: Any, loader: Any, find: Callable[[str, str], str], task_vars: dict[str, Any]) -> None:
        self.templar = templar
        self.loader = loader
        self.find = find
        self.task_vars = task_vars

    def content(self, item: Mapping[str, Any], overrides: Mapping[str, bool]) -> bytes:
        """The bytes that shall stand at `item["path"]`. Raises AnsibleError, naming the file."""
        if item.get("src") is None:
            content = item["content"]
            if isinstance(content, bytes):
                return content
            if not isinstance(content, str):
                raise AnsibleError(
                    f"files: content of {item['path']} is {type(content).__name__}; allowed is a string."
                )
            return content.encode("utf-8", "surrogateescape")
        raw = boolean(item.get("raw") or False)
        source = self.find("files" if raw else "templates", str(item["src"]))
        if raw:
            return Path(self.loader.get_real_file(source)).read_bytes()
        try:
            return self._template(str(item["src"]), source, item["path"], overrides).encode("utf-8", "surrogateescape")
        except AnsibleError as error:
            raise AnsibleError(f"files: {item['src']} for {item['path']} cannot be rendered: {error}") from error

    def _template(self, name: str, source: str, path: str, overrides: Mapping[str, bool]) -> str:
        text = self._source(source)
        templar = self.templar.copy_with_new_env(
            searchpath=self._search_path(source),
            available_variables={**self.task_vars, **self._template_variables(name, source, path)},
        )
        trust = getattr(ansible_template, "trust_as_template", None)
        if trust is not None:  # ansible-core 2.19 and newer
            rendered = templar.template(trust(text), escape_backslashes=False, overrides=dict(overrides))
        else:
            rendered = templar.do_template(
                text, preserve_trailing_newlines=True, escape_backslashes=False, overrides=dict(overrides)
            )
        return "" if rendered is None else str(rendered)

    def _source(self, path: str) -> str:
        """The template's text, decrypted where it is vaulted; newer cores also note where it comes from."""
        if hasattr(self.loader, "get_text_file_contents"):
            text: str = self.loader.get_text_file_contents(path)
            return text
        return Path(self.loader.get_real_file(path)).read_text(encoding="utf-8")

    def _search_path(self, source: str) -> list[str]:
        places = [*self.task_vars.get("ansible_search_path", []), self.loader.get_basedir(), Path(source).parent]
        return [str(path) for place in places for path in (Path(place, "templates"), place)]

    def _template_variables(self, name: str, source: str, path: str) -> dict[str, Any]:
        variables = {"template_path": name, "template_fullpath": source, "template_destpath": path}
        managed = {} if "ansible_managed" in self.task_vars else {"ansible_managed": "Ansible managed"}
        return {**variables, **managed}
