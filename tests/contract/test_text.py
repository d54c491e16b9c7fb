"""What no committed file says, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tree

FORBIDDEN = {
    "a path of one developer's machine": (r"(?<![\w.$}])/(?:work/(?:main|shared)|farm|tmp/ek)\b|/root/\.pyenv"),
    "a registry or mirror by its host name; use the machine's own settings": (
        r"\b(?:deb|ftp\w*|security)\.debian\.org|\bpypi\.org|pythonhosted\.org|proxy\.golang\.org"
        r"|\b(?:registry[\w-]*\.)?docker\.io/|\bquay\.io|\bghcr\.io|archive\.ubuntu\.com|rockylinux\.org"
    ),
    "an issue number or how the text came about": (
        r"\bissues? #?\d+|\b(?:claude|anthropic|openai|chatgpt|copilot)\b|\bAI\b|\bLLM\b"
    ),
    "a linter silenced without the reason beside it": (
        r"#\s*(?:noqa(?::\s*[\w-]+(?:,\s*[\w-]+)*)?|type:\s*ignore(?:\[[\w,\s-]+\])?|pylint:\s*disable=[\w,-]+)\s*$"
    ),
}
SELF = Path("tests/contract/test_text.py")
TEXTS = [path for path in tree.files() if path not in {SELF, Path("LICENSE")}]
MARKDOWN = tree.matching("**/*.md")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("fault", FORBIDDEN)
def test_no_file_says(fault: str) -> None:
    """The repository speaks to its users: nothing of the machine or the way it was made on."""
    pattern = re.compile(FORBIDDEN[fault])
    found = [
        f"{path}:{number}: {line.strip()[:160]}"
        for path in TEXTS
        # Checksums that Go wrote: letters and digits by chance.
        if path.name != "go.sum"
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, "\n".join([f"names {fault}:", *found])


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_text_is_clean(path: Path) -> None:
    """UTF-8, Unix line ends, a newline at the end."""
    content = (tree.ROOT / path).read_bytes()
    if b"\0" in content[:8000]:
        pytest.skip(f"{path} is not a text")
    content.decode("utf-8")
    assert b"\r\n" not in content, f"{path}: Windows line ends"
    assert not content or content.endswith(b"\n"), f"{path}: no newline at the end"


def anchors(path: Path) -> set[str]:
    """The anchors that a Markdown file's headings get."""
    headings = re.findall(r"^#+\s+(.*)$", FENCE.sub("", tree.text(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def links(path: Path) -> set[str]:
    """The links of a Markdown file that stay within the repository."""
    found = LINK.findall(FENCE.sub("", tree.text(path)))
    return {link for link in found if not re.match(r"[a-z]+:", link)}


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_links_resolve(path: Path) -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    for link in sorted(links(path)):
        name, anchor = (link.split("#", 1) + [""])[:2]
        target = (tree.ROOT / path.parent / name).resolve() if name else tree.ROOT / path
        assert target.exists(), f"{path}: [{link}] leads nowhere"
        if anchor:
            assert anchor in anchors(target.relative_to(tree.ROOT)), f"{path}: [{link}] has no such heading"


def test_every_guide_is_found_from_the_readme() -> None:
    """A reader who starts at README.md and follows links comes to every file of docs/."""
    seen: set[Path] = set()
    queue = [Path("README.md")]
    while queue:
        page = queue.pop()
        if page in seen or page.suffix != ".md" or not (tree.ROOT / page).exists():
            continue
        seen.add(page)
        targets = ((tree.ROOT / page.parent / link.partition("#")[0]).resolve() for link in links(page))
        queue += [target.relative_to(tree.ROOT) for target in targets if target.is_relative_to(tree.ROOT)]
    lost = sorted(str(path) for path in tree.matching("docs/**/*.md") if path not in seen)
    assert not lost, f"no link from README.md leads to: {', '.join(lost)}"
