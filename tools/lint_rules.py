"""Write the tables of docs/lint_balancers.md: every rule of the linters, from the code itself.

Usage: python -m tools.lint_rules --write | --check
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".venv/collections"))

from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.judge import (  # noqa: E402 - needs the path above
    WAIVER_RULES,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.registry import TOPICS, rules  # noqa: E402 - as above
from ansible_collections.evenkeel.ops.plugins.plugin_utils.lint.rule import Rule  # noqa: E402 - as above

from tools.role_readme import cell  # noqa: E402 - as above

PAGE = ROOT / "docs/lint_balancers.md"
TABLES = re.compile(r"(?<=<!-- generated: tools/lint_rules.py -->\n).*(?=<!-- end of generated -->)", re.DOTALL)
NAMES = {"haproxy": "HAProxy", "nginx": "NGINX"}
HEAD = ("Rule", "Severity", "What is found", "Why it is unwise", "Remedy")


def table(found: Iterable[Rule]) -> Iterator[str]:
    """The rules of one topic."""
    yield "| " + " | ".join(HEAD) + " |"
    yield "| " + " | ".join("---" for _column in HEAD) + " |"
    for rule in found:
        columns = (rule.id, rule.severity, rule.title, rule.why, rule.remedy)
        yield "| " + " | ".join(cell(column) for column in columns) + " |"


def lines() -> Iterator[str]:
    """The generated part of the page."""
    for program, topics in TOPICS.items():
        yield from ("", f"## {NAMES[program]}: {len(rules(program))} rules")
        for topic, found in topics.items():
            yield from ("", f"### {NAMES[program]}: {topic}", "", *table(found))
    yield from ("", "## The waivers themselves", "", *table(WAIVER_RULES), "", "")


def page() -> str:
    """The whole page."""
    return TABLES.sub(lambda _match: "\n".join(lines()), PAGE.read_text(encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or say that it is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the page")
    mode.add_argument("--check", action="store_true", help="exit 1 when it is stale")
    options = parser.parse_args(arguments)
    text = page()
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE.relative_to(ROOT)}: {'written' if options.write else 'stale'}", file=sys.stderr)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
