# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Branches of NetBox: whatever happens, nothing is written to main, and a branch is merged only after a run without failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from branching_estate import HEADER, BranchingEstate
from dsync import DSync, DSyncFlags, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.flags import DSyncAction
from dsync.plan.result import Result
from dsync.records.definition import data_model
from netbox_estate import dataset
from rest_api import Reply, Request, served

SITES: dict[str, Any] = {"site": {"identifiers": ["name"], "attributes": {"status": "str"}}}
PARIS, LYON = {"name": "Paris", "status": "active"}, {"name": "Lyon", "status": "planned"}
CREATED = {"name": "audit", "create": True, "timeout": 5}
MERGED = {**CREATED, "merge": True}


@pytest.fixture
def estate() -> Iterator[BranchingEstate]:
    estate = BranchingEstate()
    with served(estate.api):
        yield estate


def adapter(estate: BranchingEstate, branch: Any, declared: Any = None, loaded: bool = True, **options: Any) -> NetBoxAdapter:
    bound = NetBoxAdapter.bound(data_model(declared or SITES, base=RecordModel))
    made: NetBoxAdapter = bound(**{"url": estate.api.url, "token": "0" * 40, "tries": 1, "branch": branch, **options})
    if loaded:
        made.load()
    return made


def wanted(*sites: dict[str, Any]) -> DSync:
    return dataset(data_model(SITES, base=RecordModel), {"site": sites})


def applied(target: NetBoxAdapter, source: DSync, flags: DSyncFlags = DSyncFlags.NONE) -> Result:
    result: Result = target.apply(Plan.from_diff(target.diff_from(source)), source, flags)
    return result


def messages(result: Result) -> list[str]:
    return [one.message for one in result.failures]


# ---------------------------------------------------------------------- the option


