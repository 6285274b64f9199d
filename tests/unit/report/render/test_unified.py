# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The two texts of which Ansible shows the difference."""

from __future__ import annotations

import difflib

from dsync import Change, DSyncAction, ObjectRef, Plan
from dsync.report.render.unified import before_after
from estate import PLANTED, SOURCE, TARGET, estate

BEFORE = """\
site
  lon  contact: "555-3"
  nyc
  nyc  contact: "555-0"
device
  old-1  role: "router"
  old-1  facts: null
  rtr-3  role: "router"
  rtr-3  facts: null
interface
  old-1__eth9  mtu: 1500
  old-1__eth9  password: null
  rtr-3__eth0  mtu: 1500
  rtr-3__eth0  password: null
  rtr-1__eth0
  rtr-1__eth0  mtu: 1500
"""


def _plan() -> Plan:
    return Plan.from_diff(estate(TARGET).diff_from(estate(SOURCE)))


def test_before_and_after() -> None:
    before, after = before_after(_plan())
    assert before == BEFORE
    assert after.startswith('site\n  ams  contact: "555-2"\n  nyc\n  nyc  contact: "555-1"\ndevice\n')
    assert before_after(Plan()) == ("", "")


def test_a_long_plan_is_capped_and_says_so() -> None:
    before, after = before_after(_plan(), max_bytes=100)
    assert before.endswith("(9 more changes are not shown)\n")
    assert after.endswith("(9 more changes are not shown)\n")
    assert max(len(before), len(after)) < 150


def test_texts_of_several_lines_and_secrets() -> None:
    change = Change(
        DSyncAction.UPDATE,
        "host",
        "h",
        {"name": "h"},
        before={"motd": "hi\nthere", "token": PLANTED},
        after={"motd": "hallo", "token": "y" + PLANTED},
        sensitive=frozenset({"token"}),
    )
    assert before_after(Plan([change])) == (
        'host\n  h\n  h  motd: |\n  h  motd: | hi\n  h  motd: | there\n  h  token: "********"\n',
        'host\n  h\n  h  motd: "hallo"\n  h  token: "******** (changed)"\n',
    )


def test_no_line_is_shared_by_two_objects() -> None:
    before, after = before_after(_plan())
    shared = set(before.splitlines()) & set(after.splitlines())
    updated = {f"  {change.id}" for change in _plan() if change.action == DSyncAction.UPDATE}
    assert shared == {"site", "device", "interface"} | updated


def test_old_and_new_values_of_an_updated_object_stand_together() -> None:
    before, after = (text.splitlines() for text in before_after(_plan()))
    shown = list(difflib.unified_diff(before, after, lineterm=""))
    updates = [change for change in _plan() if change.action == DSyncAction.UPDATE]
    assert updates
    for change in updates:
        first = shown.index(f"   {change.id}") + 1
        values = shown[first : first + 2 * len(change.after or {})]
        assert {line[1:].split("  ")[1] for line in values} == {change.id}


def test_an_object_without_attributes_has_a_line_and_self_nested_models_have_a_place() -> None:
    region = ObjectRef("region", "eu")
    plan = Plan(
        [
            Change(DSyncAction.CREATE, "region", "eu", {"name": "eu"}, after={}),
            Change(DSyncAction.CREATE, "region", "ch", {"name": "ch"}, after={}, parent=region),
        ]
    )
    assert before_after(plan) == ("region\n", "region\n  eu\n  ch\n")


def test_what_is_protected_is_shown_and_marked() -> None:
    changes = [
        Change(DSyncAction.UPDATE, "site", "a", {}, before={"x": 1}, after={"x": 2}, protected="hands off"),
        Change(DSyncAction.UPDATE, "site", "b", {}, before={"x": 1}, after={"x": 2}),
        Change(DSyncAction.CREATE, "site", "c", {}, after={}, protected="hands off"),
        Change(DSyncAction.DELETE, "site", "d", {}, before={"x": "1\n2"}, protected="hands off"),
    ]
    assert before_after(Plan(changes)) == (
        "site\n  d (protected)  x: |\n  d (protected)  x: | 1\n  d (protected)  x: | 2\n"
        "  a (protected)\n  a (protected)  x: 1\n  b\n  b  x: 1\n",
        "site\n  c (protected)\n  a (protected)\n  a (protected)  x: 2\n  b\n  b  x: 2\n",
    )


def test_a_change_that_is_too_long_hides_no_other() -> None:
    plan = Plan(
        Change(DSyncAction.CREATE, "host", name, {}, after={"config": text}) for name, text in [("a", "x" * 999), ("b", "y")]
    )
    assert before_after(plan, max_bytes=100)[1] == 'host\n  b  config: "y"\n(1 more changes are not shown)\n'
