# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The two texts of which Ansible shows the difference."""

from __future__ import annotations

from dsync import Change, DSyncAction, Plan
from dsync.render.unified import before_after
from estate import PLANTED, SOURCE, TARGET, estate

BEFORE = """\
site:
  site nyc
    contact: "555-0"
  site lon
    contact: "555-3"
interface:
  interface rtr-1__eth0
    mtu: 1500
  interface old-1__eth9
    mtu: 1500
    password: null
  interface rtr-3__eth0
    mtu: 1500
    password: null
device:
  device old-1
    role: "router"
    facts: null
  device rtr-3
    role: "router"
    facts: null
"""


def _plan() -> Plan:
    return Plan.from_diff(estate(TARGET).diff_from(estate(SOURCE)))


def test_before_and_after() -> None:
    before, after = before_after(_plan())
    assert before == BEFORE
    assert after.startswith('site:\n  site nyc\n    contact: "555-1"\n  site ams\n    contact: "555-2"\ninterface:\n')
    assert before_after(Plan()) == ("", "")


def test_a_long_plan_is_capped_and_says_so() -> None:
    before, after = before_after(_plan(), max_bytes=100)
    assert before.endswith("(10 more changes are not shown)\n")
    assert after.endswith("(10 more changes are not shown)\n")
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
        'host:\n  host h\n    motd: |\n      hi\n      there\n    token: "********"\n',
        'host:\n  host h\n    motd: "hallo"\n    token: "********"\n',
    )
