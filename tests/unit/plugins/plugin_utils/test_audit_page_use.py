# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of an audit in use: its dial, bars, matrix and changes; by form and by click; on a phone and on paper."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_page.render import render, whole
from ansible_collections.evenkeel.ops.plugins.plugin_utils.audit_report import OPEN
from browser import Browser, needs_browser

from tools.audit_sample import report

pytestmark = needs_browser
VISIBLE = "[...document.querySelectorAll('table.findings tbody tr')].filter(row => row.offsetParent !== null)"
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
# A sheet of A4 without its margins of 14 mm, at 96 dots to the inch.
PAPER = {"width": 688, "height": 1016, "deviceScaleFactor": 1, "mobile": False}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests; it shows the page of the invented fleet."""
    directory = tmp_path_factory.mktemp("browser")
    (directory / "audit.html").write_text(render(report()), encoding="utf-8")
    with Browser(directory / "profile", (directory / "audit.html").as_uri()) as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Browser]:
    """The page as it is at first, on a desk; it must not have complained in the end."""
    browser.call("Emulation.clearDeviceMetricsOverride")
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.open("about:blank")
    browser.open(browser.home)
    yield browser
    assert browser.complaints == []


def shown(page: Browser) -> set[tuple[str, str]]:
    """Id and status of the findings that can be seen."""
    return {tuple(pair) for pair in page.ask(f"{VISIBLE}.map(row => [row.dataset.id, row.dataset.status])")}


def of_host(name: str) -> dict[str, Any]:
    """A host of the report."""
    return next(host for host in report()["hosts"] if host["name"] == name)


def test_the_dial_shows_score_and_threshold(page: Browser) -> None:
    """As a length of a hundred, as a mark, and as a number; and it is drawn."""
    data = report()
    dash, text, turn = page.ask(
        "[document.querySelector('.dial .value').getAttribute('stroke-dasharray'),"
        " document.querySelector('.dial .number').textContent,"
        " document.querySelector('.dial .goal').getAttribute('transform')]"
    )
    assert dash == f"{data['total']['score']} 100" and float(text) == pytest.approx(data["total"]["score"], abs=0.1)
    assert turn == f"rotate({data['threshold'] * 3.6} 70 70)"
    assert page.ask("getComputedStyle(document.querySelector('.dial .value')).stroke") == "rgb(11, 98, 168)"


def test_each_area_has_a_bar_as_long_as_its_score(page: Browser) -> None:
    """The worst comes first."""
    bars = page.ask(
        "[...document.querySelectorAll('.bars tbody tr')].map(row => [row.querySelector('th').textContent.trim(),"
        " row.querySelector('.value').getBoundingClientRect().width / row.querySelector('.track')"
        ".getBoundingClientRect().width])"
    )
    scores = {name.replace("_", " "): area["score"] for name, area in report()["total"]["areas"].items()}
    assert [name for name, _share in bars] == sorted(scores, key=lambda name: (scores[name], name))
    assert {name: share * 100 for name, share in bars} == pytest.approx(scores, abs=0.5)


def test_the_matrix_has_a_cell_for_each_host_and_area(page: Browser) -> None:
    """With its score; a cell with findings leads to them."""
    rows = page.ask(
        "[...document.querySelectorAll('.matrix tbody tr')].map(row => [row.querySelector('th a').textContent,"
        " [...row.querySelectorAll('td:not(.sum)')].map(cell => cell.textContent.trim())])"
    )
    areas = sorted(report()["total"]["areas"])
    none: dict[str, Any] = {"score": None}
    assert dict(rows) == {
        host["name"]: [whole(host["areas"].get(area, none)["score"]) for area in areas] for host in report()["hosts"]
    }
    page.ask('document.querySelector(\'.matrix a[href*="web3"][href*="area=ssh"]\').click()')
    page.ask("new Promise(done => setTimeout(done, 50))")
    wanted = {(r["id"], r["status"]) for r in of_host("web3")["results"] if r["status"] in OPEN}
    controls = report()["controls"]
    assert shown(page) == {(name, status) for name, status in wanted if controls[name]["area"] == "ssh"} != set()


def test_what_changed_is_told_once_per_control(page: Browser) -> None:
    """Worse beside better, each with its own controls."""
    told = page.ask(
        "['worse', 'better'].map(kind => [...document.querySelectorAll(`.changes .${kind} li code`)]"
        ".map(code => code.textContent))"
    )
    previous = report()["previous"]
    assert [set(ids) for ids in told] == [{line["id"] for line in previous[kind]} for kind in ("worse", "better")]
    assert all(told)


def test_filters_by_form(page: Browser) -> None:
    """What is chosen and typed is what is shown, stands in the address, and is cleared again."""
    first = shown(page)
    page.ask(
        "(() => { const host = document.querySelector('select[name=host]'); host.value = 'backup1';"
        " host.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    assert shown(page) == {(r["id"], r["status"]) for r in of_host("backup1")["results"] if r["status"] in OPEN}
    page.ask("document.querySelector('input[name=id]').focus()")
    name = sorted(r["id"] for r in of_host("backup1")["results"] if r["status"] == "would_change")[0]
    page.call("Input.insertText", text=name)
    assert (name, "would_change") in shown(page) and len(shown(page)) < 4
    assert page.ask("location.hash") == f"#status=open&host=backup1&id={name}"
    assert page.ask("document.getElementById('count').textContent").startswith(f"{len(shown(page))} of ")
    page.ask("document.querySelector('button[type=reset]').click()")
    page.ask("new Promise(done => setTimeout(done, 50))")
    assert shown(page) == first


def test_on_a_phone(page: Browser) -> None:
    """Nothing sticks out but the matrix, which is moved by itself; findings stand one below the other, with labels."""
    page.call("Emulation.setDeviceMetricsOverride", **PHONE)
    assert page.ask("[document.documentElement.scrollWidth, innerWidth]") == [PHONE["width"]] * 2
    assert page.ask("getComputedStyle(document.querySelector('.findings thead')).display") == "none"
    assert page.ask("parseFloat(getComputedStyle(document.body).fontSize)") >= 16
    assert page.ask("document.querySelector('.scroll').scrollWidth > document.querySelector('.scroll').clientWidth")
    outside = (
        "[...document.querySelectorAll('header *, .bars *, #filter *, .findings *')]"
        ".filter(one => !one.closest('[hidden], .sr, details:not([open])'))"
        ".filter(one => one.getBoundingClientRect().right > innerWidth + 1)"
        ".map(one => one.outerHTML.slice(0, 80))"
    )
    assert page.ask(outside) == []
    label = "getComputedStyle(document.querySelector('.findings tbody td'), '::before').content"
    assert page.ask(label) == '"Why"'


def test_on_a_desk_findings_have_a_head(page: Browser) -> None:
    """Which is how one sees that the test of the phone can fail."""
    assert page.ask("getComputedStyle(document.querySelector('.findings thead')).display") == "table-header-group"


def test_on_paper(page: Browser) -> None:
    """No form, everything unfolded, nothing cut off at the side; and Chromium prints it."""
    page.call("Emulation.setEmulatedMedia", media="print")
    page.call("Emulation.setDeviceMetricsOverride", **PAPER)
    page.ask("dispatchEvent(new Event('beforeprint'))")
    assert page.ask("getComputedStyle(document.getElementById('filter')).display") == "none"
    assert page.ask("[...document.querySelectorAll('details')].every(more => more.open)")
    assert page.ask("document.documentElement.scrollWidth") <= PAPER["width"]
    assert page.ask("document.querySelector('.matrix').getBoundingClientRect().right") <= PAPER["width"] + 1
    printed = base64.b64decode(page.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert printed.startswith(b"%PDF-") and printed.count(b"/Type /Page\n") > 1
