# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An estate's own life on a real server: what people do to it by hand, and whether one run repairs it and undo restores it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dsync import DSync, Plan
from dsync.adapters.core.base import RecordModel
from dsync.adapters.estates.adapter import EstateAdapter
from dsync.adapters.estates.nautobot import NautobotAdapter
from dsync.adapters.estates.netbox import NetBoxAdapter
from dsync.plan.undo import undo_plan
from dsync.records.definition import data_model
from platform_servers import Server

Natives = dict[str, dict[Any, dict[str, Any]]]

MATCH: dict[str, list[Any]] = {"device": ["serial"], "interface": [["device", "label"]], "prefix": ["prefix"]}
"""Model → the match keys that a task declares besides those of the adapter's own models."""

OF_THE_TIME = {"last_updated", "created", "_depth", "display"}
"""Fields that are not compared: Nautobot keeps the display of a location for a while after another one above it has changed."""


class Hand:
    """Somebody who changes objects by hand."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def id(self, endpoint: str, query: str) -> Any:
        (found,) = self._server.call("GET", f"{endpoint}/?{query}")["results"]
        return found["id"]

    def change(self, endpoint: str, query: str, **values: Any) -> None:
        self._server.call("PATCH", f"{endpoint}/{self.id(endpoint, query)}/", values)

    def add(self, endpoint: str, **values: Any) -> None:
        self._server.call("POST", f"{endpoint}/", values)

    def remove(self, endpoint: str, query: str) -> None:
        self._server.call("DELETE", f"{endpoint}/{self.id(endpoint, query)}/")


Event = Callable[[Hand], None]


class Life:
    """An estate on a server, as a task would have it, and what the server reports of it.

    Args:
        server: the server.
        adapter: the adapter for it.
        notes: where the server lists what people have noted of objects.
        query: the parameters with which a list of the server holds all objects, with everything.
    """

    def __init__(
        self, server: Server, adapter: type[NetBoxAdapter] | type[NautobotAdapter], notes: str, query: str = "limit=0"
    ) -> None:
        self.server, self._query = server, query
        self._endpoints = (notes, *(kind.endpoint for kind in adapter.kinds))
        declared = adapter.kinds.declaration()
        for model, keys in MATCH.items():
            declared[model]["match"] = keys
        self.models = data_model(declared, base=RecordModel)
        self._adapter = adapter.bound(self.models)
        self.wanted: DSync = DSync(name="nothing yet")
        self.whole: Natives = {}

    def loaded(self) -> EstateAdapter:
        made: EstateAdapter = self._adapter(url=self.server.url, token=self.server.token)
        made.load()
        return made

    def begin(self) -> None:
        """Take what is there now for what is wanted."""
        self.wanted, self.whole = self.loaded(), self.everything()

    def repair(self) -> None:
        target = self.loaded()
        target.apply(Plan.from_diff(target.diff_from(self.wanted)), self.wanted)

    def everything(self) -> Natives:
        """Return all objects as the server reports them, with what is noted of them, except when they were changed."""
        return {endpoint: self._natives(endpoint) for endpoint in self._endpoints}

    def _natives(self, endpoint: str) -> dict[Any, dict[str, Any]]:
        return {one["id"]: _without_times(one) for one in self.listed(endpoint)}

    def listed(self, endpoint: str) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.server.call("GET", f"{endpoint}/?{self._query}")["results"]
        return found

    def check(self, event: Event) -> None:
        """Let something happen; check that one run repairs it, that the next one finds nothing, and that undo restores it."""
        event(Hand(self.server))
        drifted = self.everything()
        assert drifted != self.whole
        target = self.loaded()
        plan = Plan.from_diff(target.diff_from(self.wanted))
        result = target.apply(plan, self.wanted)
        assert [(str(one.change), one.message) for one in result.failures] == []
        assert {str(one.change.action) for one in result.outcomes} <= {"move", "update"}
        assert self.everything() == self.whole
        again = self.loaded()
        assert not again.diff_from(self.wanted).has_diffs()
        undone = again.apply(undo_plan(plan), self.wanted)
        assert [(str(one.change), one.message) for one in undone.failures] == []
        assert self.everything() == drifted


def device_renamed(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", name="renamed")


def rack_positions_swapped(hand: Hand) -> None:
    hand.change("dcim/devices", "name=rt-1", position=None)
    hand.change("dcim/devices", "name=rt-2", position=10)
    hand.change("dcim/devices", "name=rt-1", position=20)


def interface_renamed(hand: Hand) -> None:
    hand.change("dcim/interfaces", "device=rt-1&name=eth0/0", name="Ethernet0/0")


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(one) for name, one in value.items() if name not in OF_THE_TIME}
    return [_without_times(one) for one in value] if isinstance(value, list) else value
