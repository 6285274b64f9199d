# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NetBox in trouble while a playbook writes to it: restarted, killed, slow, and the module asked to end. The next run converges."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from netbox_server import NetBox

from playbooks import Played, Playing, play, playbook_of

pytestmark = pytest.mark.skipif("ANSIBLE_COLLECTIONS_PATH" not in os.environ, reason="no collection is laid out")

SITES = 120
"""Written three with a request, that is 40 requests."""

MODELS = {"site": {"identifiers": ["name"], "attributes": {"status": "str", "description": "str"}}}


def sites(description: str = "") -> list[dict[str, Any]]:
    return [{"name": f"site {number}", "status": "active", "description": description} for number in range(SITES)]


def sync(folder: Path, server: NetBox, *, description: str = "", target: dict[str, Any] | None = None, **more: Any) -> Path:
    """Write the playbook that makes NetBox have the sites, with four workers and a journal."""
    return playbook_of(
        folder / "sync.yml",
        "dsync_sync",
        models=MODELS,
        source={"adapter": "memory", "options": {"records": sites(description)}},
        target={
            "adapter": "netbox",
            "options": {"url": server.url, "batch_size": 3, **(target or {})},
            "secrets": {"token": "{{ netbox_token }}"},
        },
        workers=4,
        journal=str(folder / "journal"),
        **more,
    )


@contextmanager
def begun(playbook: Path, server: NetBox, **variables: Any) -> Iterator[Playing]:
    """Begin to play, and go on when some of the sites have been written."""
    before = writes_to(server)
    with Playing(playbook, netbox_token=server.token, **variables) as playing:
        playing.wait_until(lambda: writes_to(server) >= before + 8)
        yield playing


def writes_to(server: NetBox) -> int:
    return sum(
        f'"{verb} /api/dcim/sites/' in line for line in server.access_log.read_text().splitlines() for verb in ("POST", "PATCH")
    )


def names(server: NetBox) -> set[str]:
    return {site["name"] for site in server.call("GET", "dcim/sites/?limit=0&brief=true")["results"]}


def the_journal(folder: Path) -> dict[str, Any]:
    return play(playbook_of(folder / "journal.yml", "dsync_journal_info", path=str(folder / "journal")))


def assert_honest(told: Played, folder: Path, server: NetBox) -> None:
    """What was done is there, what was not attempted is not; the result and the journal say the same of each change."""
    there = names(server)
    journal = the_journal(folder)
    by_status: dict[str, set[str]] = {}
    for change in journal["changes"]:
        by_status.setdefault(change["status"], set()).add(change["id"])
    assert by_status.get("done", set()) | by_status.get("already_done", set()) <= there
    assert not by_status.get("not_attempted", set()) & there
    assert not by_status.get("failed", set()) & there
    maybe = by_status.pop("maybe", set())
    by_status["failed"] = by_status.get("failed", set()) | maybe
    counted = {status: number for status, number in told.result["outcomes"].items() if number}
    assert counted == {status: len(ids) for status, ids in by_status.items() if ids}
    assert {change["message"] for change in journal["changes"] if change["id"] in maybe} <= {
        failed["message"] for failed in told.result["failures"]
    }
    assert sum(counted.values()) == SITES
    assert "Traceback" not in told.screen
    assert server.token not in told.screen


def assert_converges(folder: Path, server: NetBox, **options: Any) -> None:
    """A run without trouble does what is left, and a second one finds nothing to do."""
    playbook = sync(folder, server, **options)
    assert play(playbook, netbox_token=server.token)["failures"] == []
    assert names(server) == {site["name"] for site in sites()}
    assert play(playbook, netbox_token=server.token)["changed"] is False


@pytest.mark.long
def test_a_restart_in_mid_apply(netbox: NetBox, tmp_path: Path) -> None:
    # A busy machine takes longer to start NetBox than the half minute that the page says.
    with begun(sync(tmp_path, netbox, retries=9, flags=["continue_on_failure"]), netbox) as playing:
        netbox.stop()
        time.sleep(1)
        netbox.start()
        told = playing.end()
    assert_honest(told, tmp_path, netbox)
    assert {one["id"] for one in told.result["failures"] if "it may have been done all the same" not in one["message"]} == set()
    assert told.result["outcomes"]["done"] > SITES // 2
    assert_converges(tmp_path, netbox)


@pytest.mark.long
def test_a_kill_in_mid_apply(netbox: NetBox, tmp_path: Path) -> None:
    with begun(sync(tmp_path, netbox), netbox) as playing:
        netbox.kill()
        try:
            told = playing.end()
        finally:
            netbox.start()
    assert told.failed
    assert_honest(told, tmp_path, netbox)
    assert told.result["outcomes"]["not_attempted"] > 0
    assert_converges(tmp_path, netbox)


@pytest.mark.long
def test_a_pause_in_mid_apply(netbox: NetBox, tmp_path: Path) -> None:
    with begun(sync(tmp_path, netbox), netbox) as playing:
        netbox.pause()
        time.sleep(2)
        netbox.resume()
        told = playing.end()
    assert not told.failed, told.screen
    assert_honest(told, tmp_path, netbox)
    assert told.result["outcomes"]["done"] == SITES


