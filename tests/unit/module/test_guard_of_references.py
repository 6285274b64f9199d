# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of a task knows the references of its target that no model declares."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("ansible", reason="the module's side needs ansible-core")

from ansible_collections.dsync.core.plugins.module_utils._module.run.guards import Guards
from ansible_collections.dsync.core.plugins.module_utils.dsync import DSync, DSyncFlags, DSyncModel, Plan
from ansible_collections.dsync.core.plugins.module_utils.dsync.adapters.estates.order import Implied, WithImplied

PARAMS = dict.fromkeys(("protect", "limits", "max_shrink", "only_models", "only", "exclude", "compare_attributes", "baseline"))


class Site(DSyncModel):
    _modelname = "site"
    _identifiers = ("name",)
    name: str


class Note(DSyncModel):
    _modelname = "note"
    _identifiers = ("name",)
    _attributes = ("kind", "about")
    name: str
    kind: str
    about: str


class Notes(DSync):
    """A system in which notes are about objects of any kind."""

    site, note = Site, Note
    top_level = ("site", "note")

    def references_with(self, source: DSync) -> WithImplied:
        return WithImplied(self.models(), {"note": [Implied("about", "kind")]}, lambda kind: [kind])


def notes(sites: list[str], about: dict[str, str]) -> Notes:
    made = Notes()
    made.add_rows("site", [{"name": name} for name in sites])
    made.add_rows("note", [{"name": name, "kind": "site", "about": site} for name, site in about.items()])
    return made


CASES: list[tuple[Notes, str]] = [
    (notes(["Paris"], {"a": "Paris", "b": "Lyon"}), 'note "b": its about refers to site "Lyon"'),
    (notes([], {"a": "Paris"}), 'site "Paris": note "a" refers to it (about) and is not deleted'),
    (notes([], {}), ""),
    (notes(["Paris", "Lyon"], {"a": "Paris", "b": "Lyon"}), ""),
]


@pytest.mark.parametrize(("source", "refusal"), CASES)
def test_a_reference_of_any_kind_to_nothing_is_refused(source: Notes, refusal: str) -> None:
    target = notes(["Paris"], {"a": "Paris"})
    params: dict[str, Any] = {**PARAMS, "limits": {}}
    verdicts, refused = Guards(params, source, target).references(Plan.from_diff(target.diff_from(source)), DSyncFlags.NONE)
    assert verdicts == {}
    assert [refusal in str(one) for one in refused] == ([True] if refusal else [])
