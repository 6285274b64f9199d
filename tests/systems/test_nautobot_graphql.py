# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Nautobot read by GraphQL: every kind that the adapter knows, with the values that REST reports."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from dsync import DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.nautobot import NautobotAdapter, graphql
from dsync.adapters.estates.nautobot.graphql import comparable
from dsync.adapters.estates.records import wanted_fields
from dsync.records.definition import data_model
from nautobot_estate import EVERYTHING, PARIS
from nautobot_server import Nautobot
from netbox_estate import dataset, uid

KEPT = DSyncFlags.SKIP_UNMATCHED_DST
CUSTOM: dict[str, Any] = {
    "text": "ä", "integer": 5, "boolean": False, "date": "2026-02-03", "url": "https://example.com", "json": {"a": [1, None]},
    "markdown": "# x",
}  # fmt: skip
BY_REST = "are read by REST"
VARIETY: dict[str, list[dict[str, Any]]] = {
    "device": [
        {
            "name": f"odd-{number}",
            "status": "Active",
            "role": "leaf",
            "device_type": "Acme__RT-1",
            "location": PARIS,
            "rack": uid(PARIS, "R1") if number else None,
            "position": number or None,
            "face": ("", "rear", "front")[number] or None,
            "serial": f"s\n{number}",
            "comments": 'Ünïcode "quoted"',
            "custom_fields": {f"c_{name}": value for name, value in CUSTOM.items()} if number == 1 else {},
        }
        for number in range(3)
    ],
    "interface": [
        {"device": "odd-0", "name": f"p{number}", "type": name, "status": "Active", "mode": mode, "mtu": mtu}
        for number, (name, mode, mtu) in enumerate(
            (
                ("10gbase-x-sfpp", None, None),
                ("100base-tx", "access", 68),
                ("virtual", "tagged-all", None),
                ("ieee802.11a", None, 65536),
                ("other", None, 1500),
            )
        )
    ],
}
"""Objects with choices, numbers, custom fields and empty values that the others do not have."""


def filled(server: Nautobot) -> None:
    """Let Nautobot have objects of all kinds that the adapter knows."""
    for kind in CUSTOM:
        field = {"key": f"c_{kind}", "label": kind, "type": kind, "content_types": ["dcim.device"]}
        server.call("POST", "extras/custom-fields/", field)
    rows = {name: [*some, *VARIETY.get(name, ())] for name, some in EVERYTHING.items()}
    source = dataset(NautobotAdapter.own_models(), rows)
    target = loaded(server, server.token)
    target.apply(Plan.from_diff(target.diff_from(source, flags=KEPT)), source, KEPT).raise_for_failure()


def loaded(server: Nautobot, token: str, declared: Any = None, **options: Any) -> NautobotAdapter:
    models = NautobotAdapter.own_models() if declared is None else data_model(declared, base=RecordModel)
    made: NautobotAdapter = NautobotAdapter.bound(models)(url=server.url, token=token, **options)
    made.load()
    return made


@pytest.mark.parametrize("page_size", [1000, 2])
@pytest.mark.long
def test_graphql_reports_every_kind_as_rest_does(
    nautobot: Nautobot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, page_size: int
) -> None:
    filled(nautobot)
    monkeypatch.setattr(graphql, "FIRST", 1)
    adapter = NautobotAdapter.bound(NautobotAdapter.own_models())(url=nautobot.url, token=nautobot.token, page_size=page_size)
    seen = set()
    with caplog.at_level(logging.INFO, "dsync"):
        for mapped in adapter._maps.values():
            kind = adapter._kind(mapped)
            fields = wanted_fields(kind, mapped, True)
            assert fields is not None
            parameters = adapter.fields_parameters(kind, fields)
            by_rest = {one["id"]: one for one in adapter.list_natives(kind.endpoint, parameters)}
            found = adapter.read_natives(kind, fields, parameters, {}, [])
            assert len(found) == len(by_rest), kind.name
            for native in found:
                for name in sorted(fields):
                    assert comparable(native[name]) == comparable(by_rest[native["id"]][name]), (kind.name, name)
            seen |= {kind.name} if len(found) > 1 else set()
    assert BY_REST not in caplog.text
    assert seen >= {"device", "interface", "ip_address", "prefix", "vlan", "location", "location_type", "status", "role"}


@pytest.mark.long
def test_a_load_by_graphql_has_the_objects_of_one_by_rest(
    nautobot: Nautobot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    filled(nautobot)
    by_rest = loaded(nautobot, nautobot.token)
    monkeypatch.setattr(graphql, "FIRST", 1)
    with caplog.at_level(logging.INFO, "dsync"):
        by_graphql = loaded(nautobot, nautobot.token)
    assert BY_REST not in caplog.text
    assert by_graphql.dict() == by_rest.dict()
    reader = nautobot.add_user("reader", read_only=["dcim.device"])
    with caplog.at_level(logging.INFO, "dsync"):
        assert loaded(nautobot, reader).dict() == by_rest.dict()
    assert (
        "device objects are read by REST, not by GraphQL: GraphQL shows to what objects refer only with a superuser" in caplog.text
    )
