# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the `revert` zipapp, or another one, out of the very module_utils that this process runs.

The sources come from the import system, not from the file system: inside a module call they lie in Ansible's own zip.
Only what the entry, `revert_main`, needs is packed, found by following its relative imports, so that every module of
the collection makes the same bytes.
"""

from __future__ import annotations

import ast
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec

PACKAGE = "evenkeel"
ENTRY = "revert_main"
MAIN = "import sys\n\nfrom {package}.{entry} import main\n\nsys.exit(main())\n"
STUB = b"# Makes the directory a package.\n"
# The earliest date that a zip knows: equal sources shall make equal bytes.
DATE = (1980, 1, 1, 0, 0, 0)


class NotPackable(Exception):
    """A source is missing, or it imports what does not exist under `python3 -I`."""


@cache
def build(entry: str = ENTRY) -> bytes:
    """The zipapp of an entry. Stored, not compressed: the bytes then depend on no version of zlib."""
    # Here, because it imports what imports this module; and at all, so that Ansible ships it with every module.
    from . import revert_main  # noqa: F401  # nothing of it is used in this process

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_members(entry).items()):
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = 0o100600 << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def _members(entry: str) -> dict[str, bytes]:
    main = MAIN.format(package=PACKAGE, entry=entry)
    members = {"__main__.py": main.encode(), f"{PACKAGE}/__init__.py": STUB}
    for name, source in sources(entry).items():
        parts = name.split(".")
        members["/".join([PACKAGE, *parts]) + ".py"] = source
        for depth in range(1, len(parts)):
            members["/".join([PACKAGE, *parts[:depth], "__init__.py"])] = STUB
    return members


def sources(entry: str = ENTRY) -> dict[str, bytes]:
    """Source by name relative to module_utils: the entry and everything that it imports, directly or not."""
    found: dict[str, bytes] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _source(name)
            waiting += _imports(name, found[name])
    return found


@cache
def _spec(name: str) -> ModuleSpec | None:
    """How the import system would load the module, or None where it is none but a name within one."""
    try:
        return find_spec(f"{__package__}.{name}")
    except ModuleNotFoundError:
        return None


def _source(name: str) -> bytes:
    spec = _spec(name)
    # File and zip loaders have it, Ansible's own too.
    get_data = getattr(spec.loader, "get_data", None) if spec else None
    if spec is None or spec.origin is None or get_data is None:
        raise NotPackable(f"the source of module_utils {name} cannot be read back from where Python loads it")
    content: bytes = get_data(spec.origin)
    return content


def _imports(name: str, source: bytes) -> list[str]:
    """Names, relative to module_utils, of the modules that this source imports."""
    needed = []
    for node in _runtime_nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            _refuse_foreign(name, [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom) and not node.level:
            _refuse_foreign(name, [node.module or ""])
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: -node.level]
            base += node.module.split(".") if node.module else []
            inner = [".".join([*base, alias.name]) for alias in node.names]
            needed += [module for module in inner if _is_source(module)]
            needed += [".".join(base)] if base and _is_source(".".join(base)) else []
    return needed


def _is_source(name: str) -> bool:
    """Whether the name is a module with a file, not a package and not a name within a module."""
    spec = _spec(name)
    return spec is not None and spec.submodule_search_locations is None


def _refuse_foreign(name: str, modules: list[str]) -> None:
    for module in modules:
        if module.split(".")[0] in ("ansible", "ansible_collections"):
            raise NotPackable(f"module_utils {name} imports {module}, which is not there without Ansible")


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and getattr(child.test, "id", "") == "TYPE_CHECKING":
            continue
        yield child
        yield from _runtime_nodes(child)
