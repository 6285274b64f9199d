# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetBox in real playbooks: somebody else's estate, drift behind its back, and the first playbook of the page about NetBox."""

from __future__ import annotations

import gzip
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from netbox_server import NetBox

from playbooks import play, playbook_of

DEMO = Path(__file__).with_name("netbox_demo")
DUMP = Path(__file__).parents[3] / "shared" / "data" / "netbox-demo" / "dcim.json.gz"
PAGE = Path(__file__).parents[2] / "docs" / "netbox.md"

pytestmark = pytest.mark.skipif("ANSIBLE_COLLECTIONS_PATH" not in os.environ, reason="no collection is laid out")


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """The playbook of somebody else's estate, and that estate."""
    if not DUMP.exists():
        pytest.skip("the dump is not there")
    folder = Path(shutil.copytree(DEMO, tmp_path / "demo"))
    (folder / "dump.json").write_bytes(gzip.decompress(DUMP.read_bytes()))
    return folder


def listed(server: NetBox, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.call("GET", path)["results"]
    return found


@pytest.mark.long
def test_somebody_elses_estate_and_drift_behind_its_back(netbox: NetBox, demo: Path) -> None:
    given = {"dump": str(demo / "dump.json"), "netbox_url": netbox.url, "netbox_token": netbox.token}
    first = play(demo / "play.yml", **given)
    assert (first["changed"], first["failures"]) == (True, [])
    assert len(listed(netbox, "dcim/devices/?limit=0")) == 72
    sites = {site["name"]: site["region"]["name"] for site in listed(netbox, "dcim/sites/?limit=0")}
    assert (len(sites), sites["DM-NYC"]) == (24, "New York")
    before = netbox.requests()
    assert play(demo / "play.yml", **given)["changed"] is False
    assert netbox.requests() - before <= 20

    device = listed(netbox, "dcim/devices/?name=dmi01-akron-rtr01")[0]
    netbox.call("PATCH", f"dcim/devices/{device['id']}/", {"name": "renamed", "serial": "X1"})
    site = listed(netbox, "dcim/sites/?name=DM-NYC")[0]
    netbox.call("PATCH", f"dcim/sites/{site['id']}/", {"status": "retired", "region": {"name": "Ohio"}})
    address = listed(netbox, "ipam/ip-addresses/?limit=1")[0]
    netbox.call("DELETE", f"ipam/ip-addresses/{address['id']}/")
    netbox.call("POST", "dcim/manufacturers/", {"name": "Nobody", "slug": "nobody"})
    drift = play(demo / "play.yml", "--check", **given)
    found = sorted((one["action"], one["model"], one["id"]) for one in drift["changes"] if one["model"] != "interface")
    assert found == [
        ("create", "device", "dmi01-akron-rtr01"),
        ("create", "ip_address", f"{(address['vrf'] or {'name': ''})['name']}__{address['address']}"),
        ("delete", "device", "renamed"),
        ("delete", "manufacturer", "Nobody"),
        ("update", "site", "DM-NYC"),
    ]
    repaired = play(demo / "play.yml", **given)
    assert (repaired["changed"], repaired["failures"]) == (True, [])
    assert play(demo / "play.yml", **given)["changed"] is False


def test_the_page_begins_with_a_playbook_that_works(netbox: NetBox, tmp_path: Path) -> None:
    blocks = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).write_text(text.replace("https://netbox.example.com", netbox.url))
    assert sum(len(text.splitlines()) for name, text in blocks if name == "sites.yml") <= 10
    given = {"netbox_token": netbox.token}
    assert play(tmp_path / "sites.yml", **given)["changed"] is True
    assert play(tmp_path / "sites.yml", **given)["changed"] is False
    assert {site["name"]: site["status"]["value"] for site in listed(netbox, "dcim/sites/")} == {
        "Paris": "active",
        "Lyon": "planned",
    }


def test_what_netbox_refuses_is_one_sentence_and_the_rest_is_done(netbox: NetBox, tmp_path: Path) -> None:
    models = {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}
    records = [{"name": "Good", "status": "active"}, {"name": "Bad", "status": "sleeping"}]
    playbook = playbook_of(
        tmp_path / "play.yml",
        "dsync_sync",
        models=models,
        source={"adapter": "memory", "options": {"records": records}},
        target={"adapter": "netbox", "options": {"url": netbox.url}, "secrets": {"token": "{{ netbox_token }}"}},
        flags=["continue_on_failure"],
    )
    result = play(playbook, fails=True, netbox_token=netbox.token)
    known = "active, decommissioning, planned, retired, staging"
    said = f'status: NetBox has no choice "sleeping" for it (known: {known})'
    assert [(one["id"], one["message"]) for one in result["failures"]] == [("Bad", said)]
    assert [site["name"] for site in listed(netbox, "dcim/sites/")] == ["Good"]
    wrong = play(playbook, fails=True, netbox_token="0" * 40)
    assert wrong["msg"].startswith("target (netbox): ")
    assert "the server answers 403: Invalid v1 token; check the token" in wrong["msg"]
