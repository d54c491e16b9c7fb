"""Every role keeps the promises of docs/contributing.md about its inputs, names and files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import role_readme
import tree

LONGEST_MAIN = 6
INCLUDES = {f"ansible.builtin.{verb}_{what}" for verb in ("include", "import") for what in ("tasks", "role")}
BLOCK_KEYS = ("block", "rescue", "always")
# A literal group name, except the one that every inventory has; a group given as an input is fine.
GROUP_NAME = re.compile(r"""\bgroup_names\b|\bgroups\[\s*['"](?!all['"])|\bgroups\.(?!all\b|get\b|items\b|keys\b)\w+""")
NOT_IMPERATIVE = re.compile(r"^(?!Feed|Need|Embed|Bring|Ping|Speed)\w+(?:ing|ed)\b|^(?:The|A|An|This|We|It)\b")

pytestmark = pytest.mark.parametrize("role", tree.roles())


def specs(role: str) -> dict[str, Any]:
    """The entry points of the role's argument specs."""
    loaded: dict[str, Any] = tree.load(Path("roles", role, "meta/argument_specs.yml"))["argument_specs"]
    return loaded


def inputs(role: str) -> dict[str, Any]:
    """The options of all entry points together."""
    return {name: option for spec in specs(role).values() for name, option in (spec.get("options") or {}).items()}


def defaults(role: str) -> dict[str, Any]:
    """What defaults/main.yml sets."""
    path = Path("roles", role, "defaults/main.yml")
    return (tree.load(path) or {}) if (tree.ROOT / path).exists() else {}


def walk(options: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every option with its dotted name, nested ones too."""
    for name, option in options.items():
        yield prefix + name, option
        yield from walk(option.get("options") or {}, f"{prefix}{name}.")


def task_files(role: str) -> list[Path]:
    """The files that hold tasks or handlers."""
    return tree.matching(
        *(f"roles/{role}/{room}/**/*.{ext}" for room in ("tasks", "handlers") for ext in ("yml", "yaml"))
    )


def tasks(entries: list[dict[str, Any]] | None) -> Iterator[dict[str, Any]]:
    """Yield tasks, those inside blocks too."""
    for task in entries or []:
        yield task
        for key in BLOCK_KEYS:
            yield from tasks(task.get(key))


def test_defaults_are_the_argument_specs(role: str) -> None:
    """Each input that is not required has a default, no other variable has one, and both files say the same."""
    documented = {name: option.get("default") for name, option in inputs(role).items() if not option.get("required")}
    actual = defaults(role)
    assert set(actual) == set(documented), (
        f"roles/{role}: defaults/main.yml and meta/argument_specs.yml name different inputs: "
        f"only in defaults {sorted(set(actual) - set(documented))}, "
        f"only in specs {sorted(set(documented) - set(actual))}"
    )
    differing = {name: (actual[name], documented[name]) for name in actual if actual[name] != documented[name]}
    assert not differing, f"roles/{role}: other default in defaults than in the specs (defaults, specs): {differing}"


def test_every_input_is_documented(role: str) -> None:
    """Each option, nested ones too, has a type and a description; lists name the type of their elements."""
    faults = [
        f"{name}: no {key}"
        for name, option in walk(inputs(role))
        for key in ("type", "description", *(["elements"] if option.get("type") == "list" else []))
        if not option.get(key)
    ]
    assert not faults, f"roles/{role}/meta/argument_specs.yml: {'; '.join(faults)}"


def test_entry_points_introduce_themselves(role: str) -> None:
    """Each entry point has its task file, a short description, and an example that calls the role by its full name."""
    where = f"roles/{role}/meta/argument_specs.yml"
    assert specs(role), f"{where}: no entry point"
    for name, spec in specs(role).items():
        assert tree.matching(f"roles/{role}/tasks/{name}.yml"), f"{where}: no tasks/{name}.yml for entry point {name}"
        assert spec.get("short_description"), f"{where}: entry point {name} has no short_description"
        assert f"evenkeel.ops.{role}" in spec.get("examples", ""), (
            f"{where}: entry point {name} has no `examples` text that calls evenkeel.ops.{role}"
        )


def test_readme_is_fresh(role: str) -> None:
    """The README is what tools/role_readme.py makes of the specs."""
    readme = tree.ROOT / "roles" / role / "README.md"
    wanted = role_readme.render(tree.ROOT / "roles" / role)
    assert readme.exists(), f"roles/{role}/README.md: missing; run tools/role_readme.py --write"
    assert readme.read_text(encoding="utf-8") == wanted, (
        f"roles/{role}/README.md: stale; run tools/role_readme.py --write"
    )


def test_names_carry_the_role(role: str) -> None:
    """Inputs start with the role's name, or are it; everything internal with two underscores and the role's name."""
    faults = [f"input {name}" for name in inputs(role) if name != role and not name.startswith(f"{role}_")]
    for path in tree.matching(f"roles/{role}/vars/**/*.yml"):
        faults += [f"{path}: {name}" for name in tree.load(path) or {} if not name.startswith(f"__{role}_")]
    for path in task_files(role):
        for task in tasks(tree.load(path)):
            facts = task.get("ansible.builtin.set_fact") or {}
            names = [*facts, *([task["register"]] if "register" in task else [])]
            faults += [f"{path}: {name}" for name in names if name != "cacheable" and not name.startswith(f"__{role}_")]
    assert not faults, f"roles/{role}: inputs start with {role}_, internals with __{role}_, but: {'; '.join(faults)}"


def test_main_is_a_table_of_contents(role: str) -> None:
    """tasks/main.yml includes one file per concern, or is short enough to be read at a glance."""
    path = Path("roles", role, "tasks/main.yml")
    if "main" not in specs(role):
        pytest.skip(f"{role} is no role of its own: other roles include its entry points")
    entries = tree.load(path) or []
    own = [task.get("name", task) for task in entries if not INCLUDES & set(task)]
    assert len(entries) <= LONGEST_MAIN or not own, (
        f"{path}: with more than {LONGEST_MAIN} tasks it has to be a list of imports and includes; "
        f"these do the work themselves: {own}"
    )


def test_task_names_are_imperative(role: str) -> None:
    """Tasks and handlers say what to do: "Install the packages", not "Installing packages" or "The packages"."""
    faults = []
    for path in task_files(role):
        for task in tasks(tree.load(path)):
            name = task.get("name")
            if not name and not set(BLOCK_KEYS) & set(task):
                faults.append(f"{path}: a task has no name: {task}")
            elif name and (NOT_IMPERATIVE.search(name) or not name[0].isupper() or name.endswith(".")):
                faults.append(f"{path}: {name!r}")
    assert not faults, "\n".join(["names are sentences in the imperative, with a capital and no full stop:", *faults])


def test_role_knows_no_groups(role: str) -> None:
    """Which hosts play which part is the inventory's and the playbook's business."""
    faults = [
        f"{path}:{number}: {line.strip()}"
        for path in tree.matching(f"roles/{role}/**/*")
        if path.suffix in {".yml", ".yaml", ".j2"} and "molecule" not in path.parts
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if GROUP_NAME.search(line)
    ]
    assert not faults, "\n".join([f"roles/{role} names a group of the inventory; make it an input:", *faults])


def test_role_has_a_scenario(role: str) -> None:
    """Molecule proves each role on hosts of its own."""
    if "main" not in specs(role):
        pytest.skip(f"{role} is no role of its own: the scenarios of the roles that include it prove it")
    assert tree.matching(f"molecule/{role}/molecule.yml"), f"roles/{role}: no molecule/{role}/molecule.yml"
