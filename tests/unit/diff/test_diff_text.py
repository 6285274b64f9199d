# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The outline of a diff."""

from __future__ import annotations

from typing import Any

import pytest
from dsync import Diff, DSync, DSyncAction, DSyncFlags, DSyncModel, Plan
from dsync.diff.selectors import Selector
from dsync.guard.protection import protect
from estate import SOURCE, TARGET, estate

OUTLINE = """\
~ site nyc
    contact: '555-0' → '555-1'
      device rtr-1
        ~ interface eth0
            mtu: 1500 → 9000
        + interface eth1
            mtu: 1500
            password: None
    + device sw-1
        role: 'switch'
        facts: None
    - device old-1
        - interface eth9
+ site ams
    contact: '555-2'
    + device rtr-2
        role: 'router'
        facts: None
        + interface eth0
            mtu: 1500
            password: None
- site lon
    - device rtr-3
        - interface eth0"""


@pytest.mark.parametrize("flags", [DSyncFlags.NONE, DSyncFlags.LOG_UNCHANGED_RECORDS], ids=repr)
def test_point_7_only_print_detailed_prints(flags: DSyncFlags, capsys: pytest.CaptureFixture[str]) -> None:
    diff = estate(TARGET).diff_from(estate(SOURCE), flags=flags)
    assert str(diff) == diff.str() == OUTLINE
    assert capsys.readouterr() == ("", "")
    diff.print_detailed()
    assert capsys.readouterr() == (OUTLINE + "\n", "")


def test_of_an_element_and_indented() -> None:
    diff = estate(TARGET).diff_from(estate(SOURCE))
    last = list(diff.get_children())[-1]
    assert str(last) == "- site lon\n    - device rtr-3\n        - interface eth0"
    assert last.str(indent=2).splitlines()[0] == "  - site lon"
    assert Diff().str(indent=2) == "  (no differences)"


def test_what_is_protected_is_shown_and_marked() -> None:
    diff = estate(TARGET).diff_from(estate(SOURCE))
    chosen = [Selector(action=DSyncAction.UPDATE), Selector(id="rtr-3"), Selector(id="ams"), Selector(id="rtr-1")]
    protect(diff, chosen, {})
    marked = OUTLINE
    for line in ("~ site nyc", "~ interface eth0", "+ site ams", "+ device rtr-2", "- site lon", "- device rtr-3"):
        marked = marked.replace(line, f"{line} (protected)")
    marked = marked.replace("        + interface eth0\n", "        + interface eth0 (protected)\n")
    marked = marked.removesuffix("- interface eth0") + "- interface eth0 (protected)"
    assert str(diff) == marked
    assert diff.has_diffs()
    assert diff.dict() == estate(TARGET).diff_from(estate(SOURCE)).dict()


class Counted:
    """A value that counts how often it is compared."""

    compared = 0

    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return isinstance(other, Counted) and self.value == other.value

    __hash__ = None

    def __repr__(self) -> str:
        return str(self.value)


class Level(DSyncModel):
    _modelname = "level"
    _identifiers = ("name",)
    _attributes = ("value",)
    _children = {"level": "levels"}
    name: str
    value: Any
    levels: list[str] = []


class Tower(DSync):
    level = Level
    top_level = ["level"]


def tower(value: int, height: int) -> Tower:
    made = Tower("tower")
    for number in range(height):
        made.add(
            Level(
                name=f"l{number}",
                value=Counted(value if number == height - 1 else 0),
                levels=[f"l{number + 1}"][: height - 1 - number],
            )
        )
    return made


def test_the_text_of_a_deep_tree_costs_one_look_at_each_level() -> None:
    height = 60
    diff = tower(2, height).diff_from(tower(1, height))
    for show in (diff.str, diff.dict):
        Counted.compared = 0
        assert "2" in str(show())
        assert Counted.compared <= 2 * height


def test_what_differs_is_found_out_once() -> None:
    diff = tower(2, 60).diff_from(tower(1, 60))
    str(diff)
    Counted.compared = 0
    assert Plan.from_diff(diff).changes
    assert diff.dict()
    assert diff.has_diffs()
    assert Counted.compared == 0
