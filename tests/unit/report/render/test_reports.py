# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The formats of reports, each of an ordinary one, of a failed one, and of one full of what could be mistaken for markup."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from dsync import Plan
from dsync.report.render import html, junit, markdown, text
from dsync.report.render.formats import FORMATS, format_of, rendered
from dsync.report.render.unified import before_after
from dsync.report.report import Report, ReportSide
from estate import SOURCE, TARGET, Device, Estate, estate

EVIL = "</script><script>alert(1)</script><!-- & | ` * _ @all #1 !2 ~3 \\ ]]> \x1b[31m\x00\u202e\u2028\ufffe"
SIDES = ReportSide("cmdb", "file", 1300), ReportSide("box")


def record(uid: str = "a", status: str = "not_attempted", model: str = "site", **more: Any) -> dict[str, Any]:
    values = {"before": {"x": 1}, "after": {"x": 2}, "ids": {"name": uid}, "parent": None, "message": ""}
    return {"action": "update", "model": model, "id": uid, "status": status, **values, **more}


def drift() -> Report:
    return Report.from_diff(estate(TARGET, name="box").diff_from(estate(SOURCE, name="cmdb")))


def test_a_move_shows_both_places() -> None:
    target, source = estate({"a": ("1", {"d": "x"}), "b": "1"}), estate({"a": "1", "b": ("1", {"d": "y"})})
    diff = target.diff_from(source)
    report = Report.from_diff(diff)
    assert report.headline == "1 change: 1 to move"
    assert text.render(report).endswith('  site b\n  > device d\n      parent: site a → site b\n      role: "x" → "y"\n')
    assert "| move | <code>device d</code> | <code>parent</code> <code>site a → site b</code><br>" in markdown.render(report)
    before, after = before_after(Plan.from_diff(diff))
    assert before == 'device\n  d\n  d  parent: site a\n  d  role: "x"\n'
    assert after == 'device\n  d\n  d  parent: site b\n  d  role: "y"\n'


class Keyed(Device):
    _attributes = ("role", "facts")
    _match = ("facts",)


def test_a_rename_shows_both_names() -> None:
    kind = type("Renaming", (Estate,), {"device": type("Device", (Keyed,), {})})
    target, source = (
        estate({"a": ("1", {"old": "x"}), "b": "1"}, kind=kind),
        estate({"a": ("1", {"new": "x"}), "b": "1"}, kind=kind),
    )
    target.get("device", "old").facts = source.get("device", "new").facts = 7
    diff = target.diff_from(source)
    report = Report.from_diff(diff)
    assert text.render(report).endswith("  site a\n  > device new\n      id: old → new\n")
    assert "| move | <code>device new</code> | <code>id</code> <code>old → new</code>" in markdown.render(report)
    assert [*before_after(Plan.from_diff(diff))] == [f"device\n  new\n  new  id: {name}\n" for name in ("old", "new")]
    again = Report.from_records(report.data()["changes"], *SIDES)
    assert again.data()["changes"] == report.data()["changes"]
    assert report.data()["changes"][0]["from"]["ids"] == {"name": "old"}


def test_what_is_deleted_below_a_renamed_object_is_shown_below_it() -> None:
    kind = type("Renaming", (Estate,), {"device": type("Device", (Keyed,), {})})
    target, source = estate({"a": ("1", {"old": ("x", {"e": 1})})}, kind=kind), estate({"a": ("1", {"new": "x"})}, kind=kind)
    target.get("device", "old").facts = source.get("device", "new").facts = 7
    lines = Report.from_diff(target.diff_from(source)).lines()
    assert [(line.depth, line.id) for line in lines] == [(0, "a"), (1, "new"), (2, "old__e")]


def failed() -> Report:
    records = [
        record("a", "done"),
        record("b", "failed", message="no room"),
        record("c", "refused", message="protected: it"),
        record("d", parent={"model": "rack", "id": "r"}),
    ]
    return Report.from_records(records, *SIDES, problems=["1 of 4 changes failed."], warnings=["look out"])


def evil() -> Report:
    told = record(EVIL, "failed", EVIL, message=EVIL, after={EVIL: EVIL, "x": [EVIL]}, parent={"model": EVIL, "id": EVIL})
    side = ReportSide(EVIL, EVIL)
    return Report.from_records([told], side, side, problems=[EVIL], warnings=[EVIL], outcomes={"failed": 3})


def many(number: int) -> Report:
    return Report.from_records([record(f"site-{place:05}", after={"x": "é" * 20}) for place in range(number)], *SIDES)


# ---------------------------------------------------------------------- text

TEXT = """\
box compared with cmdb
12 changes: 5 to create, 2 to update, 5 to delete

source   cmdb
target   box
written  {created} by dsync {version}

model      create  update  move  delete  unchanged  skipped
site            1       1     0       1          0        0
device          2       0     0       2          1        0
interface       2       1     0       2          0        0
total           5       2     0       5          1        0

~ site nyc
    contact: "555-0" → "555-1"
    device rtr-1
    ~ interface rtr-1__eth0
        mtu: 1500 → 9000
    + interface rtr-1__eth1
        mtu: 1500
        password: null
"""


