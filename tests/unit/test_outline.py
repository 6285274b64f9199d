# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The outline of a diff."""

from __future__ import annotations

import pytest
from dsync import Diff, DSyncFlags
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
