"""Plugins are documented, registered, and each imports only what its place allows."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tree
import yaml

LICENCE = "# SPDX-License-Identifier: GPL-3.0-or-later"
OWN = "ansible_collections.evenkeel.ops.plugins"
PLUGIN_KINDS = (
    "action",
    "callback",
    "doc_fragments",
    "filter",
    "inventory",
    "lookup",
    "module_utils",
    "modules",
    "plugin_utils",
)
# Target code that is used only under Ansible, never by the revert zipapp, may use Ansible's own module_utils.
MODULE_UTILS_WITH_ANSIBLE: set[str] = set()
# Controller code may use these beside the standard library and Ansible itself.
CONTROLLER_LIBRARIES = {"ansible", "dateutil", "jinja2", "markupsafe", "netaddr", "packaging", "yaml"}


def constants(path: Path) -> dict[str, str]:
    """The module-level string constants of a Python file."""
    body = ast.parse(tree.text(path)).body
    return {
        target.id: node.value.value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def documentation(path: Path) -> dict[str, Any]:
    """The DOCUMENTATION of a plugin, from its file or from the YAML file beside it."""
    beside = path.with_suffix(".yml")
    if (tree.ROOT / beside).exists():
        loaded = tree.load(beside)["DOCUMENTATION"]
    elif (tree.ROOT / path).exists():
        loaded = yaml.safe_load(constants(path).get("DOCUMENTATION", "{}"))
    else:
        loaded = {}
    return loaded if isinstance(loaded, dict) else {}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each imported module with its line; relative names are made absolute."""
    package = [*OWN.split("."), *path.parts[1:-1]]
    for node in ast.walk(ast.parse(tree.text(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            parents = package[: len(package) - node.level + 1]
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((node.lineno, base if node.module else f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


def may_import(path: Path, name: str) -> bool:
    """Whether a plugin file at this path may import this module."""
    room, top = path.parts[1], name.split(".", maxsplit=1)[0]
    if name.startswith(f"{OWN}."):
        target = name[len(OWN) + 1 :].split(".")[0]
        return target in {"module_utils"} if room in {"modules", "module_utils"} else target != "modules"
    if top in sys.stdlib_module_names:
        return True
    if room == "module_utils":
        return str(path) in MODULE_UTILS_WITH_ANSIBLE and name.startswith("ansible.module_utils")
    if room == "modules":
        return name.startswith("ansible.module_utils")
    return top in CONTROLLER_LIBRARIES


@pytest.mark.parametrize("path", tree.matching("plugins/**/*.py"), ids=str)
def test_imports_stay_in_their_room(path: Path) -> None:
    """Targets have the standard library only; what runs on the controller is never sent to a target."""
    faults = [f"{path}:{line}: {name}" for line, name in imports(path) if not may_import(path, name)]
    assert not faults, "\n".join(
        [
            "modules and module_utils run on targets: standard library, own module_utils"
            " (modules also ansible.module_utils); the rest runs on the controller:",
            *faults,
        ]
    )


@pytest.mark.parametrize("path", tree.matching("plugins/**/*.py"), ids=str)
def test_plugin_files_begin_alike(path: Path) -> None:
    """Licence first, annotations not evaluated, and a room that Ansible knows."""
    lines = tree.text(path).splitlines()
    assert path.parts[1] in PLUGIN_KINDS, f"{path}: no such kind of plugin; there are {', '.join(PLUGIN_KINDS)}"
    assert LICENCE in lines[:5], f"{path}: no line `{LICENCE}` on top"
    assert "from __future__ import annotations" in lines, f"{path}: `from __future__ import annotations` is missing"


@pytest.mark.parametrize("module", tree.modules())
def test_module_is_documented(module: str) -> None:
    """DOCUMENTATION, EXAMPLES and RETURN are there, parse, and speak of this module."""
    path = Path("plugins/modules", f"{module}.py")
    texts = constants(path)
    missing = {"DOCUMENTATION", "EXAMPLES", "RETURN"} - set(texts)
    assert not missing, f"{path}: no {', '.join(sorted(missing))}"
    about, examples, returns = (yaml.safe_load(texts[name]) for name in ("DOCUMENTATION", "EXAMPLES", "RETURN"))
    assert about["module"] == module, f"{path}: DOCUMENTATION names the module {about['module']!r}"
    for key in ("short_description", "description", "author", "version_added"):
        assert about.get(key), f"{path}: DOCUMENTATION has no {key}"
    assert "check_mode" in attributes(about), f"{path}: DOCUMENTATION has no attributes that tell of check_mode"
    assert any(f"evenkeel.ops.{module}" in task for task in examples), f"{path}: no example calls evenkeel.ops.{module}"
    undescribed = [name for name, value in returns.items() if not {"description", "type", "returned"} <= set(value)]
    assert not undescribed, f"{path}: RETURN without description, type or returned: {undescribed}"


def attributes(about: dict[str, Any]) -> set[str]:
    """The attributes that a module's documentation tells of, itself or through a fragment of this collection."""
    told = set(about.get("attributes") or {})
    fragments = about.get("extends_documentation_fragment") or []
    for name in [fragments] if isinstance(fragments, str) else fragments:
        stem, _dot, part = name.removeprefix("evenkeel.ops.").partition(".")
        path = Path("plugins/doc_fragments", f"{stem}.py")
        if (tree.ROOT / path).exists():
            told |= set(yaml.safe_load(fragment(path, (part or "documentation").upper())).get("attributes") or {})
    return told


def fragment(path: Path, name: str) -> str:
    """One string of a documentation fragment's class."""
    module = importlib.import_module(f"{OWN}.{path.parts[1]}.{path.stem}")
    return str(getattr(module.ModuleDocFragment, name))


@pytest.mark.parametrize("module", tree.modules())
def test_module_options_are_documented(module: str) -> None:
    """Every option, nested ones too, says what it means and of which type it is."""
    path = Path("plugins/modules", f"{module}.py")
    faults = list(undocumented(documentation(path).get("options") or {}))
    assert not faults, f"{path}: {'; '.join(faults)}"


def undocumented(options: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield what the documentation of these options lacks."""
    for name, option in options.items():
        for key in ("description", "type"):
            if not option.get(key):
                yield f"{prefix}{name}: no {key}"
        yield from undocumented(option.get("suboptions") or {}, f"{prefix}{name}.")


def test_action_group_names_every_module() -> None:
    """`module_defaults: group/evenkeel.ops.evenkeel` reaches each module."""
    groups = tree.load(Path("meta/runtime.yml")).get("action_groups", {})
    assert sorted(groups.get("evenkeel", [])) == tree.modules(), (
        "meta/runtime.yml: action_groups.evenkeel has to list exactly the modules of plugins/modules"
    )


@pytest.mark.parametrize("path", tree.matching("plugins/action/*.py"), ids=str)
def test_action_plugin_has_a_module(path: Path) -> None:
    """The documentation of an action plugin is that of the module of the same name."""
    assert path.stem in tree.modules(), f"{path}: no plugins/modules/{path.stem}.py that documents it"


@pytest.mark.parametrize(
    "path", tree.matching(*(f"plugins/{kind}/*.py" for kind in ("callback", "inventory", "lookup"))), ids=str
)
def test_other_plugin_is_documented(path: Path) -> None:
    """Callbacks, inventories and lookups are documented."""
    about = documentation(path)
    for key in ("short_description", "description", "version_added"):
        assert about.get(key), f"{path}: DOCUMENTATION has no {key}"


@pytest.mark.parametrize("path", tree.matching("plugins/filter/*.py", "plugins/test/*.py"), ids=str)
def test_each_filter_is_documented(path: Path) -> None:
    """Every filter that a file offers has a documentation of its own: <filter>.py or <filter>.yml."""
    for name in sorted(filters(path)):
        about = documentation(path.with_name(f"{name}.py"))
        assert about.get("name") == name, f"{path}: filter {name} has no documentation in {path.parent}/{name}.yml"


def filters(path: Path) -> set[str]:
    """The names that a file's FilterModule offers."""
    module = importlib.import_module(f"{OWN}.{path.parts[1]}.{path.stem}")
    found = module.FilterModule().filters()
    assert found, f"{path}: filters() offers none"
    return set(found)


def test_execution_environment_brings_the_libraries() -> None:
    """Each library that a controller plugin imports beside ansible-core stands in meta/ee-requirements.txt."""
    distributions = {"dateutil": "python-dateutil", "netaddr": "netaddr"}
    used = {
        name.split(".", maxsplit=1)[0] for path in tree.matching("plugins/**/*.py") for _line, name in imports(path)
    }
    wanted = {distribution for library, distribution in distributions.items() if library in used}
    lines = [line.split("#")[0].strip() for line in tree.text(Path("meta/ee-requirements.txt")).splitlines()]
    listed = {re.split(r"[<>=!~ ]", line)[0] for line in lines if line}
    assert listed == wanted, f"meta/ee-requirements.txt lists {sorted(listed)}, plugins import {sorted(wanted)}"
