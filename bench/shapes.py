# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data that is measured: for each shape two sides made of plain dicts, the same in every process and on every machine.

The rows of one side are new objects, none of them shared with the other side, as they are when they come from two systems.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from random import Random
from typing import Any

Row = dict[str, Any]

DEVICES_A_SITE = 20
INTERFACES_A_DEVICE = 25
WIDTH = 30
WHOLE_DEVICES = 0.25
"""The part of the new and gone interfaces that come and go with their device."""


class Fate(Enum):
    """On which side an object is, and whether it is the same there."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


Child = tuple[Row, list[Any]]
"""A row and the pairs of its children."""

Lists = list[list[Child]]
"""A list for the source and one for the target, to which rows are added."""


@dataclass
class Side:
    """One side's rows.

    Attributes:
        nested: the top-level rows, each with the pairs of its children.
        tables: the same rows, a list for each model.
    """

    nested: list[Child]
    tables: dict[str, list[Row]]


class Builder:
    """Decides each object's fate and makes its rows on the sides on which it is."""

    def __init__(self, *models: str, all_different: bool = False) -> None:
        self._random = Random(20240229)
        self._all_different = all_different
        self.source, self.target = (Side([], {model: [] for model in models}) for _side in range(2))

    def fate(self, coming_and_going: float = 1) -> Fate:
        """Draw a fate: 1 % new, 2 % gone, both multiplied by ``coming_and_going``; 1 % changed, or all that stay."""
        drawn = self._random.random()
        if drawn < 0.01:
            return Fate.CHANGED
        if drawn < 0.01 + 0.01 * coming_and_going:
            return Fate.NEW
        if drawn < 0.01 + 0.03 * coming_and_going:
            return Fate.GONE
        return Fate.CHANGED if self._all_different else Fate.SAME

    def add(self, model: str, fate: Fate, make: Callable[[bool], Row], above: Lists | None = None) -> Lists:
        """Make a row on each side that has it, and return the lists that its children belong into.

        Args:
            model: name of the table.
            fate: on which sides it is, and whether ``make`` is told that it has changed.
            make: returns a new row.
            above: the lists that the row belongs into, source and target; the top of both sides if not given.
        """
        lists = above or (self.source.nested, self.target.nested)
        below: Lists = []
        for side, siblings, absent in zip((self.source, self.target), lists, (Fate.GONE, Fate.NEW)):
            children: list[Child] = []
            if fate is not absent:
                row = make(fate is Fate.CHANGED and side is self.source)
                siblings.append((row, children))
                side.tables[model].append(row)
            below.append(children)
        return below

    def sides(self) -> tuple[Side, Side]:
        """Return source and target."""
        return self.source, self.target


def tree(size: int, all_different: bool = False) -> tuple[Side, Side]:
    """Sites of 20 devices of 25 interfaces; ``size`` counts the interfaces, and a gone device takes its interfaces along."""
    build = Builder("site", "device", "interface", all_different=all_different)
    devices: Lists = []
    for number in range(-(-size // INTERFACES_A_DEVICE)):
        if number % DEVICES_A_SITE == 0:
            devices = build.add("site", build.fate(0), partial(_site, number))
        fate = build.fate(WHOLE_DEVICES)
        interfaces = build.add("device", fate, partial(_device, number), devices)
        for place in range(min(INTERFACES_A_DEVICE, size - number * INTERFACES_A_DEVICE)):
            own = build.fate(1 - WHOLE_DEVICES)
            own = fate if fate in (Fate.NEW, Fate.GONE) else own
            build.add("interface", own, partial(_interface, number, place), interfaces)
    return build.sides()


# Every text below is made anew for each row: a name that two rows share would be found equal without being looked at.


def _site_name(device: int) -> str:
    return f"site-{device // DEVICES_A_SITE:05}"


def _device_name(device: int) -> str:
    return f"device-{device:06}"


def _site(device: int, changed: bool) -> Row:
    return {"name": _site_name(device), "contact": f"{'new ' if changed else ''}operator of {_site_name(device)}"}


def _device(device: int, changed: bool) -> Row:
    return {
        "name": _device_name(device),
        "role": f"{'router' if changed else 'switch'} {device % 10}",
        "site_name": _site_name(device),
    }


def _interface(device: int, place: int, changed: bool) -> Row:
    return {
        "device_name": _device_name(device),
        "name": f"Ethernet{place}",
        "mtu": 9000 - 500 * (place % 5) + changed,
        "description": f"{'new ' if changed else ''}link {place} of {_device_name(device)}",
        "enabled": (place % 7 == 0) is changed,
    }


def flat(size: int) -> tuple[Side, Side]:
    """Objects of one model without parents."""
    build = Builder("host")
    for number in range(size):
        build.add("host", build.fate(), partial(_host, number))
    return build.sides()


def _host(number: int, changed: bool) -> Row:
    return {
        "name": f"host-{number:07}",
        "address": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
        "port": 1024 + number % 4096 + changed,
        "enabled": number % 3 > 0,
    }


def wide(size: int) -> tuple[Side, Side]:
    """Objects of one model with 30 attributes: ten texts, ten numbers, ten truth values."""
    build = Builder("record")
    for number in range(size):
        build.add("record", build.fate(), partial(_record, number))
    return build.sides()


def _record(number: int, changed: bool) -> Row:
    row: Row = {"name": f"record-{number:07}"}
    row.update({f"text_{place}": f"text {place} of {number}" for place in range(WIDTH // 3)})
    row.update({f"number_{place}": number * place + 1000 for place in range(WIDTH // 3)})
    row.update({f"truth_{place}": (number + place) % 2 == 0 for place in range(WIDTH // 3)})
    if changed:
        row["number_9"] += 1
    return row


def family(size: int) -> tuple[Side, Side]:
    """One parent with ``size`` children."""
    build = Builder("group", "member")
    members = build.add("group", Fate.SAME, _group)
    for number in range(size):
        build.add("member", build.fate(), partial(_member, number), members)
    return build.sides()


def _group(changed: bool) -> Row:
    return {"name": f"group-{0:03}", "label": f"{'some' if changed else 'all'} of them"}


def _member(number: int, changed: bool) -> Row:
    return {
        "group_name": f"group-{0:03}",
        "name": f"member-{number:07}",
        "rank": 1000 + number + changed,
        "label": f"number {number}",
    }


SHAPES: dict[str, Callable[[int], tuple[Side, Side]]] = {
    "tree": tree,
    "flat": flat,
    "wide": wide,
    "family": family,
    "different": partial(tree, all_different=True),
}
"""Shape → function of the size that returns source and target."""
