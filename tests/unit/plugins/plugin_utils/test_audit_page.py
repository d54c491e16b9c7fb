# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit: nothing that it shows can act, and a browser finds what it is asked for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_page.render import (
    LABELS,
    moment,
    per_cent,
    render,
    spans,
    step,
)
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import OPEN, STATUSES, About, Audited, build
from browser import PATIENCE, needs_browser

from tools.audit_sample import CHROMIUM, fleet, report

HOSTILE = "<img src=x onerror=alert(1)>\"'`{{7*7}}</script><script>alert(2)</script>&amp;\u202egnp"
VOID = {"meta", "input", "img", "br", "link"}


class Elements(HTMLParser):
    """Every element with its attributes, and whether it or one around it is hidden."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], bool]] = []
        self.texts: list[str] = []
        self._hidden: list[bool] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        attributes = dict(attrs)
        hidden = "hidden" in attributes or any(self._hidden)
        self.found.append((tag, attributes, hidden))
        if tag not in VOID and not self.get_starttag_text().endswith("/>"):  # type: ignore[union-attr]  # there is one
            self._hidden.append("hidden" in attributes)

    def handle_endtag(self, tag: str) -> None:
        """Leave it."""
        if tag not in VOID and self._hidden:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        """Keep what is between."""
        self.texts.append(data)

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        """Attributes of the elements of this name."""
        return [a for name, a, _h in self.found if name == tag and all(a.get(k) == v for k, v in wanted.items())]

    def rows(self) -> list[dict[str, str | None]]:
        """The findings that can be seen."""
        return [a for name, a, hidden in self.found if name == "tr" and "data-id" in a and not hidden]


def hostile() -> dict[str, Any]:
    """A report in which every text that comes from outside would like to act."""
    prose = dict.fromkeys(("title", "why", "remedy", "area"), HOSTILE)
    results = [
        {"id": HOSTILE, "status": status, "reason": HOSTILE, "before": HOSTILE, "after": HOSTILE, **prose}
        for status in STATUSES
    ]
    for number, line in enumerate(results):
        line["id"] = f"{HOSTILE}{number}"
        line["refs"] = {HOSTILE: [HOSTILE]}
    outcome = {"results": results, "profile": HOSTILE}
    about = About("2026-11-25T06:30:00Z", HOSTILE, HOSTILE, HOSTILE, HOSTILE, 90.0)
    made = build({HOSTILE: Audited(outcome, {"host": {"distribution": HOSTILE}}), "b" + HOSTILE: Audited(None)}, about)
    change = {"host": HOSTILE, "id": HOSTILE, "before": HOSTILE, "now": HOSTILE}
    made["previous"] = {
        **{"made": HOSTILE, "run": HOSTILE, "score": 3.0, "hosts": {HOSTILE: {"before": 1.0, "now": 2.0}}},
        **{"new_hosts": [HOSTILE], "gone_hosts": [HOSTILE], "worse": [change], "better": [change]},
    }
    return made


def test_hostile_texts_make_no_element() -> None:
    """Neither in the text nor in attributes; and what turns letters around is taken out."""
    made = Elements(render(hostile()))
    assert not made.all("img")
    assert len(made.all("script")) == 1
    assert not [name for _tag, attributes, _h in made.found for name in attributes if name.startswith("on")]
    assert "\u202e" not in "".join(made.texts)
    assert HOSTILE.replace("\u202e", "\ufffd") in "".join(made.texts)


def test_page_needs_nothing_from_outside() -> None:
    """No address of its own but places within it, and a policy that lets nothing be fetched."""
    page = render(report())
    made = Elements(page)
    addresses = [a[key] for _tag, a, _h in made.found for key in ("src", "href", "action", "data") if a.get(key)]
    assert addresses
    assert not [address for address in addresses if not str(address).startswith("#")]
    assert not re.search(r"url\(|@import|https?://", page)
    policy = made.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert not [a for _tag, a, _h in made.found if "style" in a]


def test_everything_is_there_without_script() -> None:
    """Each control of each host can be read; the filter is hidden, because it would do nothing."""
    made, data = Elements(render(report())), report()
    listed = {(row["data-id"], row["data-status"]) for row in made.rows()}
    assert listed == {(line["id"], line["status"]) for host in data["hosts"] for line in host["results"]}
    assert "hidden" in made.all("form")[0]


def test_every_field_has_a_label_and_every_table_heads() -> None:
    """For who does not see them."""
    page = render(report())
    fields = re.findall(r"<(?:select|input)\b", page)
    assert len(fields) == len(re.findall(r"<label[^>]*>[^<]+<(?:select|input)\b", page)) == 4
    assert page.count("<table") == page.count("<thead")
    assert 'lang="en"' in page


def contrast(one: str, other: str) -> float:
    """The ratio that WCAG asks for."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_read() -> None:
    """Every pair of text and ground has a contrast of at least 4.5."""
    style = Path(render.__code__.co_filename).with_name("page.css").read_text(encoding="utf-8")
    colour = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style))
    pairs = [(colour[name], colour[f"{name}-tint"]) for name in ("good", "bad", "person", "unsure", "waived")]
    pairs += [(colour["ink"], ground) for ground in re.findall(r"\.s\d+ \{ background: (#[0-9a-f]{6})", style)]
    pairs += [(colour[text], ground) for text in ("ink", "soft") for ground in ("#ffffff", colour["ground"])]
    pairs.append((colour["soft"], colour["none-tint"]))
    assert len(pairs) >= 13
    assert not [pair for pair in pairs if contrast(*pair) < 4.5]


