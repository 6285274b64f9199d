# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The suite that adapters have to pass: a good adapter passes it, and each bad one fails in the test that is meant for it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

import pytest
from dsync.adapters import RecordAdapter
from dsync.adapters.core.base import ChangedRecord, MovedRecord, NewRecord
from dsync.exceptions import DefinitionError, RecordProblem
from dsync.records.mapping import ModelMap, Record
from dsync.records.path import nested, read, write
from dsync.testing.conformance import SECRET, AdapterConformance

Shelf = dict[str, list[dict[str, Any]]]


class Shelves(RecordAdapter):
    """Records in the lists of a dictionary; a copy of it is changed, and kept at the end."""

    transactional = True

    def __init__(self, shelves: Shelf, size: int = 0) -> None:
        super().__init__(name="shelves")
        if size < 0:
            raise DefinitionError(f"options.size: this should be 0 or more, and is {size}.")
        self.shelves, self.draft = shelves, copy.deepcopy(shelves)
        self.refuses = self.keeps = "-"

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        return self.draft.setdefault(mapped.name, [])

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        made: list[Record | Exception] = []
        for record in records:
            if self.refuses in record.values.values():
                made.append(ValueError(f"{self.refuses} is refused"))
                continue
            made.append(nested(record.values))
            self.draft[mapped.name].append(made[-1])
        return made

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        for changed in records:
            for path, value in changed.values.items():
                write(changed.record, path, value)
        return [changed.record for changed in records]

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        results: list[Exception | None] = []
        for gone in records:
            kept = gone["name"] == self.keeps
            results.append(ValueError("it is in use") if kept else None)
            self.draft[mapped.name] = [one for one in self.draft[mapped.name] if kept or one is not gone]
        return results

    def sync_complete(self, *args: Any, **kwargs: Any) -> None:
        self.shelves.clear()
        self.shelves.update(copy.deepcopy(self.draft))


class TestShelves(AdapterConformance):
    kind: ClassVar[type[Shelves]] = Shelves

    @pytest.fixture(autouse=True)
    def _empty(self) -> None:
        self.shelves: Shelf = {}

    def adapter(self) -> Shelves:
        return self.kind.bound(self.data_model)(self.shelves)

    def break_it(self, adapter: Any) -> Callable[[], None]:
        adapter.refuses = "new"
        return lambda: None

    def break_removal(self, adapter: Any) -> Callable[[], None]:
        adapter.keeps = "dev-1"
        return lambda: None

    def places(self, models: Any) -> Shelves:
        return self.kind.bound(models, {"thing": {"parent": {"name": "place"}}})(self.shelves)

    def wrong_options(self) -> Any:
        yield lambda: Shelves.bound(self.data_model)({}, size=-1), "options.size"


class Forgets(Shelves):
    """Never writes."""

    def sync_complete(self, *args: Any, **kwargs: Any) -> None:
        return None


class Halves(Shelves):
    """Keeps what was done of a run that stopped, and says that it did not."""

    def roll_back(self) -> None:
        self.sync_complete()


class Loses(Shelves):
    """Forgets what it is not told anew."""

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        for changed in records:
            index = next(place for place, record in enumerate(self.draft[mapped.name]) if record is changed.record)
            self.draft[mapped.name][index] = {**nested(changed.values), "name": changed.record["name"]}
        return [changed.record for changed in records]


class Remakes(Shelves):
    """Makes a record anew that is to be moved, from the fields that attributes name."""

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        self.remove_records(mapped, [moved.record for moved in records])
        named = [path for field in mapped.fields.values() if (path := field.source)]
        news = [{**{path: read(moved.record, path) for path in named}, **moved.values} for moved in records]
        return self.create_records(mapped, [NewRecord(values, None) for values in news])


class Unnamed(Shelves):
    """Leaves the names of what is renamed as they were."""

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        values = [{path: value for path, value in one.values.items() if path != ("name",)} for one in records]
        return self.change_records(mapped, [ChangedRecord(one.record, rest) for one, rest in zip(records, values)])


class Blanks(Shelves):
    """Keeps an empty string for null."""

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        return super().create_records(mapped, [self._blank(new) for new in records])

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        return super().change_records(mapped, [self._blank(changed) for changed in records])

    def _blank(self, one: Any) -> Any:
        return one._replace(values={path: "" if value is None else value for path, value in one.values.items()})


class Careless(TestShelves):
    """Writes over what others have written meanwhile."""

    __test__ = False
    shared = True


class Tells(Shelves):
    """Tells secrets."""

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        made = super().create_records(mapped, records)
        self.name = f"shelves {self.draft}"
        return made


class Doubles(Shelves):
    """Does a change although it says that it failed."""

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        refuses, self.refuses = self.refuses, "-"
        made = super().create_records(mapped, records)
        self.refuses = refuses
        return [ValueError("no") if refuses in record.values.values() else one for record, one in zip(records, made)]


class Vague(TestShelves):
    """Does not name a wrong option."""

    __test__ = False

    def wrong_options(self) -> Any:
        yield lambda: Shelves.bound(self.data_model)({}, size=-1), "options.length"


class Fine(TestShelves):
    """Accepts a wrong option."""

    __test__ = False

    def wrong_options(self) -> Any:
        yield lambda: Shelves.bound(self.data_model)({}, size=1), "options.size"


def suite(kind: type[Any]) -> Any:
    made = kind() if issubclass(kind, AdapterConformance) else TestShelves()
    if issubclass(kind, Shelves):
        made.kind = kind
    made.shelves = {}
    return made


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Forgets, "test_after_a_synchronisation_nothing_is_left_to_do"),
        (Forgets, "test_loading_twice_gives_the_same"),
        (Forgets, "test_a_second_synchronisation_changes_nothing"),
        (Halves, "test_a_failure_leaves_nothing_half_done"),
        (Doubles, "test_a_failure_leaves_nothing_half_done"),
        (Loses, "test_after_a_synchronisation_nothing_is_left_to_do"),
        (Loses, "test_a_move_is_one_change_that_keeps_unmapped_fields"),
        (Remakes, "test_a_move_is_one_change_that_keeps_unmapped_fields"),
        (Remakes, "test_a_rename_is_one_change_that_keeps_unmapped_fields"),
        (Unnamed, "test_a_rename_is_one_change_that_keeps_unmapped_fields"),
        (Blanks, "test_an_empty_string_and_null_come_back_alike_every_time"),
        (Careless, "test_what_another_writer_did_is_not_lost_unnoticed"),
        (Halves, "test_a_refused_removal_leaves_nothing_half_done"),
        (Tells, "test_secrets_stay_hidden"),
        (Vague, "test_wrong_options_are_named"),
        (Fine, "test_wrong_options_are_named"),
    ],
)
def test_a_bad_adapter_fails(kind: type[Any], test: str) -> None:
    getattr(suite(Shelves), test)()
    with pytest.raises((AssertionError, RecordProblem)):
        getattr(suite(kind), test)()


def test_the_secret_of_the_suite_is_really_there() -> None:
    made = suite(Shelves)
    made.filled()
    assert SECRET in str(made.shelves)
