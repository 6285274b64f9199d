# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renames: objects that have another name in the source than in the target. They are found by the match keys of their models, or
since the target finds the two names equal; objects that are named after them are found by their old names."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..exceptions import AmbiguousMatch
from ..model.comparison import Comparison
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from .diff import DiffElement
from .moves import Lone, Place, Renamed, ref_of_element


class MatchKey(NamedTuple):
    """Fields by which an object is found whose identity is on one side only.

    Attributes:
        fields: names of the fields.
        read: returns the key from the values of an object: a hashable tuple, or None if a part of it is null or empty.
        declared: whether the model declares it, so that several objects with the same key are refused; else they are not matched.
    """

    fields: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[Any, ...] | None]
    declared: bool = True


Keys = Mapping[str, tuple[MatchKey, ...]]
"""Model → its match keys, in the order in which they are tried."""

Identity = tuple[str, Mapping[str, Any]]
"""The unique id and the identifiers of an object."""

OldValues = Mapping[tuple[str, Any], Any]
"""(identifier, its value) → the value that it has in the target, if it is the name of a renamed object."""


class Renames:
    """Finds the objects of the source that are objects of the target with another name.

    Args:
        old: the objects that only the target has, by name; not changed.
        new: the objects that only the source has, by name, parents first; not changed.
        classes: model → its class in the target.
        keys: the match keys of models.
    """

    def __init__(self, old: Lone, new: Lone, classes: Mapping[str, type[DSyncModel]], keys: Keys) -> None:
        self._old, self._new, self._classes, self._keys = old, new, classes, keys
        self._found: dict[ObjectRef, Renamed] = {}
        self._taken: set[ObjectRef] = set()

    def found(self) -> dict[ObjectRef, Renamed]:
        """Return object of the source → its counterpart in the target.

        Raises:
            AmbiguousMatch: several objects of one side have the same match key as an object of the other side.
        """
        for model in dict.fromkeys(ref.model for ref in self._new):
            for key in self._keys.get(model, ()):
                self._match(model, key)
            while self._found and self._name_after():
                pass
        return self._found

    def _note(self, new: ObjectRef, old: ObjectRef, named_after: bool) -> None:
        self._found[new] = Renamed(old, named_after)
        self._taken.add(old)

    # ------------------------------------------------------------------ match keys

    def _match(self, model: str, key: MatchKey) -> None:
        """Pair the objects of a model that have the same values in the fields of a match key."""
        created = [place.element for ref, place in self._new.items() if ref.model == model and ref not in self._found]
        deleted = [place.element for ref, place in self._old.items() if ref.model == model and ref not in self._taken]
        olds = by_value(deleted, key.read)
        for value, new in by_value(created, key.read).items():
            old = olds.get(value, [])
            if len(old) == 1 and len(new) == 1:
                self._note(ref_of_element(new[0]), ref_of_element(old[0]), False)
            elif old and key.declared:
                raise AmbiguousMatch(_ambiguous(new, old, key.fields))

    # ------------------------------------------------------------------ names after the names of others

    def _name_after(self) -> bool:
        """Pair the objects that are named after renamed ones; return whether there were any."""
        before = len(self._found)
        for ref, place in self._new.items():
            if ref not in self._found and ref.model in self._classes:
                self._name_one_after(ref, place)
        return len(self._found) > before

    def _name_one_after(self, ref: ObjectRef, place: Place) -> None:
        above = values_of_those_above(place.element.keys, self._renamed_above(place))
        referred = values_of_references(self._classes[ref.model], place.element.keys, self._old_id)
        for old, named_after in former_names(self._classes[ref.model], place.element.keys, above, referred):
            if old in self._old and old not in self._taken:
                self._note(ref, old, named_after)
                return

    def _renamed_above(self, place: Place) -> Iterator[tuple[Identity, Identity]]:
        """Yield (new name, old name) of each renamed object above, from the top down."""
        above, chain = place.above, []
        while above is not None:
            chain.append(above.element)
            above = above.above
        for element in reversed(chain):
            renamed = self._found.get(ref_of_element(element))
            if renamed is not None:
                old = self._old[renamed.old].element
                yield (element.uid, element.keys), (old.uid, old.keys)

    def _old_id(self, ref: ObjectRef) -> str | None:
        return self._found[ref].old.id if ref in self._found else None


# ---------------------------------------------------------------------- names after the names of others


def values_of_those_above(keys: Mapping[str, Any], renamed: Iterable[tuple[Identity, Identity]]) -> OldValues:
    """Return the old values of identifiers whose values come from renamed objects above; the nearest object counts.

    Args:
        keys: the identifiers of the object.
        renamed: (new name, old name) of each renamed object above, from the top down.
    """
    found = {}
    for (uid, new), (old_uid, old) in renamed:
        values = [(uid, old_uid), *((value, old.get(name)) for name, value in new.items())]
        for name, mine in keys.items():
            for new_value, old_value in values:
                if new_value != old_value and mine == new_value:
                    found[name, mine] = old_value
    return found


