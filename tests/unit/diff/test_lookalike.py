# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A create and a delete whose objects look alike are told as one warning a model, and what differs is seen wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from dsync import DSync, DSyncModel, Plan
from dsync._util.visible import visible
from dsync.report.render.unified import before_after


class Device(DSyncModel):
    _modelname = "device"
    _identifiers = ("name",)
    _attributes = ("role",)
    name: str
    role: str = ""


class Caseless(DSyncModel):
    _modelname = "device"
    _identifiers = ("site", "name")
    _compare = {"name": "case_insensitive"}
    site: str
    name: str


def loaded(name: str, model: type[DSyncModel], rows: Iterable[dict[str, Any]]) -> DSync:
    kind = type("Estate", (DSync,), {"device": model, "top_level": ["device"]})
    made: DSync = kind(name)
    made.add_rows("device", rows)
    return made


def warnings(source: Iterable[str], target: Iterable[str]) -> list[str]:
    sides = [loaded(name, Device, [{"name": one} for one in names]) for name, names in (("sot", source), ("cmdb", target))]
    return sides[1].diff_from(sides[0]).warnings


@pytest.mark.parametrize(
    ("new", "old", "seen", "remedy"),
    [
        ("r1", "R1", ("r1", "R1"), 'declare "compare: case_insensitive" for name to make them one object'),
        ("r1", "r1\u00a0", ("r1", "r1\\u00a0"), 'declare "compare: stripped" for name to make them one object'),
        ("\ufeffr1", "r1", ("\\ufeffr1", "r1"), 'declare "compare: stripped" for name to make them one object'),
        ("r\u200b1", "r1", ("r\\u200b1", "r1"), "correct name on one side"),
        ("r 1", "r\u20091", ("r 1", "r\\u20091"), "correct name on one side"),
        (
            "Z\u00fcrich",
            "Zu\u0308rich",
            ("Z\u00fcrich", "Zu\\u0308rich"),
            'declare "compare: unicode_nfc" for name to make them one object',
        ),
        (
            "Z\u00fcrich",
            " ZU\u0308RICH",
            ("Z\u00fcrich", " ZU\\u0308RICH"),
            'declare "compare: [stripped, case_insensitive, unicode_nfc]" for name to make them one object',
        ),
        ("7", "007", None, 'declare "compare: number" for name to make them one object'),
        ("10", "10.0", ("10", "10.0"), 'declare "compare: number" for name to make them one object'),
        ("aabb.cc00.0001", "AA:BB:CC:00:00:01", None, 'declare "compare: mac" for name to make them one object'),
        ("2001:db8::1", "2001:DB8:0::1", None, 'declare "compare: ip" for name to make them one object'),
        ("2026-03-01T10:00:00Z", "2026-03-01T12:00:00+02:00", None, 'declare "compare: moment" for name to make them one object'),
    ],
)
def test_a_pair_that_looks_alike_is_named_with_its_remedy(new: str, old: str, seen: tuple[str, str] | None, remedy: str) -> None:
    one, other = seen or (new, old)
    assert warnings([new, "same"], [old, "same", "gone"]) == [
        f'device "{other}" of cmdb would be deleted and "{one}" of sot would be created, and they look alike: {remedy}'
    ]


def test_there_is_one_warning_a_model_and_none_for_what_looks_otherwise() -> None:
    found = warnings(["r1", "r2", "r3"], ["R1", "R2", "R3"])
    assert len(found) == 1
    assert "they look alike, as 2 more pairs do: " in found[0]
    assert warnings(["r1", "1.1", "7"], ["r2", "1.10", "8"]) == []
    assert warnings(["r1"], []) == warnings([], ["R1"]) == []


def test_what_is_declared_already_is_part_of_the_remedy() -> None:
    source = loaded("sot", Caseless, [{"site": "nyc", "name": "R1"}])
    target = loaded("cmdb", Caseless, [{"site": "NYC", "name": "r1 "}])
    (warning,) = target.diff_from(source).warnings
    assert warning.endswith(
        'declare "compare: case_insensitive" for site and "compare: [stripped, case_insensitive]" for name to make them one object'
    )
    kept = {"site": "nyc", "name": "R2"}
    assert loaded("cmdb", Caseless, [kept]).diff_from(loaded("sot", Caseless, [{"site": "nyc", "name": "r2"}])).warnings == []


def test_an_object_that_moves_is_no_pair() -> None:
    assert warnings(["r1"], ["r1"]) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain \t\n", "plain \t\n"),
        ("a\u00a0b\u202fc\u3000", "a\\u00a0b\\u202fc\\u3000"),
        ("\ufeffa\u200b\u200d\u00ad", "\\ufeffa\\u200b\\u200d\\u00ad"),
        ("\x1b[31m\u202e", "\\u001b[31m\\u202e"),
        ("Z\u00fcrich", "Z\u00fcrich"),
        ("Zu\u0308rich", "Zu\\u0308rich"),
        ("\u212b", "\\u212b"),
        ("\u1112\u1161\u11ab", "\\u1112\\u1161\\u11ab"),
        ("\u0e17\u0e35\u0e48", "\u0e17\u0e35\u0e48"),
    ],
)
def test_every_character_is_seen(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_what_differs_is_seen_in_the_text_of_a_diff_and_in_what_ansible_shows() -> None:
    source = loaded("sot", Device, [{"name": "r1", "role": "core router"}, {"name": "r2", "role": "Z\u00fcrich"}])
    target = loaded("cmdb", Device, [{"name": "r1", "role": "core\u00a0router"}, {"name": "r2", "role": "Zu\u0308rich"}])
    diff = target.diff_from(source)
    assert "role: 'core\\xa0router' → 'core router'" in diff.str()
    assert "role: 'Zu\\u0308rich' → 'Z\u00fcrich'" in diff.str()
    before, after = before_after(Plan.from_diff(diff))
    assert 'role: "core\\u00a0router"' in before
    assert 'role: "core router"' in after
    assert 'role: "Zu\\u0308rich"' in before
    assert 'role: "Z\u00fcrich"' in after
