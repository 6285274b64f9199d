# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preset of PowerDNS against the real server: filled, changed and emptied, as its page has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rest_servers
import yaml
from dsync.adapters import RecordModel, built_in
from dsync.adapters.rest import RestAdapter
from dsync.adapters.rest.preset import read_preset
from dsync.plan.plan import Plan
from dsync.records.definition import data_model
from test_rest_servers import started

PRESET = Path(__file__).parents[2] / "plugins/module_utils/dsync/adapters/rest/presets/powerdns.yml"
CONTENT: dict[str, Any] = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
DECLARED = read_preset("powerdns", CONTENT, {})
MODELS = data_model(DECLARED.models, DECLARED.top_level, base=RecordModel)


@pytest.fixture
def pdns(tmp_path: Path) -> Iterator[rest_servers.Server]:
    yield from started(rest_servers.powerdns(tmp_path))


def address(number: int) -> list[dict[str, Any]]:
    return [{"content": f"192.0.2.{number}", "disabled": False}]


def synchronised(server: rest_servers.Server, records: dict[str, list[dict[str, Any]]]) -> Any:
    source: Any = built_in("memory").bound(MODELS)(records=records)
    cls = RestAdapter.bound(MODELS, DECLARED.mapping, DECLARED.lookups)
    target = cls(**DECLARED.options, base_url=server.url, token=rest_servers.API_KEY)
    for one in (source, target):
        one.load()
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert not result.failures, [failure.message for failure in result.failures]
    assert target.altered_values() == ""
    return result


def test_the_preset_of_powerdns(pdns: rest_servers.Server) -> None:
    zone, other = (
        {"name": "example.org.", "kind": "Native", "account": "netops"},
        {"name": "2.0.192.in-addr.arpa.", "kind": "Native"},
    )
    www = {"zone_name": "example.org.", "name": "www.example.org.", "type": "A", "ttl": 60, "records": address(1)}
    mail = {**www, "name": "mail.example.org.", "records": address(2)}
    pointer = {**www, "zone_name": other["name"], "name": "1.2.0.192.in-addr.arpa.", "type": "PTR"}
    states = [
        CONTENT["sample"],
        {"zone": [zone, other], "rrset": [www, mail, {**pointer, "records": [{"content": "www.example.org.", "disabled": False}]}]},
        {
            "zone": [{**zone, "kind": "Master", "account": None}],
            "rrset": [{**www, "ttl": 90, "records": [*address(4), *address(3)]}],
        },
        {"zone": [{**zone, "kind": "Slave", "masters": ["192.0.2.53"]}], "rrset": []},
        {"zone": [], "rrset": []},
    ]
    for records in states:
        assert synchronised(pdns, records).changed
        assert not synchronised(pdns, records).outcomes, "a second run changes something"