def values_of_references(kind: type[DSyncModel], keys: Mapping[str, Any], old_id: Callable[[ObjectRef], str | None]) -> OldValues:
    """Return the old values of identifiers that refer to renamed objects.

    Args:
        kind: the object's class.
        keys: its identifiers.
        old_id: returns the unique id that a renamed object has in the target; None for any other object.
    """
    found = {}
    for reference in kind._declaration.references:
        value = keys.get(reference.field)
        for model in reference.models if isinstance(value, str) else ():
            old = old_id(ObjectRef(model, str(value)))
            if old is not None:
                found[reference.field, value] = old
    return found


def former_names(
    kind: type[DSyncModel], keys: Mapping[str, Any], above: OldValues, referred: OldValues
) -> Iterator[tuple[ObjectRef, bool]]:
    """Yield the names that an object may have in the target because other objects are renamed, and whether it is named after one
    above it.

    Args:
        kind: the object's class.
        keys: its identifiers in the source.
        above: the old values of those that come from renamed objects above it.
        referred: the old values of those that refer to renamed objects.
    """
    for old_values, named_after in ((above, True), (referred, False)):
        fields = [name for name, value in keys.items() if (name, value) in old_values]
        for number in range(1, len(fields) + 1):
            for chosen in itertools.combinations(fields, number):
                ids = {**keys, **{name: old_values[name, keys[name]] for name in chosen}}
                yield ObjectRef(kind.get_type(), kind.create_unique_id(**ids)), named_after


def match_keys(
    declared: Iterable[Sequence[str]],
    comparisons: Mapping[str, Comparison],
    identifiers: Sequence[str],
    spellings: Mapping[str, Callable[[str], str]],
) -> tuple[MatchKey, ...]:
    """Return the match keys of a model: its identifiers if the target takes other spellings of them for the same, then those that
    it declares.

    Args:
        declared: the fields of each declared match key.
        comparisons: field → its declared comparison.
        identifiers: the identifiers.
        spellings: identifier → function that returns one string for all spellings that the target takes for the same.
    """
    forms = {name: comparison.key for name, comparison in comparisons.items()}
    found = [MatchKey(tuple(fields), _reader_of(fields, forms)) for fields in declared]
    if spellings:
        found.insert(0, MatchKey(tuple(identifiers), _reader_of(identifiers, {**forms, **_of_strings(spellings)}), declared=False))
    return tuple(found)


def _of_strings(spellings: Mapping[str, Callable[[str], str]]) -> Mapping[str, Callable[[Any], Any]]:
    def of_string(spelling: Callable[[str], str]) -> Callable[[Any], Any]:
        return lambda value: spelling(value) if isinstance(value, str) else value

    return {name: of_string(spelling) for name, spelling in spellings.items()}


def _reader_of(
    fields: Sequence[str], forms: Mapping[str, Callable[[Any], Any]]
) -> Callable[[Mapping[str, Any]], tuple[Any, ...] | None]:
    def read(values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        found = []
        for name in fields:
            value = values.get(name)
            value = forms[name](value) if name in forms else value
            if value is None or (value != 0 and not value):
                return None
            found.append(_hashable(value))
        return tuple(found)

    return read


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def by_value(elements: Iterable[DiffElement], read: Callable[[Mapping[str, Any]], Any]) -> dict[Any, list[DiffElement]]:
    found: dict[Any, list[DiffElement]] = {}
    for element in elements:
        attrs = element.dest_attrs if element.source_attrs is None else element.source_attrs
        value = read({**(attrs or {}), **element.keys})
        if value is not None:
            found.setdefault(value, []).append(element)
    return found


def _ambiguous(new: Sequence[DiffElement], old: Sequence[DiffElement], fields: Sequence[str]) -> str:
    several, others = (old, new) if len(old) > 1 else (new, old)
    sides = (several[0].dest_name, several[0].source_name) if several is old else (several[0].source_name, several[0].dest_name)
    key = ", ".join(fields)
    return (
        f"the {several[0].type} objects {_named(several)} of {sides[0]} have the same {key}, so that it is not clear which of them "
        f"is {_named(others)} of {sides[1]}; correct {key} of all but one of them, or take it out of the match keys of the model"
    )


def _named(elements: Sequence[DiffElement]) -> str:
    names = [f'"{element.uid}"' for element in elements[:_NAMED]]
    more = len(elements) - len(names)
    return f"{', '.join(names)} and {more} more" if more else " and ".join([", ".join(names[:-1]), names[-1]][len(names) < 2 :])


_NAMED = 3
"""Maximum number of objects that a message names."""
