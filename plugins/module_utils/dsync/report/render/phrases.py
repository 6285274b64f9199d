# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Text forms of values and changes, shared by all renderers of reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..._util.visible import visible
from ...model.identity import ObjectRef
from ...storage.provenance import VERSION
from ..report import COUNTED, Entry, Report, ReportSide

SIGNS = {"create": "+", "update": "~", "move": ">", "delete": "-"}
"""The signs of objects that are created, updated, moved or deleted."""

HEADINGS = ("create", "update", "move", "delete", "unchanged", "skipped")
"""The headings of the counts of a model, in the order of :data:`~..report.COUNTED`."""


class Attribute(NamedTuple):
    """One attribute of a change.

    Attributes:
        name: its name.
        before: its old value as a string; None if the object did not exist.
        after: its new value as a string; None if the object is deleted.
    """

    name: str
    before: str | None
    after: str | None


def one_line(text: str) -> str:
    """Return a string in one line without control characters."""
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))


def shown(value: Any) -> str:
    """Return the text form of a JSON value: a string of several lines unchanged, anything else as JSON."""
    if isinstance(value, str) and "\n" in value:
        return visible(value)
    return visible(json.dumps(value, ensure_ascii=False))


def attributes(entry: Entry) -> Iterator[Attribute]:
    """Yield the attributes that a change is about, of a move first the object's id and parent where these change. What is masked
    looks alike on both sides, and is said to have changed."""
    if entry.is_rename:
        yield Attribute("id", one_line(str(entry.before_id)), one_line(entry.id))
    if entry.before_parent != entry.parent and entry.action == "move":
        yield Attribute("parent", _place(entry.before_parent), _place(entry.parent))
    before, after = entry.before, entry.after
    for name in {**(before or {}), **(after or {})}:
        old = None if before is None or name not in before else shown(before[name])
        new = None if after is None or name not in after else shown(after[name])
        yield Attribute(one_line(name), old, f"{new} (changed)" if new is not None and new == old else new)


def phrase(attribute: Attribute) -> str:
    """Return the value of an attribute, or the old and the new one, in one line."""
    values = (one_line(value) for value in (attribute.before, attribute.after) if value is not None)
    return " → ".join(values)


def _place(ref: ObjectRef | None) -> str:
    """Return the place of an object: its parent, in one line."""
    return "top level" if ref is None else one_line(f"{ref.model} {ref.id}")


def details(entry: Entry) -> list[str]:
    """Return one line for each attribute of a change."""
    return [f"{attribute.name}: {phrase(attribute)}" for attribute in attributes(entry)]


def side_phrase(side: ReportSide) -> str:
    """Return the description of a dataset, in one line."""
    adapter = f" ({side.adapter})" if side.adapter and side.adapter != side.name else ""
    objects = "" if side.total is None else ", 1 object" if side.total == 1 else f", {side.total:,} objects"
    return one_line(f"{side.name}{adapter}{objects}")


def facts(report: Report) -> list[tuple[str, str]]:
    """Return the header of a report, as pairs of name and text."""
    return [
        ("source", side_phrase(report.source)),
        ("target", side_phrase(report.target)),
        ("written", f"{report.created} by dsync {VERSION}"),
    ]


def table(report: Report) -> list[tuple[str, list[int]]]:
    """Return the counts of each model, those of :data:`HEADINGS`, with a last row for all of them if there are several."""
    rows = [(one_line(model), [counts[key] for key in COUNTED]) for model, counts in report.models.items()]
    return [*rows, ("total", [report.summary[key] for key in COUNTED])] if len(rows) > 1 else rows


def more_changes(number: int, why: str = "") -> str:
    """Return the sentence about the number of changes that are not shown."""
    what = "1 more change is" if number == 1 else f"{number:,} more changes are"
    return f"{what} not shown{why}."


CAPPED = ", because the result from which this report was made does not contain more"
"""The reason why changes without an entry are missing."""
