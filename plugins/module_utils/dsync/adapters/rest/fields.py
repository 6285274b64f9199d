# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The fields that endpoints describe when they are asked with OPTIONS; an endpoint that does not answer so describes none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...flags import DSyncAction
from ...records.mapping import ModelMap, Record
from ...records.path import MISSING
from ..core.fields import Fields, paths_of, unwritable
from ..http.answers import HttpProblem
from ..http.client import Client
from ..http.described import About, described_fields, is_read_only
from .endpoint import Endpoint, Request

if TYPE_CHECKING:
    from ...diff.diff import Diff

_WITHIN = 10.0
"""Seconds within which an endpoint answers, or describes nothing."""

_WRITING = (DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.MOVE)


class DescribedFields:
    """Asks each endpoint once, when something depends on it, and never again in a way that could disturb the server.

    Args:
        client: sends the requests, of which none is repeated, and for none of which anyone logs in.
        asks: whether endpoints are asked at all.
    """

    def __init__(self, client: Client, asks: bool) -> None:
        self._client, self._asks = client, asks
        self._known: dict[str, Mapping[str, About]] = {}

    def of(self, endpoint: Endpoint) -> Mapping[str, About]:
        """Return field → what the endpoint describes of it; empty where nothing is known."""
        if not _is_plain(endpoint):
            return {}
        path = endpoint.list.text.partition("?")[0]
        if path not in self._known:
            self._known[path] = self._described(path) if self._asks else {}
        return self._known[path]

    def _described(self, path: str) -> Mapping[str, About]:
        try:
            return described_fields(self._client.ask("OPTIONS", path, _WITHIN).json_if_any())
        except HttpProblem as problem:
            self._asks = problem.status is not None and not problem.passes
            return {}

    def fields(self, mapped: ModelMap, endpoint: Endpoint, records: Sequence[Record]) -> Fields | None:
        """Return the fields of a model's records; None where the endpoint describes none, or where the records show all that are
        mapped, so that it is not asked.

        Args:
            mapped: the model.
            endpoint: where the records are.
            records: all that were read.
        """
        named = {*_beside(mapped, endpoint)}
        missing = _needed(mapped) - named
        for record in records:
            if not missing:
                break
            missing -= record.keys()
        described = self.of(endpoint) if missing else {}
        if not described:
            return None
        names = dict.fromkeys([*described, *(name for record in records for name in record), *named])
        return Fields(names, title=endpoint.list.text.partition("?")[0], extensible=True)

    def read_only(self, mapped: ModelMap, endpoint: Endpoint) -> list[str]:
        """Return the attributes of a model that the endpoint describes as read-only, but for those with their own ``write``."""
        described = self.of(endpoint)
        parts = {part.name for part in endpoint.parts}
        names = [name for name, about in described.items() if is_read_only(about) and name not in parts]
        return unwritable(mapped, Fields(described, names))


def _is_plain(endpoint: Endpoint) -> bool:
    """Return whether records are added to the list itself, each as it is; what OPTIONS describes is of such a request."""
    create, path = endpoint.actions["create"], endpoint.list.text.partition("?")[0]
    if create is None or endpoint.request != Request() or endpoint.list.asks_parent or endpoint.pairs is not None:
        return False
    return create.method == "POST" and create.path.text.partition("?")[0] == path and not create.wrap and not create.bare


def _beside(mapped: ModelMap, endpoint: Endpoint) -> Iterable[str]:
    """Yield the names of fields that an endpoint need not describe."""
    paths = [endpoint.key, *mapped.where, *([] if mapped.key is None else [mapped.key])]
    paths += [] if mapped.deleted is None else [mapped.deleted.field]
    yield from (path[0] for path in paths)
    yield from (part.name for part in endpoint.parts)


def _needed(mapped: ModelMap) -> set[str]:
    """Return the fields that records should have; those are left out that may be absent by their declaration."""
    read = (
        one.source[0]
        for one in mapped.fields.values()
        if one.source and one.written and one.implied is None and one.default is MISSING and not one.write_only
    )
    hidden = {one.source for one in mapped.fields.values() if one.write_only}
    return {*read, *(path[0] for _place, path in paths_of(mapped, chosen=True) if path not in hidden)}


def mark_read_only(diff: Diff, read_only: Mapping[str, frozenset[str]]) -> None:
    """Let attributes be read-only in what is to be written.

    Args:
        diff: its elements are marked; existing marks are kept.
        read_only: model → attributes.
    """
    for element in diff.walk():
        names = read_only.get(element.type)
        if names and element.action in _WRITING:
            element.read_only |= names
            if element.action == DSyncAction.UPDATE and not element.protected:
                element.protect_read_only()
                diff.may_be_protected = diff.may_be_protected or bool(element.protected)


def written_models(diff: Diff) -> set[str]:
    """Return the models of which a difference writes anything."""
    return {element.type for element in diff.walk() if element.action in _WRITING and not element.protected}