@pytest.mark.parametrize(
    ("branch", "said"),
    [
        ({"create": True}, r"options\.branch: it has no name\."),
        ({"name": "a", "created": True}, r'options\.branch: there is no key "created" here \(did you mean "create"\?'),
        ({"name": "a", "create": "yes"}, r"options\.branch\.create: this should be true or false, and is 'yes'\."),
        ({"name": "a", "timeout": 0}, r"options\.branch\.timeout: this should be a number of seconds above 0, and is 0\."),
        ("a" * 101, r"options\.branch: the name of a branch has at most 100 characters"),
        (7, r"options\.branch: this should be a string, and is 7\."),
    ],
)
def test_a_wrong_option_is_refused_by_its_place(estate: BranchingEstate, branch: Any, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        adapter(estate, branch, loaded=False)


# ---------------------------------------------------------------------- reading and writing


def test_a_branch_that_exists_is_read_and_written_and_main_is_not(estate: BranchingEstate) -> None:
    estate.add("dcim/sites", **PARIS)
    schema = estate.add_branch("audit")
    estate.add("dcim/sites", name="Nice", status="active")
    target = adapter(estate, "audit", batch_size=1)
    assert {site.name for site in target.get_all("site")} == {"Paris"}
    applied(target, wanted({**PARIS, "status": "retired"}, LYON)).raise_for_failure()
    applied(target, wanted(LYON)).raise_for_failure()
    assert estate.names_in(schema, "dcim/sites") == {"Lyon"}
    assert {name: estate.named("dcim/sites", name)["status"]["value"] for name in estate.names("dcim/sites")} == {
        "Paris": "active",
        "Nice": "active",
    }
    assert [one.headers.get(HEADER) for one in estate.writes()] == [schema] * 3
    assert target.result_records()["branch"] == {"name": "audit", "schema_id": schema, "merged": False}


def test_a_branch_is_created_for_the_first_change_and_not_for_a_comparison(estate: BranchingEstate) -> None:
    estate.add("dcim/sites", **PARIS)
    target = adapter(estate, CREATED)
    assert not target.diff_from(wanted(PARIS)).has_diffs()
    applied(target, wanted(PARIS)).raise_for_failure()
    assert estate.branches == {}
    assert target.load_warnings == [
        f'{estate.api.url} (branch "audit"): main was compared, because the branch does not exist yet; it is created before the '
        "first change"
    ]
    estate.reads_until_ready = 3
    applied(target, wanted(PARIS, LYON)).raise_for_failure()
    assert estate.statuses() == {"audit": "ready"}
    assert (estate.names("dcim/sites"), estate.names_in("schema01", "dcim/sites")) == ({"Paris"}, {"Paris", "Lyon"})
    again = adapter(estate, CREATED)
    assert (again.load_warnings, again.diff_from(wanted(PARIS, LYON)).has_diffs()) == ([], False)


def test_a_branch_is_part_of_the_name_that_plans_and_journals_are_kept_under(estate: BranchingEstate) -> None:
    estate.add_branch("audit")
    named = adapter(estate, "audit", loaded=False)
    named.name = "production"
    named.load()
    named.load()
    assert (named.name, adapter(estate, None).name) == ('production (branch "audit")', estate.api.url)


def test_a_change_that_alters_nothing_is_no_reason_to_stop(estate: BranchingEstate) -> None:
    schema = estate.add_branch("audit")
    target = adapter(estate, "audit")
    applied(target, wanted(PARIS)).raise_for_failure()
    (number,) = (one["id"] for one in target.send_changed("dcim/sites", [{"id": 1, "status": "active"}]))
    assert (number, estate.names_in(schema, "dcim/sites"), estate.names("dcim/sites")) == (1, {"Paris"}, set())


# ---------------------------------------------------------------------- refused before anything is written


def plugin_absent(estate: BranchingEstate) -> None:
    estate.status = {**estate.status, "plugins": {}}


def too_old(estate: BranchingEstate) -> None:
    estate.status = {**estate.status, "netbox-version": "4.3.9"}


def header_removed(estate: BranchingEstate) -> None:
    estate.deaf_to = lambda request: True


def other_branches(estate: BranchingEstate) -> None:
    estate.add_branch("audits")


@pytest.mark.parametrize(
    ("arrange", "branch", "said"),
    [
        (plugin_absent, CREATED, r"has no branches; options\.branch needs NetBox 4\.4 or newer with the plugin netbox_branching$"),
        (too_old, CREATED, r"has no branches; options\.branch needs NetBox 4\.4 or newer"),
        (header_removed, CREATED, r"ignores the header X-NetBox-Branch, so changes would be made in main; look whether a proxy"),
        (
            other_branches,
            "audit",
            r'has no branch "audit" \(did you mean "audits"\? known: audits\); choose one, or set create: true',
        ),
    ],
)
def test_a_server_without_the_branch_is_refused(estate: BranchingEstate, arrange: Any, branch: Any, said: str) -> None:
    arrange(estate)
    with pytest.raises(RecordProblem, match=said):
        adapter(estate, branch)
    assert estate.writes() == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("merged", 'the branch "audit" of {} is merged and takes no more changes; choose another name, or delete it in NetBox'),
        ("failed", 'the branch "audit" of {} is failed and cannot be used; its jobs in NetBox say why'),
        ("pending-migrations", 'the branch "audit" of {} is pending-migrations and cannot be used before its action Migrate'),
    ],
)
def test_a_branch_that_takes_no_changes_is_refused(estate: BranchingEstate, status: str, said: str) -> None:
    estate.add_branch("audit", status)
    with pytest.raises(RecordProblem, match=f"^{said.format(estate.api.url)}"):
        adapter(estate, CREATED)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_branch_that_does_not_become_ready_is_waited_for_no_longer_than_stated(estate: BranchingEstate, workers: int) -> None:
    estate.reads_until_ready = None
    estate.status = {**estate.status, "rq-workers-running": workers}
    target = adapter(estate, {**CREATED, "timeout": 0.3}, batch_size=1)
    result = applied(target, wanted(PARIS, LYON), DSyncFlags.CONTINUE_ON_FAILURE)
    hint = "its jobs in NetBox say why" if workers else "no worker runs in NetBox; start one (netbox-rq)"
    said = f'the branch "audit" of {estate.api.url} is still "new" after 0.3 seconds (options.branch.timeout); {hint}'
    assert messages(result) == [said] * 2
    assert (estate.writes(), len(estate.branches), any(one.maybe for one in result.outcomes)) == ([], 1, False)


def test_what_no_branch_has_is_refused_in_a_dry_run_as_in_a_run(estate: BranchingEstate) -> None:
    estate.uncovered = {"dcim/sites"}
    target = adapter(estate, CREATED)
    why = "branches of NetBox do not have dcim/sites, so a change would be made in main; omit options.branch for this model"
    assert target.refuses("site", DSyncAction.CREATE) == why
    assert messages(applied(target, wanted(PARIS))) == [why]
    assert (estate.writes(), estate.statuses()) == ([], {})


def test_a_token_that_cannot_read_the_change_log_reads_a_branch_and_writes_nothing(estate: BranchingEstate) -> None:
    estate.add("dcim/sites", **PARIS)
    estate.add_branch("audit")
    estate.log_refused = True
    target = adapter(estate, "audit")
    assert {site.name for site in target.get_all("site")} == {"Paris"}
    said = "changes are proved to be in the branch by the change log, and GET /api/core/object-changes/: the server answers 403"
    assert target.refuses("site", DSyncAction.UPDATE).startswith(said)
    assert messages(applied(target, wanted(LYON)))[0].startswith(said)
    assert estate.writes() == []


# ---------------------------------------------------------------------- proved after each write


def stray(estate: BranchingEstate) -> None:
    """Let one of several servers behind an address know nothing of branches."""
    estate.deaf_to = lambda request: request.method == "POST"


def unnamed(estate: BranchingEstate) -> None:
    estate.names_requests = False


