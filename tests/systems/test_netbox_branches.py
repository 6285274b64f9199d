# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Branches of a real NetBox: everything that it keeps is created, changed, moved, deleted, undone and merged there, and main is not
touched before the merge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dsync import DSync, OutcomeStatus, Plan, Result
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.exceptions import RecordProblem
from dsync.flags import DSyncAction
from dsync.plan.change import Change
from dsync.plan.undo import undo_plan
from dsync.records.definition import DataModel, data_model
from netbox_estate import EVERYTHING, Rows, dataset
from netbox_server import BranchingNetBox, NetBox
from netbox_server import branching_netbox as serving
from platforms import started

from playbooks import play, playbook_of

PAGE = Path(__file__).parents[2] / "docs" / "netbox.md"
SITES: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"status": "str", "slug": "str"}}}
PARIS = {"name": "Paris", "status": "active", "slug": "paris"}
LYON = {"name": "Lyon", "status": "planned", "slug": "lyon"}

DRIFTED: Rows = {
    **EVERYTHING,
    "region": [{"name": "Europe", "slug": "eu"}, {"name": "France", "slug": "fr"}],
    "site": [{**EVERYTHING["site"][0], "region": "__France"}, {**EVERYTHING["site"][1], "status": "retired", "tenant": None}],
    "virtual_machine": [],
    "vm_interface": [],
    "ip_address": [row for row in EVERYTHING["ip_address"] if "vm_interface" not in row],
}
"""The estate in memory, changed in every way."""

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def branching_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BranchingNetBox]:
    """A NetBox with branches, for all tests of this file."""
    yield from started(serving, tmp_path_factory.mktemp("branching"))


@pytest.fixture
def idle(branching_server: BranchingNetBox) -> BranchingNetBox:
    """An empty NetBox whose worker does not run."""
    branching_server.reset()
    branching_server.stop_worker()
    return branching_server


@pytest.fixture
def branching(branching_server: BranchingNetBox) -> BranchingNetBox:
    """An empty NetBox whose worker provisions and merges branches."""
    branching_server.reset()
    branching_server.start_worker()
    return branching_server


def loaded(server: NetBox, declared: DataModel, branch: Any, **options: Any) -> NetBoxAdapter:
    made: NetBoxAdapter = NetBoxAdapter.bound(declared)(url=server.url, token=server.token, branch=branch, **options)
    made.load()
    return made


def sites(*rows: dict[str, Any]) -> DSync:
    return dataset(data_model(SITES, base=RecordModel), {"site": rows})


def in_main(server: NetBox) -> dict[str, int]:
    """Return endpoint → how many objects main has there, where it has any; one is its change log without branches."""
    counts = {kind.endpoint: server.call("GET", f"{kind.endpoint}/?limit=1")["count"] for kind in NetBoxAdapter.kinds}
    log = server.call("GET", "core/object-changes/?limit=0")["results"]
    counts["core/object-changes"] = sum(one["changed_object_type"] != "netbox_branching.branch" for one in log)
    return {endpoint: count for endpoint, count in counts.items() if count}


def test_without_a_worker_a_branch_is_not_waited_for_any_longer_than_stated(idle: BranchingNetBox) -> None:
    target = loaded(idle, data_model(SITES, base=RecordModel), {"name": "waiting", "create": True, "timeout": 1})
    result = target.apply(Plan.from_diff(target.diff_from(sites(PARIS, LYON))), sites(PARIS, LYON))
    said = r'the branch "waiting" of .* is still "new" after 1 seconds \(options\.branch\.timeout\); no worker runs in NetBox'
    assert all(re.search(said, failure.message) for failure in result.failures), result.failures
    assert (len(result.failures), in_main(idle)) == (2, {})


def made_changes(result: Result) -> list[Change]:
    return [outcome.change for outcome in result.outcomes if outcome.status == OutcomeStatus.DONE]


def test_everything_lives_in_a_branch_until_it_is_merged(branching: BranchingNetBox) -> None:
    own, created = NetBoxAdapter.own_models(), {"name": "everything", "create": True}
    rows = dataset(own, EVERYTHING)
    target = loaded(branching, own, created, owner_tag="ours")
    result = target.apply(Plan.from_diff(target.diff_from(rows)), rows, workers=2)
    result.raise_for_failure()
    assert in_main(branching) == {}
    again = loaded(branching, own, "everything", owner_tag="ours")
    assert not again.diff_from(rows).has_diffs(), again.diff_from(rows).str()

    drifted = dataset(own, DRIFTED)
    made = again.apply(Plan.from_diff(again.diff_from(drifted)), drifted)
    made.raise_for_failure()
    assert {change.action for change in made_changes(made)} >= {DSyncAction.UPDATE, DSyncAction.MOVE, DSyncAction.DELETE}
    again.apply(undo_plan(made_changes(made)), rows).raise_for_failure()
    assert in_main(branching) == {}
    merging = loaded(branching, own, {"name": "everything", "merge": True, "timeout": 300}, owner_tag="ours")
    merging.sync_from(rows)
    assert merging.result_records()["branch"]["merged"] is True
    main = loaded(branching, own, None, owner_tag="ours")
    assert not main.diff_from(rows).has_diffs(), main.diff_from(rows).str()


