# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Conformance tests for adapters: a test file inherits from :class:`AdapterConformance` and runs under pytest.

::

    from dsync.conformance import AdapterConformance, MODELS, estate

    class TestCmdb(AdapterConformance):
        def adapter(self):
            return Cmdb.bound(self.data_model)(url=self.url)

        @pytest.fixture(autouse=True)
        def _server(self, tmp_path):
            self.url = ...                     # a separate, empty system for each test

The class requires only the library: its tests are methods that raise AssertionError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

from ..adapter import DSync
from ..adapters.core.base import RecordModel
from ..flags import DSyncFlags
from ..guard.staleness import check
from ..plan.outcome import OutcomeStatus
from ..plan.plan import Plan
from ..plan.result import Result
from ..records.definition import DataModel
from ..records.definition import data_model as declared_models

SECRET = "open-sesame-4711"
"""A sensitive value in :func:`estate`, which must never be shown."""

MODELS: dict[str, Any] = {
    "site": {"identifiers": ["name"], "attributes": {"note": "str | None", "floors": "int"}, "children": ["device"]},
    "device": {
        "identifiers": ["site_name", "name"],
        "shortname": ["name"],
        "attributes": {"role": "str", "rack": "int | None", "active": "bool", "password": "secret"},
    },
}
"""The models of :func:`estate`: two levels, with strings, numbers, booleans, nullable values, and a secret."""


PLACES: dict[str, Any] = {
    "place": {"identifiers": ["name"], "children": ["thing"]},
    "thing": {"identifiers": ["name"], "attributes": {"label": "str | None", "note": "str | None"}},
}
"""Models for :meth:`AdapterConformance.places`: what a thing is called does not depend on where it is, so that it can move."""


def inventory_of(models: DataModel, things: Mapping[str, tuple[str, str | None]], **more: Any) -> DSync:
    """Return a dataset in memory, of the models :data:`PLACES`, with the places "here" and "there".

    Args:
        models: their classes; their things may lack an attribute.
        things: name of a thing → its place and its label.
        more: values of other attributes, the same for all things.
    """
    dataset: DSync = type("Places", (DSync,), {**models.models, "top_level": list(models.top_level)})(name="places")
    dataset.add_rows("place", [{"name": "here"}, {"name": "there"}])
    rows = [{"name": name, "label": label, "at": place, **more} for name, (place, label) in things.items()]
    dataset.add_rows("thing", rows, parent="place", parent_ids={"name": "at"})
    return dataset


def estate(models: DataModel, changed: bool = False) -> DSync:
    """Return a dataset in memory, of the models :data:`MODELS`.

    Args:
        models: their classes.
        changed: whether objects are new, changed and deleted, on both levels.
    """
    dataset: DSync = type("Estate", (DSync,), {**models.models, "top_level": list(models.top_level)})(name="estate")
    names = ["nyc", "par", "ü ber/&?#%"] if not changed else ["nyc", "ü ber/&?#%", "new"]
    sites: list[dict[str, Any]] = [
        {"name": name, "note": None if place == 1 else f"It's \"{name}\", isn't it?", "floors": place + 7 * changed}
        for place, name in enumerate(names)
    ]
    devices: list[dict[str, Any]] = [
        {
            "site_name": site["name"],
            "name": f"dev-{number}",
            "role": "changed" if changed and number == 1 else "router",
            "rack": None if number % 2 else number,
            "active": number > 1,
            "password": SECRET if number % 2 else f"{SECRET}-{changed}",
        }
        for site in sites
        for number in range(1 if changed else 0, 4 if changed else 3)
    ]
    dataset.add_rows("site", sites)
    dataset.add_rows("device", devices, parent="site", parent_ids={"name": "site_name"})
    return dataset


def _expect(holds: object, otherwise: object = "it does not behave as an adapter should") -> None:
    """Raise AssertionError unless a condition holds. Python's own assert is not for shipped code."""
    if not holds:
        raise AssertionError(otherwise)


