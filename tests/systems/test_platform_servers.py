# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real NetBox and Nautobot that other tests build on: they serve, are emptied, restarted, slow, and refuse who may not."""

from __future__ import annotations

import secrets
import threading
import time
import urllib.error
import urllib.request
from typing import Any

import httpx
import pytest
from backends import ServerFailed
from nautobot_server import Nautobot
from netbox_server import NetBox
from platform_servers import Server

PATIENCE = 60
"""Seconds to wait for an answer: the servers' first one of a kind takes long on a machine that is busy."""


@pytest.fixture(params=["netbox", "nautobot"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    running: Server = request.getfixturevalue(request.param)
    return running


def tenants(server: Server, *names: str) -> list[dict[str, Any]]:
    slug = isinstance(server, NetBox)
    return [{"name": name, **({"slug": name} if slug else {})} for name in names]


def count(server: Server, path: str = "tenancy/tenants/") -> int:
    counted: int = server.call("GET", f"{path}?limit=1")["count"]
    return counted


def test_it_is_the_version_that_is_pinned_and_keeps_connections(server: Server) -> None:
    mark = secrets.token_hex(8)
    with httpx.Client(base_url=server.url, headers=server.headers, timeout=PATIENCE) as client:
        answers = [client.get(f"/api/status/?{mark}"), client.get(f"/api/status/?{mark}")]
        streams = {id(answer.extensions["network_stream"].get_extra_info("socket")) for answer in answers}
    assert answers[0].json()[f"{server.name}-version"] == server.version
    assert len(streams) == 1
    assert server.requests_with(mark, 2) == 2


def test_netbox_takes_tokens_of_both_versions(netbox: NetBox) -> None:
    for authorization in (f"Token {netbox.token}", f"Bearer {netbox.token_v2}"):
        answer = httpx.get(f"{netbox.url}/api/dcim/sites/", headers={"Authorization": authorization}, timeout=PATIENCE)
        assert answer.status_code == 200, answer.text


def test_reset_brings_back_what_was_migrated_and_its_first_ids(netbox: NetBox) -> None:
    path = "tenancy/tenants/"
    first = [one["id"] for one in netbox.call("POST", path, tenants(netbox, "a", "b"))]
    assert (first, count(netbox), count(netbox, "core/object-changes/")) == ([1, 2], 2, 2)
    netbox.reset()
    assert (count(netbox), count(netbox, "core/object-changes/")) == (0, 0)
    assert netbox.call("POST", path, tenants(netbox, "c"))[0]["id"] == 1


def test_reset_keeps_the_statuses_and_roles_of_nautobot(nautobot: Nautobot) -> None:
    kinds = ("extras/statuses/", "extras/roles/", "ipam/namespaces/")
    before = [count(nautobot, kind) for kind in kinds]
    assert all(before)
    statuses = nautobot.call("GET", "extras/statuses/?limit=2")["results"]
    nautobot.call("PATCH", f"extras/statuses/{statuses[0]['id']}/", {"name": "Renamed"})
    nautobot.call("DELETE", f"extras/statuses/{statuses[1]['id']}/")
    nautobot.call("POST", "ipam/namespaces/", {"name": "Another"})
    nautobot.reset()
    assert [count(nautobot, kind) for kind in kinds] == before
    assert nautobot.call("GET", f"extras/statuses/{statuses[0]['id']}/")["name"] == statuses[0]["name"]
    assert nautobot.call("GET", f"extras/statuses/{statuses[1]['id']}/")["name"] == statuses[1]["name"]


@pytest.mark.long
def test_what_was_written_is_there_after_a_restart_and_after_a_kill(server: Server) -> None:
    server.call("POST", "tenancy/tenants/", tenants(server, "a"))
    for end in (server.stop, server.kill):
        end()
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(server.url, timeout=2)
        server.start()
        assert count(server) == 1


def test_a_paused_server_answers_when_it_is_resumed(server: Server) -> None:
    server.pause()
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{server.url}/api/status/", headers=server.headers, timeout=0.5)
        later = threading.Timer(0.5, server.resume)
        started = time.monotonic()
        later.start()
        answer = httpx.get(f"{server.url}/api/status/", headers=server.headers, timeout=PATIENCE)
        assert (answer.status_code, time.monotonic() - started > 0.4) == (200, True)
        later.join()
    finally:
        server.resume()


def test_a_user_may_write_all_but_what_it_may_only_read(server: Server) -> None:
    token = server.add_user(f"limited-{server.name}", read_only=["tenancy.tenant"])
    server.call("POST", "tenancy/tenants/", tenants(server, "a"))
    headers = {
        "Authorization": f"Token {token}",
        "Connection": "close",
    }  # after a refusal uwsgi may hang up
    with httpx.Client(base_url=f"{server.url}/api/", headers=headers, timeout=PATIENCE) as client:
        assert client.get("tenancy/tenants/").json()["count"] == 1
        assert client.post("tenancy/tenants/", json=tenants(server, "b")).status_code == 403
        assert client.post("dcim/manufacturers/", json=tenants(server, "c")).status_code == 201
    server.reset()
    answer = httpx.get(f"{server.url}/api/tenancy/tenants/", headers={"Authorization": f"Token {token}"}, timeout=PATIENCE)
    assert answer.json()["count"] == 0


def test_what_the_server_refuses_is_said_in_its_words(server: Server) -> None:
    with pytest.raises(ServerFailed, match=f"{server.name} refused POST tenancy/tenants/: .*name"):
        server.call("POST", "tenancy/tenants/", {})
