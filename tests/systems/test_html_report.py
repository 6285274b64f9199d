# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The HTML report in a real browser: what it shows, what it does, and how soon."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import provision
import pytest
from browser import Page, browser
from dsync.report.render import html
from dsync.report.report import Report, ReportSide

SIDES = ReportSide("NetBox", "rest", 12_000), ReportSide("CMDB", "sql", 11_000)
SOON = 3.0
"""Seconds until a page of ten thousand changes can be used."""

AS_A_HUNDRED = 30
"""On a busy machine: how many times as long it may take as a page of a hundred changes, which just did."""

LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
"""Asks the browser in how many milliseconds it has loaded a page."""

ROWS = "[...document.querySelectorAll('.row')]"
LINES_OF_MODELS = """[...document.querySelectorAll('.counts th:first-child')].map((cell) => {
  const text = document.createRange();
  text.selectNodeContents(cell);
  return text.getClientRects().length;
})"""
SEARCH = """(async () => {{
  const search = document.getElementById('search');
  search.value = {text!r};
  search.dispatchEvent(new Event('input'));
  await new Promise((done) => setTimeout(done, 300));
}})()"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    try:
        program = provision.find_chromium()
    except provision.ProgramMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
    with browser(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


def record(action: str, model: str, uid: str, parent: tuple[str, str] | None = None, **more: Any) -> dict[str, Any]:
    values = {
        "before": None if action == "create" else {"mtu": 1500},
        "after": None if action == "delete" else {"mtu": 9000},
        "parent": parent and {"model": parent[0], "id": parent[1]},
    }
    return {"action": action, "model": model, "id": uid, "ids": {}, "status": "not_attempted", "message": "", **values, **more}


def many(sites: int) -> list[dict[str, Any]]:
    """Return 25 changes of each of some sites: itself, 3 devices, and 7 interfaces of each."""
    records = []
    for site in range(sites):
        records.append(record("update", "site", f"s{site}"))
        for device in range(3):
            name = f"d{site}-{device}"
            records.append(record("create", "device", name, ("site", f"s{site}")))
            records += (record("create", "interface", f"{name}/{port}", ("device", name)) for port in range(7))
    return records


def written(tmp_path: Path, records: list[dict[str, Any]], **more: Any) -> Path:
    path = tmp_path / "report.html"
    path.write_text(html.render(Report.from_records(records, *SIDES, **more)), encoding="utf-8")
    return path


def texts(page: Page, selector: str) -> list[str]:
    found: list[str] = page.ask(f"[...document.querySelectorAll({selector!r})].map((one) => one.textContent)")
    return found


def test_ten_thousand_changes(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, many(4)))
    of_a_hundred = page.ask(LOADED)
    path = written(tmp_path, many(400))
    page.open(path)
    assert page.ask(LOADED) < max(SOON * 1000, AS_A_HUNDRED * of_a_hundred)
    assert texts(page, "#found") == ["10,000 changes"]
    assert page.ask(f"{ROWS}.length") < 500
    page.ask(SEARCH.format(text="d399-2/6"))
    assert texts(page, "#found") == ["1 of 10,000 changes"]
    assert texts(page, ".row .id") == ["s399", "d399-2", "d399-2/6"]
    page.ask(SEARCH.format(text=""))
    page.ask("document.getElementById('fold').click()")
    page.until(f"window.scrollTo(0, document.body.scrollHeight), {ROWS}.length === 400")  # the sites, for all else is folded
    assert page.ask("document.getElementById('rest').hidden")
    assert page.requests() == [path.as_uri()]
    assert page.complaints() == []


def test_the_list_grows_as_it_is_scrolled(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, many(40)))
    first = page.ask(f"{ROWS}.length")
    assert first < 1000
    page.ask("window.scrollTo(0, document.body.scrollHeight)")
    page.until(f"{ROWS}.length > {first}")


def test_a_tall_window_is_filled(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, many(40)), height=20_000)
    page.until(f"{ROWS}.length >= 500")
    page.ask("document.querySelector('#models .chip:nth-child(3)').click()")
    page.until(f"{ROWS}.length >= 500")


def test_filters_groups_and_folding(page: Page, tmp_path: Path) -> None:
    records = [*many(1), record("delete", "device", "old", status="failed", message="in use"), record("update", "rack", "r")]
    page.open(written(tmp_path, records))
    assert texts(page, "#actions .chip") == ["create 24", "update 2", "delete 1"]
    assert texts(page, "#states .chip") == ["open 26", "failed 1"]
    page.ask("document.querySelector('#models .chip:nth-child(2)').click()")
    assert texts(page, "#found") == ["4 of 27 changes"]
    assert texts(page, ".row .id") == ["s0", "d0-0", "d0-1", "d0-2", "old"]
    page.ask("document.querySelector('#actions .chip:nth-child(3)').click()")
    assert texts(page, ".row .id") == ["old"]
    assert texts(page, ".row .ended") == ["failed: in use"]
    page.ask("document.querySelectorAll('.chip[aria-pressed=true]').forEach((chip) => chip.click())")
    page.ask("document.querySelector('[data-fold]').click()")
    assert texts(page, ".row .id") == ["s0", "old", "r"]
    page.ask("const group = document.getElementById('group'); group.value = 'model'; group.dispatchEvent(new Event('change'))")
    assert texts(page, ".row.group .id") == ["site", "device", "interface", "rack"]
    assert page.complaints() == []


def test_values_are_shown_when_asked(page: Page, tmp_path: Path) -> None:
    page.open(written(tmp_path, [record("update", "site", "a"), record("create", "site", "b")]))
    assert texts(page, ".values") == ["mtu1500→9000"]
    page.ask("document.querySelector('[data-more=\"1\"]').click()")
    assert texts(page, ".values") == ["mtu1500→9000", "mtu9000"]
    assert page.ask("document.activeElement.dataset.more") == "1"


def test_nothing_in_the_data_is_run_or_becomes_markup(page: Page, tmp_path: Path) -> None:
    evil = "</script><script>window.evil = 1</script><img src=x onerror='window.evil = 2'>"
    told = record("update", evil, evil, (evil, evil), message=evil, status="failed", before={evil: evil}, after={evil: "\n" + evil})
    path = written(tmp_path, [told, record("create", "b", "c")], title=evil, problems=[evil], warnings=[evil])
    page.open(path)
    page.ask("document.getElementById('values').click()")
    page.ask(SEARCH.format(text="script"))
    assert page.ask("window.evil === undefined && !document.querySelector('img')")
    assert page.ask("document.querySelectorAll('script').length") == 2
    assert texts(page, "h1") == [evil]
    assert evil in texts(page, ".row .id")
    assert page.requests() == [path.as_uri()]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_any_screen_and_can_be_read_on_it(page: Page, tmp_path: Path, width: int, dark: bool) -> None:
    long = record("create", "device", "x" * 120, ("site", "s0"), after={"y" * 60: "z" * 2000}, message="why " * 50, status="failed")
    page.open(written(tmp_path, [*many(2), long], problems=["p" * 300]), width, 844, dark)
    page.ask("document.getElementById('values').click()")
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert set(page.ask(LINES_OF_MODELS)) == {1}
    ground, text = page.ask("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
    assert (ground == "rgb(255, 255, 255)") is not dark
    assert ground != text