def test_a_branch_with_conflicts_is_left_for_somebody_to_decide(branching: BranchingNetBox) -> None:
    declared = data_model(SITES, base=RecordModel)
    site = branching.call("POST", "dcim/sites/", PARIS)["id"]
    target = loaded(branching, declared, {"name": "audit", "create": True})
    target.sync_from(sites({**PARIS, "status": "retired"}))
    branching.call("PATCH", f"dcim/sites/{site}/", {"status": "planned"})
    merging = loaded(branching, declared, {"name": "audit", "merge": True})
    assert merging.unpublished()
    with pytest.raises(RecordProblem, match=r'is not merged: 1 of its objects has .*, dcim\.site "Paris" \(status\); merge it in'):
        merging.sync_from(sites({**PARIS, "status": "retired"}, LYON))
    assert branching.call("GET", "plugins/branching/branches/?name=audit")["results"][0]["status"]["value"] == "ready"
    assert branching.call("GET", "dcim/sites/")["count"] == 1


def test_what_is_not_kept_in_branches_is_refused(branching: BranchingNetBox) -> None:
    declared = data_model({"hook": {"identifiers": ["name"], "attributes": {"payload_url": "str"}}, **SITES}, base=RecordModel)
    bound = NetBoxAdapter.bound(declared, {"hook": {"from": "extras/webhooks"}})
    target: NetBoxAdapter = bound(url=branching.url, token=branching.token, branch={"name": "hooks", "create": True})
    target.load()
    assert "branches of NetBox do not have extras/webhooks" in target.refuses("hook", DSyncAction.CREATE)
    assert target.refuses("site", DSyncAction.CREATE) == ""
    source = dataset(declared, {"hook": [{"name": "h", "payload_url": "http://127.0.0.1:9/"}]})
    result = target.apply(Plan.from_diff(target.diff_from(source)), source)
    assert "extras/webhooks" in result.failures[0].message
    assert branching.call("GET", "extras/webhooks/")["count"] == 0


@pytest.mark.skipif("ANSIBLE_COLLECTIONS_PATH" not in os.environ, reason="no collection is laid out")
def test_the_page_about_branches_is_followed(branching: BranchingNetBox, tmp_path: Path) -> None:
    blocks = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE.read_text(), re.DOTALL))
    for name in ("review.yml", "estate.yml"):
        (tmp_path / name).write_text(blocks[name].replace("https://netbox.example.com", branching.url))
    assert len(blocks["review.yml"].splitlines()) <= 10
    given = {"netbox_token": branching.token}
    checked = play(tmp_path / "review.yml", "--check", **given)
    assert (checked["changed"], branching.call("GET", "plugins/branching/branches/")["count"]) == (True, 0)
    assert play(tmp_path / "review.yml", **given)["changed"] is True
    again = play(tmp_path / "review.yml", **given)
    assert (again["changed"], again["target"]["records"]["branch"]["merged"]) == (False, False)
    assert branching.call("GET", "dcim/sites/")["count"] == 0

    approved = {**given, "approved": True}
    assert play(tmp_path / "review.yml", "--check", **approved)["changed"] is True
    merged = play(tmp_path / "review.yml", **approved)
    assert (merged["changed"], merged["target"]["records"]["branch"]["merged"]) == (True, True)
    assert {site["name"] for site in branching.call("GET", "dcim/sites/")["results"]} == {"Paris", "Lyon"}
    late = play(tmp_path / "review.yml", fails=True, **given)
    assert re.search('the branch "sites-of-may" of .* is merged and takes no more changes', late["msg"])


@pytest.mark.skipif("ANSIBLE_COLLECTIONS_PATH" not in os.environ, reason="no collection is laid out")
def test_an_undo_goes_to_the_branch_of_its_run(branching: BranchingNetBox, tmp_path: Path) -> None:
    branching.call("POST", "dcim/sites/", PARIS)
    journal = str(tmp_path / "journal")

    def sync(name: str, branch: Any, **more: Any) -> Path:
        target = {"adapter": "netbox", "options": {"url": branching.url, "branch": branch}, "secrets": {"token": branching.token}}
        source = {"adapter": "memory", "options": {"records": {"site": [LYON]}}}
        playbook = tmp_path / f"{name}.yml"
        return playbook_of(playbook, "dsync_sync", models=SITES, source=source, target=target, journal=journal, **more)

    done = play(sync("run", {"name": "audit", "create": True}, verify=True))
    assert (done["changed"], done["verified"]) == (True, True)
    undo = {"undo_journal": journal}
    refused = play(sync("main", None, **undo), fails=True)
    assert f'was made for the target {branching.url} (branch "audit")' in refused["msg"]
    undone = play(sync("undo", "audit", **undo))
    assert undone["changed"] is True
    schema = branching.call("GET", "plugins/branching/branches/?name=audit")["results"][0]["schema_id"]
    there = loaded(branching, data_model(SITES, base=RecordModel), "audit")
    assert ({site.name for site in there.get_all("site")}, schema) == ({"Paris"}, there.result_records()["branch"]["schema_id"])
    assert {site["name"] for site in branching.call("GET", "dcim/sites/")["results"]} == {"Paris"}
