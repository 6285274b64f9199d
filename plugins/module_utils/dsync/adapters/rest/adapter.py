# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``rest``: records behind an API that speaks JSON over HTTP.

How the records of a model are found and written is described in the mapping's ``from``, or in the option ``endpoints``, under the
model's name or a name that ``from`` mentions; :mod:`.endpoint` describes its language and has an example of each kind,
:mod:`.pages` that of paginations.

Each change is a request of its own, or a part of one where an endpoint declares ``bulk``, and is kept when a later one fails.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ...exceptions import DSyncException, RecordProblem
from ...flags import DSyncAction
from ...records.mapping import ModelMap, Record
from ...records.path import MISSING, Path, nested, read, text_of_path, write
from ...records.written import WrittenFloat
from ..core.base import ChangedRecord, MovedRecord, NewRecord
from ..http.answers import HttpProblem
from .endpoint import Action, Endpoint
from .fields import mark_read_only, written_models
from .reading import RestReader
from .sending import Call, Sending, grouped, sent, without

if TYPE_CHECKING:
    from ...diff.diff import Diff
    from ...plan.plan import Plan
    from ...plan.result import Result

_Item = TypeVar("_Item")


class RestAdapter(RestReader):
    """Records behind an API that speaks JSON over HTTP.

    Args:
        options: those of :class:`.options.RestOptions`.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: httpx or tenacity is not installed.
    """

    type = "rest"
    kept_types = (WrittenFloat,)

    # ------------------------------------------------------------------ fields that take no value

    def diff_from(self, source: Any, *args: Any, **more: Any) -> Diff:
        """Compare as every adapter does; in what is to be written, fields that the server describes as read-only are read-only."""
        diff = super().diff_from(source, *args, **more)
        mark_read_only(diff, self._read_only(written_models(diff)))
        return diff

    def _read_only(self, models: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return model → its attributes that the server describes as read-only."""
        maps = [self._maps[name] for name in models if name in self._maps]
        return {mapped.name: frozenset(self._described_fields.read_only(mapped, self._endpoint(mapped))) for mapped in maps}

    def apply(self, plan: Plan, source: Any, *args: Any, **more: Any) -> Result:
        declared = self.__class__
        written = {change.model for change in plan if change.after is not None}
        try:
            for model, names in self._read_only(written).items():
                if names:
                    self.leave_alone(model, sorted(names))
            return super().apply(plan, source, *args, **more)
        finally:
            self.__class__ = declared  # a plan that is written afterwards is for the models as they were declared

    # ------------------------------------------------------------------ writing

    def is_transient(self, error: BaseException) -> bool:
        """Return whether a change is worth trying again: what it was sent with may be sent again without harm."""
        return super().is_transient(error) or (isinstance(error, HttpProblem) and error.passes)

    def create_records(self, mapped: ModelMap, records: Sequence[NewRecord]) -> Sequence[Record | Exception]:
        def prepared(action: Action, new: NewRecord) -> Call:
            record = nested(new.values)
            ancestors = self._ancestors(mapped, new.parent)
            parts = {name: (None, record[name]) for name in names if name in record}
            body = {name: value for name, value in without(record, mapped.key).items() if name not in names}
            return Call(action.path.filled(record, ancestors), body, record, ancestors, parts=parts)

        names = self._part_names(mapped)

        made = self._made(mapped, "create", records, prepared)
        self._note_all(mapped, made, [new.parent for new in records])
        return made

    def change_records(self, mapped: ModelMap, records: Sequence[ChangedRecord]) -> Sequence[Record | Exception]:
        def prepared(action: Action, changed: ChangedRecord) -> Call:
            def call_for(there: Record) -> Call:
                record = copy.deepcopy(dict(there))
                for path, value in changed.values.items():
                    try:
                        write(record, path, value)
                    except TypeError as error:
                        raise RecordProblem(f"{self.describe(mapped, changed.record)}: {error}") from None
                touched = {path[0] for path in changed.values}
                body = without(sent(action, record, [path for path in changed.values if path[0] not in names]), mapped.key)
                parts = {name: (changed.record.get(name), record[name]) for name in touched & names}
                return Call(
                    action.path.filled(there, ancestors),
                    {name: value for name, value in body.items() if name not in names},
                    record,
                    ancestors,
                    again,
                    changed.record,
                    parts,
                    touched <= names,
                )

            def again(fresh: Mapping[str, Any]) -> Call:
                self._check_unchanged(mapped, changed.record, {**self._parts_in(mapped, changed.record), **fresh}, changed.values)
                return call_for({**changed.record, **fresh})

            ancestors = self._ancestors(mapped, self._known(mapped, changed.record).parent)
            return call_for(changed.record)

        names = self._part_names(mapped)
        made = self._made(mapped, "update", records, prepared)
        self._note_all(mapped, made, [self._known(mapped, changed.record).parent for changed in records])
        return made

    def move_records(self, mapped: ModelMap, records: Sequence[MovedRecord]) -> Sequence[Record | Exception]:
        made = super().move_records(mapped, records)
        now = {id(one.record): record for one, record in zip(records, made) if not isinstance(record, Exception)}
        for whences in self._whence.values():  # the addresses of what is below them are made of the fields that they have now
            for place, whence in whences.items():
                if whence.parent is not None and id(whence.parent) in now:
                    whences[place] = whence._replace(parent=now[id(whence.parent)])
        return made

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        def prepared(action: Action, record: Record) -> Call:
            def again(fresh: Mapping[str, Any]) -> Call:
                seen = {one.source: MISSING for one in mapped.fields.values() if one.source}
                self._check_unchanged(mapped, record, {**self._parts_in(mapped, record), **fresh}, seen)
                return call

            ancestors = self._ancestors(mapped, self._known(mapped, record).parent)
            body = without(sent(action, dict(record), ()), mapped.key)
            call = Call(action.path.filled(record, ancestors), body, dict(record), ancestors, again)
            return call

        made = self._made(mapped, "delete", records, prepared)
        return [found if isinstance(found, Exception) else None for found in made]

    def sync_complete(self, source: Any, diff: Any, flags: Any = None, logger: Any = None) -> None:
        """Send the request that activates the changes, for each endpoint that declares one and at which something was changed."""
        for request in dict.fromkeys(self._to_finish):
            answer = self._client.request(request.method, request.path)
            complaint = answer.complaint()
            if complaint:
                raise HttpProblem(f"{answer.said}: the changes were made, but are not in effect yet: {complaint}", answer.status)

    def _part_names(self, mapped: ModelMap) -> set[str]:
        return {part.name for part in self._endpoint(mapped).parts}

    def _parts_in(self, mapped: ModelMap, record: Record) -> dict[str, Any]:
        """Return the parts of a record that have requests of their own, as they were read."""
        return {name: record[name] for name in self._part_names(mapped) if name in record}

    def _check_unchanged(self, mapped: ModelMap, seen: Record, fresh: Record, values: Mapping[Path, Any]) -> None:
        """Raise RecordProblem where a record has something else in a field than was read, and than it is to have."""
        for path, value in values.items():
            if read(fresh, path) not in (read(seen, path), value):
                raise RecordProblem(
                    f'{self.describe(mapped, seen)}: someone else changed "{text_of_path(path)}" since it was read, so nothing '
                    "was overwritten; run again to see what has to change now"
                )

    def refuses(self, model: str, action: DSyncAction) -> str:
        endpoint = self._endpoint(self._maps[model])
        name = "update" if action == DSyncAction.MOVE else action.value
        there = endpoint.actions[name] is not None
        return super().refuses(model, action) or ("" if there else _not_there(endpoint, name))

    def _note_all(self, mapped: ModelMap, made: Sequence[Record | Exception], parents: Sequence[Record | None]) -> None:
        for record, parent in zip(made, parents):
            if not isinstance(record, Exception):
                self._note(mapped, record, parent)

    def _made(
        self, mapped: ModelMap, name: str, items: Sequence[_Item], prepared: Callable[[Action, _Item], Call]
    ) -> list[Record | Exception]:
        """Return what becomes of records, in order, whose requests are sent at once."""
        endpoint = self._endpoint(mapped)
        action = endpoint.actions[name]
        if action is None:
            return [RecordProblem(_not_there(endpoint, name))] * len(items)
        results: list[Any] = [None] * len(items)
        calls: list[tuple[int, Call]] = []
        for place, item in enumerate(items):
            try:
                calls.append((place, prepared(action, item)))
            except DSyncException as error:
                results[place] = error
        groups = grouped(action, calls)
        named = (mapped.fields[one].source for one in mapped.model._identifiers if one in mapped.fields)
        sending = Sending(self._client, endpoint, action, name, [path for path in named if path])
        for group, found in zip(groups, self._at_once(sending.send, [[call for _place, call in group] for group in groups])):
            for (place, _call), one in zip(group, found if isinstance(found, list) else [found] * len(group)):
                results[place] = one
        if endpoint.finish is not None and any(not isinstance(results[place], Exception) for place, _call in calls):
            self._to_finish.append(endpoint.finish)
        return results


def _not_there(endpoint: Endpoint, action: str) -> str:
    return f"{endpoint.list.text}: its endpoint says {action}: false, so this cannot be done there"
