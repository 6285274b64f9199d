# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A report as JUnit XML, so that CI shows drift as failing tests.

A model is a test suite and a change a test case: an error if it failed, a failure if it is pending, skipped if it must not
be made, and passed if it was made. The objects of a model that are the same on both sides are one passed test case. Reasons why
the run is refused, and other errors, are a separate suite.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from ..report import Entry, Report, State
from .phrases import CAPPED, details, more_changes, one_line

_PACKAGE = "dsync"
_OUTCOMES = {State.FAILED: "error", State.OPEN: "failure", State.REFUSED: "skipped"}
_COUNTERS = {"error": "errors", "failure": "failures", "skipped": "skipped"}
_LONGEST_MESSAGE = 300


def render(report: Report) -> str:
    """Return a report as JUnit XML with a trailing newline."""
    root = ElementTree.Element("testsuites")
    by_model: dict[str, list[Entry]] = {model: [] for model in report.models}
    for entry in report.entries:
        by_model.setdefault(entry.model, []).append(entry)
    for model, entries in by_model.items():
        _add_model(root, report, model, entries)
    if report.problems or report.omitted or not len(root):
        _add_run(root, report)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_model(root: ElementTree.Element, report: Report, model: str, entries: list[Entry]) -> None:
    counts = report.models.get(model, {})
    suite = _suite(root, report, model, counts.items())
    if counts.get("unchanged") or not entries:
        _case(suite, report, model, "objects in sync")
    for entry in entries:
        case = _case(suite, report, model, f"{entry.action} {entry.id}")
        if entry.state in _OUTCOMES:
            _add_outcome(case, _OUTCOMES[entry.state], entry, report)
    made = [entry for entry in entries if entry.state == State.DONE]
    _finish(suite, "\n".join(line for entry in made for line in (one_line(f"{entry.action} {entry.id}"), *_indented(entry))))


def _add_outcome(case: ElementTree.Element, kind: str, entry: Entry, report: Report) -> None:
    note = report.note(entry)
    text = one_line("; ".join(filter(None, (note, *details(entry)))) or f"to {entry.action}")
    message = text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
    outcome = ElementTree.SubElement(case, kind, message=message)
    if kind != "skipped":
        outcome.set("type", entry.status if report.attempted else "drift")
    outcome.text = "\n".join(filter(None, (one_line(note), *_indented(entry)))) or message


def _indented(entry: Entry) -> list[str]:
    return [f"  {line}" for line in details(entry)]


def _add_run(root: ElementTree.Element, report: Report) -> None:
    """Add the suite of messages that do not belong to a single change."""
    suite = _suite(root, report, "run", report.summary.items())
    sentences = [("failure", "refused" if not report.attempted else "problem", sentence) for sentence in report.problems]
    if report.omitted:
        sentences.append(("failure", "omitted", more_changes(report.omitted, CAPPED)))
    for number, (kind, what, sentence) in enumerate(sentences, 1):
        case = _case(suite, report, "run", f"problem {number}")
        ElementTree.SubElement(case, kind, message=one_line(sentence), type=what).text = one_line(sentence)
    if not sentences:
        _case(suite, report, "run", "objects in sync")
    _finish(suite, "\n".join(map(one_line, report.warnings)))


def _suite(root: ElementTree.Element, report: Report, name: str, counts: Iterable[tuple[str, int]]) -> ElementTree.Element:
    suite = ElementTree.SubElement(root, "testsuite", {"name": one_line(name), "package": _PACKAGE, "id": str(len(root))})
    suite.set("timestamp", report.created.rstrip("Z"))
    suite.set("hostname", one_line(report.target.name) or "target")
    properties = ElementTree.SubElement(suite, "properties")
    for key, number in counts:
        ElementTree.SubElement(properties, "property", name=key, value=str(number))
    return suite


def _case(suite: ElementTree.Element, report: Report, model: str, name: str) -> ElementTree.Element:
    classname = one_line(f"{report.target.name}.{model}")
    return ElementTree.SubElement(suite, "testcase", classname=classname, name=one_line(name), time="0")


def _finish(suite: ElementTree.Element, said: str) -> None:
    """Count the cases of a suite, and add the elements at its end."""
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for kind, counter in _COUNTERS.items():
        suite.set(counter, str(sum(case.find(kind) is not None for case in cases)))
    suite.set("time", "0")
    ElementTree.SubElement(suite, "system-out").text = said
    ElementTree.SubElement(suite, "system-err")
