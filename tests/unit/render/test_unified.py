# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The two texts of which Ansible shows the difference."""

from __future__ import annotations

from dsync import Change, DSyncAction, ObjectRef, Plan
from dsync.render.unified import before_after
from estate import PLANTED, SOURCE, TARGET, estate

BEFORE = """\
site
  nyc  contact: "555-0"
  lon  contact: "555-3"
device
  old-1  role: "router"
  old-1  facts: null
  rtr-3  role: "router"
  rtr-3  facts: null
interface
  rtr-1__eth0  mtu: 1500
  old-1__eth9  mtu: 1500
  old-1__eth9  password: null
  rtr-3__eth0  mtu: 1500
  rtr-3__eth0  password: null
"""


def _plan() -> Plan:
    return Plan.from_diff(estate(TARGET).diff_from(estate(SOURCE)))


def test_before_and_after() -> None:
    before, after = before_after(_plan())
    assert before == BEFORE
    assert after.startswith('site\n  nyc  contact: "555-1"\n  ams  contact: "555-2"\ndevice\n')
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
        'host\n  h  motd: |\n  h  motd: | hi\n  h  motd: | there\n  h  token: "********"\n',
        'host\n  h  motd: "hallo"\n  h  token: "******** (changed)"\n',
    )


def test_no_line_is_shared_by_two_objects() -> None:
    before, after = before_after(_plan())
    shared = set(before.splitlines()) & set(after.splitlines())
    assert shared == {"site", "device", "interface"}


def test_an_object_without_attributes_has_a_line_and_self_nested_models_have_a_place() -> None:
    region = ObjectRef("region", "eu")
    plan = Plan(
        [
            Change(DSyncAction.CREATE, "region", "eu", {"name": "eu"}, after={}),
            Change(DSyncAction.CREATE, "region", "ch", {"name": "ch"}, after={}, parent=region),
        ]
    )
    assert before_after(plan) == ("region\n", "region\n  eu\n  ch\n")