class AdapterConformance:
    """Tests that every adapter should pass. A subclass defines :meth:`adapter`, and those other methods that fit its system.

    Attributes:
        shared: whether several adapters may write to the system that :meth:`places` is about, one after the other.
    """

    shared: ClassVar[bool] = False

    @cached_property
    def data_model(self) -> DataModel:
        """The models for :meth:`adapter`."""
        return declared_models(MODELS, base=RecordModel)

    # ------------------------------------------------------------------ for subclasses to define

    def adapter(self) -> DSync:
        """Return a new adapter, not yet loaded. Within one test all of them use the same system, which is initially empty."""
        raise NotImplementedError

    def before(self) -> DSync:
        """Return a loaded dataset with which the system is filled."""
        return estate(self.data_model)

    def after(self) -> DSync:
        """Return a loaded dataset that differs from :meth:`before`: objects are new, changed and deleted."""
        return estate(self.data_model, changed=True)

    def break_it(self, adapter: DSync) -> Callable[[], None] | None:
        """Make the system refuse a change that :meth:`after` requires, in the middle of a run of this loaded adapter; return a
        function that repairs it. Return None, as here, if that is not possible."""
        return None

    def break_removal(self, adapter: DSync) -> Callable[[], None] | None:
        """Make the system refuse to delete an object when this loaded adapter empties it; otherwise as :meth:`break_it`."""
        return None

    def places(self, models: DataModel) -> DSync | None:
        """Return a new adapter, not yet loaded, of the models :data:`PLACES`, or of these with fewer attributes; otherwise as
        :meth:`adapter`. Return None, as here, if the system has no place for them."""
        return None

    def wrong_options(self) -> Iterator[tuple[Callable[[], Any], str]]:
        """Yield (function that creates, and may load, an adapter with a wrong option; word that the message must contain)."""
        return iter(())

    def secrets(self) -> list[str]:
        """Return the strings that must never be shown: sensitive values, and the adapter's own secrets."""
        return [SECRET]

    # ------------------------------------------------------------------ what is visible

    def loaded(self) -> Any:
        """Return a new adapter, loaded."""
        adapter = self.adapter()
        adapter.load()
        return adapter

    def synchronised(self, source: DSync, flags: DSyncFlags = DSyncFlags.NONE) -> tuple[DSync, Result]:
        """Bring the system in line with a dataset; return the adapter, and the outcome of every change."""
        target = self.loaded()
        return target, target.apply(Plan.from_diff(target.diff_from(source)), source, flags)

    def filled(self) -> None:
        """Fill the system with :meth:`before`."""
        _target, result = self.synchronised(self.before())
        result.raise_for_failure()
        _expect(not result.failures, result.failures)

    # ------------------------------------------------------------------ the tests

    def test_an_empty_system_loads_nothing(self) -> None:
        _expect(len(self.loaded()) == 0)

    def test_loading_twice_gives_the_same(self) -> None:
        self.filled()
        one, other = self.loaded(), self.loaded()
        _expect(len(one) == len(self.before()))
        _expect(one.dict(show_sensitive=True) == other.dict(show_sensitive=True))
        _expect(not one.diff_from(other).has_diffs())

    def test_after_a_synchronisation_nothing_is_left_to_do(self) -> None:
        self.filled()
        _expect(not self.loaded().diff_from(self.before()).has_diffs())
        target, result = self.synchronised(self.after())
        _expect(not result.failures, result.failures)
        _expect(result.changed)
        _expect(not target.diff_from(self.after()).has_diffs(), "the adapter's own objects were not kept in step")
        _expect(not self.loaded().diff_from(self.after()).has_diffs(), "what was written is not what is read")

    def test_a_second_synchronisation_changes_nothing(self) -> None:
        self.filled()
        _target, result = self.synchronised(self.before())
        _expect(result.outcomes == [])

    def test_it_can_be_made_empty_again(self) -> None:
        self.filled()
        empty = type(self.before())(name="empty")
        _target, result = self.synchronised(empty)
        _expect(not result.failures, result.failures)
        _expect(len(self.loaded()) == 0)

    def test_comparing_changes_nothing(self) -> None:
        self.filled()
        self.loaded().diff_from(self.after())
        _expect(not self.loaded().diff_from(self.before()).has_diffs())

    def test_a_failure_leaves_nothing_half_done(self) -> None:
        for flags in (DSyncFlags.NONE, DSyncFlags.CONTINUE_ON_FAILURE):
            self.synchronised(self.before())[1].raise_for_failure()
            target, source = self.loaded(), self.after()
            mended = self.break_it(target)
            if mended is None:
                return
            plan = Plan.from_diff(target.diff_from(source))
            result = target.apply(plan, source, flags)
            mended()
            _expect(result.failures, "nothing failed, so break_it() broke nothing")
            self._check_honest(plan, result, target)
            self.synchronised(source)[1].raise_for_failure()
            _expect(not self.loaded().diff_from(source).has_diffs(), "a second run did not finish what the first had begun")

    def test_a_refused_removal_leaves_nothing_half_done(self) -> None:
        self.filled()
        target, empty = self.loaded(), type(self.before())(name="empty")
        mended = self.break_removal(target)
        if mended is None:
            return
        plan = Plan.from_diff(target.diff_from(empty))
        result = target.apply(plan, empty)
        mended()
        _expect(result.failures, "nothing failed, so break_removal() broke nothing")
        self._check_honest(plan, result, target)
        self.synchronised(empty)[1].raise_for_failure()
        _expect(len(self.loaded()) == 0, "a second run did not remove what the first had left")

    def test_a_move_is_one_change_that_keeps_unmapped_fields(self) -> None:
        models = declared_models(PLACES, base=RecordModel)
        thing = {**PLACES["thing"], "attributes": {"label": "str | None"}}
        fewer = declared_models({**PLACES, "thing": thing}, base=RecordModel)
        target = self._placed(models, inventory_of(models, {"a": ("here", "x"), "b": ("here", "x")}, note="kept"))
        if target is None:
            return
        wanted = inventory_of(fewer, {"a": ("there", "y"), "b": ("here", "x")})
        mover = self._placed(fewer, wanted)
        _expect(mover is not None and not mover.diff_from(wanted).has_diffs(), "the adapter's own objects were not kept in step")
        live = self._loaded_places(models)
        found = inventory_of(models, {"a": ("there", "y"), "b": ("here", "x")}, note="kept")
        _expect(not live.diff_from(found).has_diffs(), "a move lost a field that no attribute names, or was not made")

    def test_a_rename_is_one_change_that_keeps_unmapped_fields(self) -> None:
        models, thing = declared_models(PLACES, base=RecordModel), {**PLACES["thing"], "attributes": {"label": "str"}}
        fewer = declared_models({**PLACES, "thing": {**thing, "match": ["label"]}}, base=RecordModel)
        target = self._placed(models, inventory_of(models, {"a": ("here", "x"), "b": ("there", "y")}, note="kept"))
        if target is None or not target.can_rename("thing"):
            return
        wanted = inventory_of(fewer, {"c": ("here", "x"), "b": ("there", "y")})
        renamer = self._loaded_places(fewer)
        plan = Plan.from_diff(renamer.diff_from(wanted))
        _expect([str(change.action) for change in plan] == ["move"], f"a rename is not one change: {plan.changes}")
        result = renamer.apply(plan, wanted)
        _expect(not result.failures, result.failures)
        _expect(not renamer.diff_from(wanted).has_diffs(), "the adapter's own objects were not kept in step")
        found = inventory_of(models, {"c": ("here", "x"), "b": ("there", "y")}, note="kept")
        live = self._loaded_places(models)
        _expect(not live.diff_from(found).has_diffs(), "a rename lost a field that no attribute names, or was not made")

    def test_an_empty_string_and_null_come_back_alike_every_time(self) -> None:
        models = declared_models(PLACES, base=RecordModel)
        for label in ("", None, "", "x", None):
            wanted = inventory_of(models, {"a": ("here", label)}, note="n")
            if self._placed(models, wanted) is None:
                return
            _expect(not self._loaded_places(models).diff_from(wanted).has_diffs(), f"the label {label!r} is not what is read")

    def test_what_another_writer_did_is_not_lost_unnoticed(self) -> None:
        models = declared_models(PLACES, base=RecordModel)
        begin = inventory_of(models, {"a": ("here", "x"), "b": ("here", "x")}, note="n")
        if not self.shared or self._placed(models, begin) is None:
            return
        one, other = self._loaded_places(models), self._loaded_places(models)
        changed = inventory_of(models, {"a": ("here", "by another"), "b": ("here", "x")}, note="n")
        other.apply(Plan.from_diff(other.diff_from(changed)), changed).raise_for_failure()
        wanted = inventory_of(models, {"a": ("here", "x"), "b": ("here", "y")}, note="n")
        result = one.apply(Plan.from_diff(one.diff_from(wanted)), wanted)
        kept = inventory_of(models, {"a": ("here", "by another"), "b": ("here", "y" if result.changed else "x")}, note="n")
        _expect(not self._loaded_places(models).diff_from(kept).has_diffs(), "what another writer changed was written over")

    def _loaded_places(self, models: DataModel) -> Any:
        adapter = self.places(models)
        if adapter is not None:
            adapter.load()
        return adapter

    def _placed(self, models: DataModel, wanted: DSync) -> Any:
        """Make the system like a dataset and return the adapter; None if the system has no place for its models."""
        target = self._loaded_places(models)
        if target is not None:
            plan = Plan.from_diff(target.diff_from(wanted))
            result = target.apply(plan, wanted)
            result.raise_for_failure()
            _expect(not result.failures, result.failures)
            moves = [change for change in plan if str(change.action) == "move"]
            _expect(not moves or not any(str(change.action) == "delete" for change in plan), "a move is a delete as well")
        return target

    def _check_honest(self, plan: Plan, result: Result, target: DSync) -> None:
        live = self.loaded()
        if target.transactional and result.stopped:
            _expect(not result.changed)
            _expect(not live.diff_from(self.before()).has_diffs(), "a transactional adapter kept a part of a run that stopped")
        verdicts = check(plan, live, "skip")
        for outcome in result.outcomes:
            if outcome.maybe:
                continue
            done = outcome.status in (OutcomeStatus.DONE, OutcomeStatus.ALREADY_DONE)
            verdict = verdicts.get(outcome.change.key)
            there = verdict is not None and verdict.status == OutcomeStatus.ALREADY_DONE
            _expect(done is there, f"{outcome.change!r} ended as {outcome.status}, and is {'' if there else 'not '}there")

    def test_secrets_stay_hidden(self) -> None:
        self.filled()
        target, source = self.loaded(), self.after()
        diff = target.diff_from(source)
        plan = Plan.from_diff(diff)
        mended = self.break_it(target)
        result = target.apply(plan, source, DSyncFlags.CONTINUE_ON_FAILURE)
        if mended is not None:
            mended()
        shown = [str(diff), str(diff.dict()), repr(target), str(target), target.str(), str(target.dict()), str(plan.changes)]
        shown += [
            str([change.record() for change in plan]),
            str([(one.message, str(one.change.record())) for one in result.outcomes]),
        ]
        for secret in self.secrets():
            _expect(not any(secret in text for text in shown), f"{secret} is shown")

    def test_wrong_options_are_named(self) -> None:
        for make, word in self.wrong_options():
            try:
                make()
            except Exception as error:  # any exception of an adapter must be a sentence
                said = str(error)
                _expect(word in said, f"{said!r} does not name {word!r}")
                _expect("\n" not in said, f"{said!r} is more than one line")
                _expect(not any(secret in said for secret in self.secrets()))
            else:
                raise AssertionError(f"there is no error, where {word!r} should be named")
