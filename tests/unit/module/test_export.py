# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An export writes values of every kind as records that can be read again, and none that is secret."""

from __future__ import annotations

import enum
from datetime import datetime, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible", reason="the module's side needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.errors import TaskFailure
from ansible_collections.dsync.core.plugins.module_utils._module.run.export import file_of, plan_of
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncModel
from ansible_collections.dsync.core.plugins.module_utils.dsync._util.pydantic import SecretStr
from ansible_collections.dsync.core.plugins.module_utils.dsync.records.description import describe


class Status(enum.Enum):
    ACTIVE = "active"
    PLANNED = "planned"


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("address",)
    _attributes = ("status", "states", "since", "price", "tags", "more", "pin")
    _sensitive = ("pin",)
    address: IPv4Address
    status: Status = Status.ACTIVE
    states: list[Status] = [Status.PLANNED]
    since: datetime = datetime(2020, 1, 2, tzinfo=timezone.utc)
    price: Decimal = Decimal("1.50")
    tags: set[str] = {"b", "a"}
    more: Any = {"x": [1]}
    pin: str = "opal-17"


class Estate(DSync):
    site = Site
    top_level = ["site"]


def test_values_of_every_kind(tmp_path: Path) -> None:
    source, path = Estate("estate"), str(tmp_path / "estate.yml")
    source.add(Site(address="192.0.2.1"))
    description = describe(source)
    file = file_of(path, description, 0o640)
    diff, plan = plan_of(file, source, description, None)
    assert file.apply(plan, source, diff=diff).counts["done"] == 1
    assert Path(path).stat().st_mode & 0o777 == 0o640
    (read,) = file_of(path, description).get_all("site")
    values = {**read.get_identifiers(), **read.get_attrs()}
    assert values == {
        "address": IPv4Address("192.0.2.1"),
        "status": "active",
        "states": ["planned"],
        "since": datetime(2020, 1, 2, tzinfo=timezone.utc),
        "price": Decimal("1.50"),
        "tags": {"a", "b"},
        "more": {"x": [1]},
    }
    assert "opal-17" not in Path(path).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (SecretStr("opal-17"), r'^site "192\.0\.2\.1": more holds a secret; declare the attribute as sensitive to leave it out\.$'),
        ({"deep": [SecretStr("opal-17")]}, "more holds a secret"),
        (object(), r'^site "192\.0\.2\.1": more cannot be written: '),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, value: Any, words: str) -> None:
    source = Estate("estate")
    source.add(Site(address="192.0.2.1", more=value))
    description = describe(source)
    with pytest.raises(TaskFailure, match=words):
        plan_of(file_of(str(tmp_path / "estate.yml"), description), source, description, None)