def test_text() -> None:
    report = drift()
    made = text.render(report)
    assert made.startswith(TEXT.format(created=report.created, version=report.data()["dsync"]))
    assert made.endswith("\n    - interface rtr-3__eth0\n        mtu: 1500\n        password: null\n")


def test_what_is_masked_on_both_sides_is_said_to_have_changed() -> None:
    masked = record(before={"pin": "********", "x": 1}, after={"pin": "********", "x": 2})
    made = text.render(Report.from_records([masked], *SIDES))
    assert made.endswith('\n    pin: "********" → "********" (changed)\n    x: 1 → 2\n')


def test_text_of_a_failure() -> None:
    made = text.render(failed())
    for line in (
        "4 changes: 1 made, 1 failed, 1 refused, 1 not attempted",
        "problems\n! 1 of 4 changes failed.",
        "~ site b  (failed: no room)",
        "~ site c  (refused: protected: it)",
        "  rack r\n  ~ site d  (not attempted)",
    ):
        assert f"\n{line}\n" in made


def test_text_is_coloured_only_when_asked() -> None:
    assert "\x1b" not in text.render(failed())
    coloured = text.render(failed(), color=True)
    assert "\x1b[31m!\x1b[0m 1 of 4" in coloured
    assert re.sub("\x1b\\[[0-9]+m", "", coloured) == text.render(failed())


def test_columns_stay_aligned_whatever_the_alphabet() -> None:
    models = {
        name: dict.fromkeys(("creates", "updates", "deletes", "unchanged", "skipped"), 7) for name in ("設備", "é" * 3, "x\u0301")
    }
    rows = [line for line in text.render(Report.from_records([], *SIDES, models=models)).splitlines() if line.endswith("7")]
    assert [row.index("7") for row in rows] == [10, 12, 13]  # two characters that are wide, and one that takes no room


def test_nothing_in_a_text_is_obeyed_by_a_terminal() -> None:
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text.render(evil()))


# ---------------------------------------------------------------------- markdown


def test_markdown() -> None:
    made = markdown.render(drift())
    assert made.startswith(
        "### box compared with cmdb\n\n**12 changes: 5 to create, 2 to update, 5 to delete**\n\n| model | create |"
    )
    assert "\n| <code>device</code> | 2 | 0 | 0 | 2 | 1 | 0 |\n" in made
    assert "\n<details><summary><code>site</code>: 3 changes</summary>\n" in made
    row = "| update | <code>site nyc</code> | <code>contact</code> <code>&#34;555-0&#34; → &#34;555-1&#34;</code> |"
    assert f"\n{row}\n" in made
    assert made.count("<details") == made.count("</details>") == 3


def test_markdown_begins_with_what_was_not_made() -> None:
    made = markdown.render(failed())
    assert made.index("#### Problems") < made.index("<details open><summary>2 not made") < made.index("<summary><code>site</code>")
    assert "| update | <code>site b</code> | **<code>failed&#58; no room</code>**<br>" in made


def test_nothing_in_markdown_is_markup_but_its_own() -> None:
    made = markdown.render(evil())
    own = re.sub(r"</?(code|details( open)?|summary|br)>", "", made)
    assert "<" not in own
    assert ">" not in own
    title, *rest = made.splitlines()
    assert not re.search("[@#!~][a-z0-9]", unescape(title))
    for line in rest:
        outside = re.sub("<code>.*?</code>", "", line)
        assert not re.search("alert|@|~3", outside)
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 8)
    assert not re.search(r"<code>[^<]*[@*_`|\\\[][^<]*</code>", made)


@pytest.mark.parametrize("room", [1500, 20_000, 60_000])
def test_markdown_is_never_longer_than_is_said(room: int) -> None:
    made = markdown.render(many(3000), max_bytes=room)
    assert len(made.encode()) <= room
    shown = made.count("\n| update |")
    assert 0 < shown < 3000
    assert made.endswith(f"{3000 - shown:,} more changes are not shown, because the report is limited in size.\n")


def test_markdown_of_long_values_and_wide_changes_says_what_is_cut() -> None:
    wide = {f"attribute{place}": "y" * 5000 for place in range(40)}
    made = markdown.render(Report.from_records([record(action="create", before=None, after=wide)], *SIDES))
    assert "… (5002 characters)" in unescape(made)
    assert "<br>and 10 more |" in made


def test_a_capped_report_says_so_in_every_format() -> None:
    report = Report.from_records([record()], *SIDES, outcomes={"not_attempted": 8})
    for name in ("text", "markdown", "html", "junit"):
        assert "7 more changes are not shown, because the result" in rendered(report, name)
    assert json.loads(rendered(report, "json"))["changes_omitted"] == 7


# ---------------------------------------------------------------------- html