@pytest.mark.parametrize(
    ("score", "text", "colour"),
    [(None, "–", "none"), (100.0, "100", "s10"), (99.99, "99.9", "s9"), (0.0, "0", "s0"), (93.46, "93.5", "s9")],
)
def test_numbers(score: float | None, text: str, colour: str) -> None:
    """A hundred is a hundred only where everything is met."""
    assert per_cent(score) == text
    assert step(score) == colour


def test_words() -> None:
    """Moments as people write them; code between backticks, escaped."""
    assert moment("2026-11-05T06:30:00Z") == "5 November 2026, 06:30 UTC"
    assert moment("long ago") == "long ago"
    assert spans("see `a<b`") == "see <code>a&lt;b</code>"
    assert spans("one ` alone") == "one ` alone"


def test_empty_audit_has_a_page() -> None:
    """No host was reached."""
    assert "No control counts here" in render(build({}, About("2026-11-25T06:30:00Z")))


# In a browser ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., tuple[Elements, str]]:
    """Open a page at an address within it: what it is then, and what it said on the console."""

    def open_page(page: str, place: str = "") -> tuple[Elements, str]:
        file = tmp_path / "audit.html"
        file.write_text(page, encoding="utf-8")
        options = ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
        done = subprocess.run(
            [*CHROMIUM, *options, f"{file.as_uri()}{place}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        return Elements(done.stdout), "\n".join(each for each in done.stderr.splitlines() if "CONSOLE" in each)

    return open_page


@needs_browser
def test_browser_has_nothing_to_complain_of(opened: Callable[..., tuple[Elements, str]]) -> None:
    """At first all that is open is shown; and the filter is there."""
    made, console = opened(render(report()))
    assert console == ""
    assert {row["data-open"] for row in made.rows()} == {"1"}
    assert "hidden" not in made.all("form", id="filter")[0]


@needs_browser
def test_browser_would_complain(opened: Callable[..., tuple[Elements, str]]) -> None:
    """The test above can fail: an element that got in anyway is stopped by the policy, and that is seen."""
    page = render(report()).replace("<main>", "<main><p onclick='x()'>a</p><script>document.title = 'taken'</script>")
    made, console = opened(page)
    assert "Content Security Policy" in console
    assert not [text for text in made.texts if text == "taken"]


@needs_browser
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("#status=failed", lambda row: row["data-status"] == "failed"),
        ("#area=ssh", lambda row: row["data-area"] == "ssh" and row["data-open"] == "1"),
        ("#status=waived", lambda row: row["data-id"] == "sudo-password-required" and row["data-status"] == "waived"),
        ("#status=all&area=pam&host=lb1", lambda row: row["data-area"] == "pam"),
        ("#status=all&id=5.1.20+root", lambda row: row["data-id"] == "sshd-no-root-login"),
    ],
)
def test_filters(
    opened: Callable[..., tuple[Elements, str]], place: str, expected: Callable[[dict[str, str | None]], bool]
) -> None:
    """What is shown fits, and there is less of it than without a filter."""
    made, console = opened(render(report()), place)
    assert console == ""
    assert made.rows()
    assert all(expected(row) for row in made.rows())
    assert f"{len(made.rows())} of " in "".join(made.texts)


@needs_browser
def test_failing_control_is_found_by_its_id(opened: Callable[..., tuple[Elements, str]]) -> None:
    """On the hosts where it fails."""
    data = report()
    fails = {h["name"]: r["id"] for h in data["hosts"] for r in h["results"] if r["status"] == "would_change"}
    host, name = sorted(fails.items())[0]
    made, _console = opened(render(data), f"#status=would_change&host={quote(host)}&id={quote(name)}")
    assert [row["data-id"] for row in made.rows()] == [name]
    names = sorted(each["name"] for each in data["hosts"])
    lists = [a["data-hosts"] for tag, a, hidden in made.found if tag == "li" and "data-hosts" in a and not hidden]
    assert lists
    assert all(str(names.index(host)) in str(each).split() for each in lists)


@needs_browser
@pytest.mark.parametrize("host", ["vault1", "backup1"])
def test_host_has_its_own_findings(opened: Callable[..., tuple[Elements, str]], host: str) -> None:
    """All that is open on it, and nothing of the others."""
    data = report()
    own = next(each for each in data["hosts"] if each["name"] == host)
    wanted = {(r["id"], r["status"]) for r in own["results"] if r["status"] in OPEN}
    made, _console = opened(render(data), f"#host={host}")
    assert {(row["data-id"], row["data-status"]) for row in made.rows()} == wanted


@needs_browser
def test_nothing_matches(opened: Callable[..., tuple[Elements, str]]) -> None:
    """And it says so."""
    made, console = opened(render(report()), "#id=no-such-control")
    assert (made.rows(), console) == ([], "")
    assert "hidden" not in made.all("p", id="nothing")[0]


@needs_browser
def test_hostile_page_in_a_browser(opened: Callable[..., tuple[Elements, str]]) -> None:
    """No error, no dialogue, no image; its host can be filtered for."""
    made, console = opened(render(hostile()), f"#status=all&host={quote(HOSTILE.replace(chr(0x202E), chr(0xFFFD)))}")
    assert console == ""
    assert not made.all("img")
    assert len(made.rows()) == len(LABELS)


def test_sample_is_always_the_same() -> None:
    """The picture in the documentation can be made again."""
    assert {name: len(host.outcome["results"]) for name, host in fleet().items() if host.outcome}["lb1"] > 200
    assert report() == report()
