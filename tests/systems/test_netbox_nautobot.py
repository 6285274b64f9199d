# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate from a file to NetBox, from there to Nautobot, and back again, in real playbooks."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from nautobot_server import Nautobot
from netbox_server import NetBox
from test_netbox_playbooks import play

pytestmark = pytest.mark.skipif("ANSIBLE_COLLECTIONS_PATH" not in os.environ, reason="no collection is laid out")

PAGE = Path(__file__).parents[2] / "docs" / "nautobot.md"
MODELS: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"status": ["active", "planned"], "facility": "str"}},
    "manufacturer": {"identifiers": ["name"]},
    "device_type": {"identifiers": {"manufacturer": {"ref": "manufacturer"}, "model": "str"}},
    "role": {"identifiers": ["name"], "attributes": {"color": "str"}},
    "device": {
        "identifiers": ["name"],
        "attributes": {
            "status": ["active", "planned"],
            "site": {"ref": "site"},
            "role": {"ref": "role"},
            "device_type": {"ref": "device_type"},
            "serial": "str",
            "primary": {"ref": "address", "type": "str | None"},
        },
    },
    "interface": {
        "identifiers": {"device": {"ref": "device"}, "name": "str"},
        "attributes": {"type": "str", "mtu": "int | None"},
    },
    "prefix": {"identifiers": {"prefix": "ip_network"}, "attributes": {"description": "str"}},
    "address": {
        "identifiers": {"address": "ip_interface"},
        "attributes": {"dns_name": "str", "interface": {"ref": "interface", "type": "str | None"}},
    },
}
ESTATE: dict[str, list[dict[str, Any]]] = {
    "site": [{"name": "Paris", "status": "active", "facility": "PAR1"}, {"name": "Lyon", "status": "planned", "facility": ""}],
    "manufacturer": [{"name": "Acme"}],
    "device_type": [{"manufacturer": "Acme", "model": "RT-1"}],
    "role": [{"name": "core", "color": "ff0000"}, {"name": "edge", "color": "00ff00"}],
    "device": [
        {
            "name": f"rt-{number}",
            "status": "active" if number < 3 else "planned",
            "site": "Paris" if number < 3 else "Lyon",
            "role": "core",
            "device_type": "Acme__RT-1",
            "serial": f"S{number}",
            "primary": f"10.0.0.{number}/24" if number < 3 else None,
        }
        for number in (1, 2, 3)
    ],
    "interface": [
        {"device": f"rt-{number}", "name": name, "type": "1000base-t", "mtu": mtu}
        for number in (1, 2, 3)
        for name, mtu in (("eth0", 9000), ("eth1", None))
    ],
    "prefix": [{"prefix": "10.0.0.0/24", "description": "loopbacks"}, {"prefix": "2001:db8::/32", "description": ""}],
    "address": [
        *(
            {"address": f"10.0.0.{number}/24", "dns_name": f"rt-{number}.example", "interface": f"rt-{number}__eth0"}
            for number in (1, 2)
        ),
        {"address": "2001:db8::1/64", "dns_name": "", "interface": None},
    ],
}
NETBOX = {
    "role": {"from": "device_role"},
    "device": {"fields": {"primary": "primary_ip4"}},
    "prefix": {"where": {"vrf": ""}},
    "address": {"from": "ip_address", "where": {"vrf": ""}},
}
NAUTOBOT = {
    "site": {
        "from": "location",
        "where": {"location_type": "Site"},
        "fields": {"status": {"from": "status", "lookup": "statuses"}},
    },
    "device": {
        "fields": {"site": "location", "primary": "primary_ip4", "status": {"from": "status", "lookup": "statuses"}},
    },
    "interface": {"where": {"status": "Active"}},
    "prefix": {"where": {"namespace": "Global", "status": "Active"}},
    "address": {
        "from": "ip_address",
        "where": {"namespace": "Global", "status": "Active"},
        "fields": {"interface": {"expr": "interfaces[0] if interfaces else none", "write": {"interfaces": "interface"}}},
    },
}


def task(source: dict[str, Any], target: dict[str, Any]) -> str:
    tasks = [{"name": "It", "dsync.core.dsync_sync": {"models": MODELS, "source": source, "target": target}}]
    return yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], sort_keys=False)


@pytest.mark.long
def test_from_a_file_to_netbox_to_nautobot_and_back(netbox: NetBox, nautobot: Nautobot, tmp_path: Path) -> None:
    nautobot.call("POST", "dcim/location-types/", {"name": "Site", "content_types": ["dcim.device"]})
    (tmp_path / "estate.json").write_text(json.dumps(ESTATE))
    file = {"adapter": "file", "options": {"path": "estate.json"}, "mapping": {name: {"from": name} for name in MODELS}}
    secrets = {"netbox_token": netbox.token, "nautobot_token": nautobot.token}
    one = {"adapter": "netbox", "options": {"url": netbox.url}, "secrets": {"token": "{{ netbox_token }}"}, "mapping": NETBOX}
    other = {
        "adapter": "nautobot",
        "options": {"url": nautobot.url, "filters": {"role": {"content_types": "dcim.device"}}},
        "secrets": {"token": "{{ nautobot_token }}"},
        "mapping": NAUTOBOT,
        "lookups": {"statuses": {"Active": "active", "Planned": "planned"}},
    }
    number = sum(map(len, ESTATE.values()))

    def synchronised(source: dict[str, Any], target: dict[str, Any], *arguments: str) -> dict[str, Any]:
        (tmp_path / "play.yml").write_text(task(source, target))
        result = play(tmp_path / "play.yml", *arguments, **secrets)
        assert not result.get("failures")
        return result

    assert synchronised(file, one)["summary"]["creates"] == number
    assert synchronised(one, other)["summary"]["creates"] == number
    assert synchronised(one, other)["changed"] is False
    assert synchronised(file, other)["changed"] is False, "Nautobot has what the file says"

    device = nautobot.call("GET", "dcim/devices/?name=rt-1")["results"][0]
    nautobot.call("PATCH", f"dcim/devices/{device['id']}/", {"serial": "drifted"})
    address = nautobot.call("GET", "ipam/ip-addresses/?address=10.0.0.2/24")["results"][0]
    nautobot.call("DELETE", f"ipam/ip-addresses/{address['id']}/")
    drift = synchronised(one, other, "--check")
    assert sorted({(change["action"], change["model"], change["id"]) for change in drift["changes"]}) == [
        ("create", "address", "10.0.0.2/24"),
        ("update", "device", "rt-1"),
        ("update", "device", "rt-2"),
    ]
    assert synchronised(one, other)["changed"] is True
    assert synchronised(one, other)["changed"] is False

    netbox.reset()
    assert synchronised(other, one)["summary"]["creates"] == number
    assert synchronised(file, one)["changed"] is False, "all the way round nothing is lost"


def test_the_page_about_nautobot_begins_with_a_playbook_that_works(nautobot: Nautobot, tmp_path: Path) -> None:
    blocks = re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).write_text(text.replace("https://nautobot.example.com", nautobot.url))
    assert len((tmp_path / "locations.yml").read_text().splitlines()) <= 10
    secrets = {"nautobot_token": nautobot.token}
    assert play(tmp_path / "locations.yml", **secrets)["changed"] is True
    assert play(tmp_path / "locations.yml", **secrets)["changed"] is False
    found = nautobot.call("GET", "dcim/locations/?depth=1")["results"]
    assert {one["name"]: (one["status"]["name"], one["tags"][0]["name"]) for one in found} == {
        "Paris": ("Active", "from-ansible"),
        "Lyon": ("Planned", "from-ansible"),
    }
