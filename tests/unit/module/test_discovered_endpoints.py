# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a discovery learns of an API without a description from its answers, that to OPTIONS included."""

from __future__ import annotations

import pytest

pytest.importorskip("ansible", reason="the module needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.bundle.format import Bundle
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.discovery import discovered
from ansible_collections.dsync.core.plugins.module_utils._module.datasets.side import Side
from rest_api import Api, Reply, Request, served

STATUS = {"type": "choice", "read_only": False, "choices": [{"value": one, "display_name": one} for one in ("active", "planned")]}


def answer(request: Request) -> Reply | None:
    fields = {"status": STATUS, "uptime": {"type": "integer", "read_only": True}}
    return Reply(200, {"actions": {"POST": fields}}) if request.method == "OPTIONS" else None


def test_enumerations_and_read_only_fields_come_from_options() -> None:
    rows = [{"id": number, "name": f"r{number}", "status": "active", "uptime": number} for number in (1, 2)]
    with served(Api({"devices": rows}, intervene=answer)) as api:
        params = {"adapter": "rest", "options": {"base_url": api.url}, "secrets": {}, "name": None, "openapi": None}
        found = discovered(Side("source", {**params, "tables": ["/devices"], "read_records": True}), Bundle())
    fields = found.tables["device"].schema.fields
    assert (fields["status"].choices, fields["uptime"].read_only) == (("active", "planned"), True)