def data_of(page: str) -> Any:
    found = re.search('<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_html_holds_every_change() -> None:
    data = data_of(html.render(drift()))
    assert data["changes"] == 12
    assert data["models"] == ["site", "device", "interface"]
    assert data["lines"][:3] == [
        [0, 0, "nyc", 1, 1, "", [["contact", '"555-0"', '"555-1"']]],
        [1, 1, "rtr-1", -1, -1, "", []],
        [2, 2, "rtr-1__eth0", 1, 1, "", [["mtu", "1500", "9000"]]],
    ]


def test_html_needs_nothing_else() -> None:
    page = html.render(failed())
    assert not re.search(r"""(src|href)=["'](?!data:,)|@import|url\(|https?:|//[a-z]""", page)
    assert "default-src 'none'" in page


def test_nothing_in_html_is_markup_but_its_own() -> None:
    page = html.render(evil())
    assert page.count("<script") == page.count("</script>") == 2
    assert "<!--" not in page
    assert "alert(1)</script>" not in page
    assert any("</script><script>alert(1)" in line[2] for line in data_of(page)["lines"])


@pytest.mark.parametrize(("make", "word"), [(drift, "drift"), (failed, "failed"), (lambda: many(0), "in sync")])
def test_html_says_at_the_top_how_it_is(make: Any, word: str) -> None:
    assert f">{word}</b>" in html.render(make())


# ---------------------------------------------------------------------- junit

SUITE = {"name", "package", "id", "timestamp", "hostname", "tests", "errors", "failures", "skipped", "time"}


def check_junit(page: str) -> ElementTree.Element:
    """Hold a page to what both of the schemas ask for that are used for JUnit XML, and return its root."""
    root = ElementTree.fromstring(page)
    assert (root.tag, root.attrib) == ("testsuites", {})
    for place, suite in enumerate(root):
        assert (suite.tag, suite.attrib.keys(), suite.get("id")) == ("testsuite", SUITE, str(place))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert suite.get("name")
        assert suite.get("hostname")
        first, *cases, out, err = suite
        assert [first.tag, *{case.tag for case in cases}, out.tag, err.tag] == [
            "properties",
            "testcase",
            "system-out",
            "system-err",
        ]
        for case in cases:
            assert case.attrib.keys() == {"classname", "name", "time"}
            assert len(case) < 2
            assert all(child.tag == "skipped" or child.get("type") for child in case)
        found = {"tests": len(cases)}
        for kind, counter in {"error": "errors", "failure": "failures", "skipped": "skipped"}.items():
            found[counter] = sum(case.find(kind) is not None for case in cases)
        assert {name: int(suite.attrib[name]) for name in found} == found
    return root


def cases_of(root: ElementTree.Element) -> dict[str, list[str]]:
    return {f"{case.get('classname')} {case.get('name')}": [child.tag for child in case] for case in root.iter("testcase")}


def test_junit_of_drift_fails_for_each_change_and_passes_for_what_is_the_same() -> None:
    cases = cases_of(check_junit(junit.render(drift())))
    assert cases["box.site update nyc"] == ["failure"]
    assert cases["box.device objects in sync"] == []
    assert sum(bool(kinds) for kinds in cases.values()) == 12


def test_junit_of_a_run_reports_how_it_ended() -> None:
    root = check_junit(junit.render(failed()))
    assert cases_of(root) == {
        "box.site update a": [],
        "box.site update b": ["error"],
        "box.site update c": ["skipped"],
        "box.site update d": ["failure"],
        "box.run problem 1": ["failure"],
    }
    error = root.find(".//error")
    assert error is not None
    assert error.attrib == {"message": "failed: no room; x: 1 → 2", "type": "failed"}


def test_junit_of_datasets_in_sync_passes() -> None:
    models = {"site": {"unchanged": 4}}
    assert cases_of(check_junit(junit.render(Report.from_records([], *SIDES, models=models)))) == {"box.site objects in sync": []}
    assert cases_of(check_junit(junit.render(many(0)))) == {"box.run objects in sync": []}


def test_junit_of_whatever_values_is_xml() -> None:
    root = check_junit(junit.render(evil()))
    assert "</script>" in next(root.iter("testcase")).attrib["name"]


# ---------------------------------------------------------------------- all


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("make", [drift, failed, evil, lambda: many(0)])
def test_every_report_can_be_written_in_every_format(name: str, make: Any) -> None:
    made = rendered(make(), name)
    assert made.encode()
    assert made.endswith("\n")


def test_formats_by_their_endings() -> None:
    paths = ["a.txt", "a.md", "/b.d/a.HTML", "a.htm", "a.xml", "a.json", "a.pdf", "html", "json.d/a"]
    assert [format_of(path) for path in paths] == ["text", "markdown", "html", "html", "junit", "json", None, None, None]
    with pytest.raises(KeyError):
        rendered(many(0), "pdf")


def test_the_module_knows_the_same_formats() -> None:
    spec = (Path(__file__).parents[4] / "plugins/module_utils/_module/argspec.py").read_text(encoding="utf-8")
    assert f"REPORT_FORMATS = {json.dumps(list(FORMATS))[1:-1].join('()')}" in spec