def log_unreadable(estate: BranchingEstate) -> None:
    """Let the change log be unreadable from the first write on."""

    def intervene(request: Request) -> Reply:
        asked = "request_id" in request.query
        return Reply(403, {"detail": "No permission."}) if asked else estate.answer(request)

    estate.api.intervene = intervene


def foreign_names(estate: BranchingEstate) -> None:
    """Let a proxy name the requests, so that no change log has them."""

    def intervene(request: Request) -> Reply:
        reply = estate.answer(request)
        return reply._replace(headers={"X-Request-ID": "of-the-proxy"}) if request.method == "POST" else reply

    estate.api.intervene = intervene


@pytest.mark.parametrize(
    ("arrange", "said"),
    [
        (stray, r'POST /api/dcim/sites/ changed main instead, 1 objects such as "(Paris|Lyon)"; nothing more is written'),
        (log_unreadable, r"POST /api/dcim/sites/ cannot be proved to have changed the branch: GET .* answers 403: No permission\."),
        (unnamed, r"POST /api/dcim/sites/ cannot be proved to have changed the branch, because the answer has no X-Request-ID"),
        (foreign_names, r"POST /api/dcim/sites/ cannot be proved to have changed the branch, whose change log lacks it"),
    ],
)
def test_a_write_that_is_not_proved_to_be_in_the_branch_is_the_last_one(estate: BranchingEstate, arrange: Any, said: str) -> None:
    estate.add_branch("audit")
    arrange(estate)
    target = adapter(estate, "audit", batch_size=1)
    result = applied(target, wanted(PARIS, LYON), DSyncFlags.CONTINUE_ON_FAILURE)
    first, second = result.outcomes
    assert len(estate.writes()) == 1
    assert (first.maybe, second.maybe, first.message) == (True, False, second.message)
    assert re.match(rf'the branch "audit" of {estate.api.url}: {said}', first.message), first.message


# ---------------------------------------------------------------------- merging


def test_a_branch_is_merged_after_a_run_without_failures(estate: BranchingEstate) -> None:
    target = adapter(estate, MERGED)
    target.sync_from(wanted(PARIS))
    assert (estate.statuses(), estate.names("dcim/sites")) == ({"audit": "merged"}, {"Paris"})
    assert target.result_records()["branch"]["merged"] is True


def test_what_an_earlier_run_left_for_review_is_merged_by_a_later_one(estate: BranchingEstate) -> None:
    left = adapter(estate, CREATED)
    left.sync_from(wanted(PARIS))
    assert (left.unpublished(), left.publish(), estate.statuses()) == (False, False, {"audit": "ready"})
    target = adapter(estate, MERGED)
    assert (target.unpublished(), target.publish(), target.unpublished()) == (True, True, False)
    assert (estate.statuses(), estate.names("dcim/sites")) == ({"audit": "merged"}, {"Paris"})


def test_nothing_is_merged_after_a_failure_or_where_nothing_was_changed(estate: BranchingEstate) -> None:
    estate.add_branch("audit")
    estate.complaint = lambda method, endpoint, body: {"name": ["Bad."]} if body.get("name") == "Lyon" else None
    target = adapter(estate, MERGED)
    assert target.publish() is False
    target.sync_from(wanted(PARIS, LYON), flags=DSyncFlags.CONTINUE_ON_FAILURE)
    assert (estate.statuses(), estate.names_in("schema01", "dcim/sites")) == ({"audit": "ready"}, {"Paris"})


def test_a_branch_with_conflicts_is_left(estate: BranchingEstate) -> None:
    one = {"object_type": "dcim.site", "object_repr": "Paris", "conflicts": ["status"]}
    gone = {"object_type": "dcim.site", "object_repr": "Nice", "conflicts": None}
    estate.conflicts = [one, gone]
    said = (
        f'the branch "audit" of {estate.api.url} is not merged: 2 of its objects have been changed in main as well, '
        'dcim.site "Paris" (status), dcim.site "Nice" (deleted); merge it in NetBox, where conflicts can be acknowledged'
    )
    with pytest.raises(RecordProblem) as caught:
        adapter(estate, MERGED).sync_from(wanted(LYON))
    assert str(caught.value) == said
    assert (estate.statuses(), estate.names("dcim/sites")) == ({"audit": "ready"}, set())


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (("errored", "slug: taken"), "is not merged: slug: taken"),
        (("pending", ""), r"is not merged after 0\.3 seconds \(options\.branch\.timeout\); its jobs in NetBox say why"),
    ],
)
def test_a_merge_that_fails_or_takes_too_long_is_an_error(estate: BranchingEstate, job: tuple[str, str], said: str) -> None:
    estate.job = job
    target = adapter(estate, {**MERGED, "timeout": 0.3})
    with pytest.raises(RecordProblem, match=said):
        target.sync_from(wanted(PARIS))
    assert estate.names("dcim/sites") == set()