@pytest.mark.long
def test_a_pause_longer_than_the_patience(netbox: NetBox, tmp_path: Path) -> None:
    play(sync(tmp_path, netbox), netbox_token=netbox.token)
    options = {"description": "other", "target": {"read_timeout": 10}}
    with begun(sync(tmp_path, netbox, **options), netbox) as playing:
        netbox.pause()
        try:
            told = playing.end()
        finally:
            netbox.resume()
    assert told.failed
    assert "within 10 seconds" in told.result["msg"], told.result["msg"]
    assert told.result["outcomes"]["not_attempted"] > 0
    assert_converges(tmp_path, netbox, description="other")


def test_sigterm_in_mid_apply(netbox: NetBox, tmp_path: Path) -> None:
    folder = tmp_path / "remote"
    with begun(sync(tmp_path, netbox), netbox, ansible_remote_tmp=str(folder)) as playing:
        os.kill(module_in(folder), signal.SIGTERM)
        told = playing.end()
    assert told.failed
    assert_honest(told, tmp_path, netbox)
    assert told.result["outcomes"]["not_attempted"] > 0
    assert_converges(tmp_path, netbox)


def module_in(folder: Path) -> int:
    """Return the id of the process that runs the module which Ansible has put into a directory."""
    listed = subprocess.run(["ps", "-ewwo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    (process,) = (line for line in listed.splitlines() if str(folder) in line and "/bin/sh" not in line and "-e {" not in line)
    return int(process.split()[0])


def test_a_token_that_may_not_write_one_model(netbox: NetBox, tmp_path: Path) -> None:
    token = netbox.add_user("mostly", read_only=["dcim.manufacturer"])
    models = {
        "manufacturer": {"identifiers": ["name"]},
        "site": {"identifiers": ["name"]},
    }
    records = {"manufacturer": [{"name": "Nobody"}], "site": [{"name": "Paris"}]}
    playbook = playbook_of(
        tmp_path / "sync.yml",
        "dsync_sync",
        models=models,
        source={"adapter": "memory", "options": {"records": records}},
        target={"adapter": "netbox", "options": {"url": netbox.url}, "secrets": {"token": "{{ netbox_token }}"}},
        flags=["continue_on_failure"],
    )
    with Playing(playbook, netbox_token=token) as playing:
        told = playing.end()
    assert told.failed
    ((failed),) = told.result["failures"]
    assert (failed["model"], failed["id"]) == ("manufacturer", "Nobody")
    assert "permission" in failed["message"]
    assert names(netbox) == {"Paris"}
    assert token not in told.screen
    assert "Traceback" not in told.screen


def test_a_custom_field_that_is_not_there(netbox: NetBox, tmp_path: Path) -> None:
    playbook = playbook_of(
        tmp_path / "sync.yml",
        "dsync_sync",
        models={"site": {"identifiers": ["name"], "attributes": {"owner": "str | None"}}},
        source={"adapter": "memory", "options": {"records": [{"name": "Paris", "owner": "me"}]}},
        target={
            "adapter": "netbox",
            "options": {"url": netbox.url},
            "secrets": {"token": "{{ netbox_token }}"},
            "mapping": {"site": {"fields": {"owner": "cf.owner"}}},
        },
    )
    with Playing(playbook, netbox_token=netbox.token) as playing:
        told = playing.end()
    assert told.failed
    assert "owner" in told.result["msg"], told.result["msg"]
    assert "Traceback" not in told.screen
    assert names(netbox) == set()


def test_netbox_becomes_an_inventory(netbox: NetBox, tmp_path: Path) -> None:
    netbox.call("POST", "dcim/sites/", {"name": "Paris", "slug": "paris"})
    netbox.call("POST", "dcim/device-roles/", {"name": "Router", "slug": "router"})
    netbox.call("POST", "dcim/manufacturers/", {"name": "Nobody", "slug": "nobody"})
    netbox.call("POST", "dcim/device-types/", {"model": "Box", "slug": "box", "manufacturer": {"name": "Nobody"}})
    for number in range(3):
        new = {"name": f"rtr{number}", "site": {"name": "Paris"}, "role": {"name": "Router"}, "device_type": {"model": "Box"}}
        netbox.call("POST", "dcim/devices/", {**new, "serial": f"S{number}"})
    (tmp_path / "hosts.yml").write_text("all: {}\n")
    playbook = playbook_of(
        tmp_path / "sync.yml",
        "dsync_sync",
        models={"host": {"identifiers": ["name"], "attributes": {"serial": "str", "site": "str"}}},
        source={
            "adapter": "netbox",
            "options": {"url": netbox.url},
            "secrets": {"token": "{{ netbox_token }}"},
            "mapping": {"host": {"from": "dcim/devices"}},
        },
        target={
            "adapter": "inventory",
            "options": {"source": str(tmp_path / "hosts.yml")},
        },
    )
    assert play(playbook, netbox_token=netbox.token)["changed"] is True
    assert play(playbook, netbox_token=netbox.token)["changed"] is False
    listed = subprocess.run(
        ["ansible-inventory", "-i", tmp_path / "hosts.yml", "--host", "rtr1"], capture_output=True, text=True, check=True
    )
    assert '"serial": "S1"' in listed.stdout
    assert '"site": "Paris"' in listed.stdout
