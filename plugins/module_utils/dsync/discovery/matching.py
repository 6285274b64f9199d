# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which column of one table means the same as which of another one, and which columns identify the same record in both."""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .kinds import joint_type
from .tables import Column, Table

_MOST_COMPARED = 5000
"""The number of records on both sides by which columns are matched; those that match are counted in all records."""

_WIDEST_KEY = 3
_MOST_COLUMNS_OF_KEYS = 12
_ENOUGH = 0.5
"""The share of equal values from which columns with different names are taken to mean the same."""

_WORTH_SHOWING = 0.1
"""The share of equal values from which the best match of a column without a partner is shown."""

_ALIKE = 0.75
_Score = tuple[float, float, "Pair"]
"""The likeness of two names, the share of equal values, and the columns."""

_LOOSER = (("case_insensitive",), ("stripped",), ("case_insensitive", "stripped"))
"""Comparisons of strings, the strictest first."""

_FIRST_NAMES = ("name", "hostname", "fqdn", "slug", "key", "code", "login", "username", "email", "serial", "label", "title")
"""Names of columns that identify records, the most probable first."""


@dataclass(frozen=True)
class Pair:
    """Two columns that mean the same.

    Attributes:
        source: column of the source; None if there is only a target, or only one dataset.
        target: column of the target; None if there is none.
        type: the type that the values of both fit.
        compare: how their values compare; empty for equality.
        matches: number of records that are on both sides and have equal values.
        compared: number of records that are on both sides and of which at least one has a value.
    """

    source: Column
    target: Column | None
    type: str
    compare: tuple[str, ...] = ()
    matches: int = 0
    compared: int = 0


@dataclass(frozen=True)
class Match:
    """What two tables have in common.

    Attributes:
        identifiers: the columns that identify a record.
        attributes: the other columns that mean the same on both sides.
        common: number of records that are on both sides.
        duplicates: number of records of the source, or of the target, that share their identifiers with another one.
        nearest: column that has no partner → the column of the other side whose values match best, and how many do.
    """

    identifiers: tuple[Pair, ...]
    attributes: tuple[Pair, ...]
    common: int
    duplicates: int
    nearest: Mapping[int, tuple[Column, int, int]]


def plain_name(name: str) -> str:
    """Return a name without what spelling varies: case, blanks, and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _likeness(one: str, other: str) -> float:
    """Return how alike two names are: 1 if they are the same, 0 if they are not alike."""
    first, second = plain_name(one), plain_name(other)
    if first == second:
        return 1.0
    shorter, longer = sorted((first, second), key=len)
    ratio = difflib.SequenceMatcher(None, first, second).ratio()
    return max(ratio, _ALIKE) if len(shorter) > 2 and shorter in longer else ratio if ratio >= _ALIKE else 0.0


def rank(name: str) -> int:
    """Return how probable it is that a column of this name identifies records; the smallest number is the most probable."""
    plain = plain_name(name)
    exact = [place for place, first in enumerate(_FIRST_NAMES) if plain == first]
    within = [place for place, first in enumerate(_FIRST_NAMES) if first in plain]
    return exact[0] if exact else len(_FIRST_NAMES) + within[0] if within else 2 * len(_FIRST_NAMES)


def usable(table: Table) -> list[Column]:
    """Return the columns that can be attributes: not those of nested records."""
    return [column for column in table.columns.values() if not column.is_nested]


# ---------------------------------------------------------------------- one table


def alone(table: Table) -> Match:
    """Return the columns of the only table, and which of them identify a record."""
    columns = usable(table)
    key = _key_alone(table, columns)
    pairs = {id(column): _alone(column) for column in columns}
    chosen = [pairs[id(column)] for column in key]
    others = [pairs[id(column)] for column in columns if not any(column is one for one in key)]
    return Match(tuple(chosen), tuple(others), table.count, _duplicates([column.spelled("str") for column in key]), {})


def _alone(column: Column) -> Pair:
    kind = joint_type(column.kind, column.kind, column.filled)
    return Pair(column, None, kind, _meaning_of([column], kind))


def _key_alone(table: Table, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that identify a record best; the first ones where none do."""
    for paths in sorted(table.uniques(), key=lambda paths: min(rank(path[-1]) for path in paths)):
        if all(not table.columns[path].nullable for path in paths):
            return [table.columns[path] for path in paths]
    plain = [column for column in columns if _identifies(column)]
    ordered = sorted(plain, key=lambda column: (column.is_surrogate, rank(column.path[-1])))
    single = next((column for column in ordered if column.is_unique and not column.is_surrogate), None)
    if single is not None and table.count:
        return [single]
    named = [column for column in ordered if not column.is_surrogate][:_MOST_COLUMNS_OF_KEYS]
    for group in _groups(named) if table.count else ():
        if math.prod(column.distinct for column in group) >= table.count and not _duplicates([one.spelled("str") for one in group]):
            return list(group)
    return [next((column for column in ordered if column.is_unique), None) or next(iter([*named, *ordered, *columns]))]


def _identifies(column: Column) -> bool:
    """Return whether a column may be part of what identifies a record."""
    scalar = not column.kind.fits or column.kind.fits[0] in ("str", "int", "date", "decimal") or not column.kind.typed
    return scalar and not column.empty


def _groups(columns: Sequence[Column]) -> Iterator[tuple[Column, ...]]:
    for width in range(2, _WIDEST_KEY + 1):
        yield from itertools.combinations(columns, width)


def _duplicates(columns: Sequence[Sequence[str | None]]) -> int:
    rows = list(zip(*columns))
    return len(rows) - len(set(rows))


# ---------------------------------------------------------------------- two tables


def match(source: Table, target: Table) -> Match:
    """Return which columns of two tables mean the same, and by which of them a record of one is found in the other."""
    ours, theirs = usable(source), usable(target)
    key = _key(source, ours, theirs)
    common = _rows_in_common(key)
    used = {id(column) for pair in key for column in (pair.source, pair.target)}
    rest = [column for column in ours if id(column) not in used], [column for column in theirs if id(column) not in used]
    attributes, nearest = _assigned(list(_scores(*rest, common[:_MOST_COMPARED])))
    order = {id(column): place for place, column in enumerate(ours)}
    return Match(
        tuple(_counted(pair, common) for pair in key),
        tuple(_counted(pair, common) for pair in sorted(attributes, key=lambda pair: order[id(pair.source)])),
        len(common),
        max(_duplicates(side) for side in _identities(key)),
        nearest,
    )


def _sides(pair: Pair) -> tuple[list[str | None], list[str | None]]:
    """Return the values of both columns as strings that equal values share."""
    ours = pair.source.spelled(pair.type, pair.compare)
    return ours, [] if pair.target is None else pair.target.spelled(pair.type, pair.compare)


def _identities(key: Sequence[Pair]) -> tuple[list[list[str | None]], list[list[str | None]]]:
    """Return the values of the columns of a key: those of the source, and those of the target."""
    sides = [_sides(pair) for pair in key]
    return [ours for ours, _theirs in sides], [theirs for _ours, theirs in sides]


def _pair(source: Column, target: Column) -> Pair:
    kind = joint_type(source.kind, target.kind, [*source.filled, *target.filled])
    return Pair(source, target, kind, _meaning_of([source, target], kind))


def _key_pair(source: Column, target: Column) -> Pair:
    """Return two columns that may identify a record, compared in the strictest of the ways in which most of them are equal."""
    strict = _pair(source, target)
    if strict.type != "str" or strict.compare:
        return strict
    best, most = strict, _shared([strict])
    for names in _LOOSER if most < 1 else ():
        loose = replace(strict, compare=names)
        share, different = _shared([loose]), [len({*side}) for side in _sides(loose)]
        if share > most and different == [len({*side}) for side in _sides(strict)]:
            best, most = loose, share
    return best


def _key(source: Table, ours: Sequence[Column], theirs: Sequence[Column]) -> list[Pair]:
    """Return the columns by which records are found on the other side: alone, or else several together."""
    pairs = [
        _key_pair(one, two)
        for one, two in itertools.product(filter(_identifies, ours), filter(_identifies, theirs))
        if (one.is_unique and two.is_unique) or _likeness(one.path[-1], two.path[-1]) > 0
    ]
    single = [pair for pair in pairs if pair.source.is_unique and _is_key([pair])]
    best = max(single, key=lambda pair: _goodness([pair]), default=None)
    if best is not None and _goodness([best])[0] > 0:
        return [best]
    named = [pair for pair in pairs if _names_alike(pair) > 0 and _shared([pair]) > 0 and not pair.source.is_surrogate]
    for width in range(2, _WIDEST_KEY + 1):
        groups = [[*group] for group in itertools.combinations(named[:_MOST_COLUMNS_OF_KEYS], width) if _is_key(group)]
        if groups:
            return max(groups, key=_goodness)
    if best is not None and _names_alike(best) > 0:
        return [best]
    first = alone(source).identifiers[0].source
    return [_pair(first, min(theirs, key=lambda column: (-_likeness(first.path[-1], column.path[-1]), rank(column.path[-1]))))]


def _names_alike(pair: Pair) -> float:
    return 0.0 if pair.target is None else _likeness(pair.source.path[-1], pair.target.path[-1])


def _is_key(group: Sequence[Pair]) -> bool:
    """Return whether columns together identify a record on both sides."""
    sides = [pair.source for pair in group], [pair.target for pair in group]
    different = all(len({id(column) for column in side}) == len(side) for side in sides)
    return different and not any(_duplicates(side) for side in _identities(group))


def _goodness(group: Sequence[Pair]) -> tuple[float, ...]:
    """Return how well columns identify a record on both sides, better ones with greater numbers."""
    share = _shared(group)
    given = not any(pair.source.is_surrogate or (pair.target is not None and pair.target.is_surrogate) for pair in group)
    likeness, first = min(_names_alike(pair) for pair in group), -float(min(rank(pair.source.path[-1]) for pair in group))
    return (float(given and share > 0), share, *((first, likeness) if share > 0 else (likeness, first)))


def _shared(group: Sequence[Pair]) -> float:
    """Return the share of identities of the smaller side that the other one has, too."""
    ours, theirs = ({*zip(*side)} for side in _identities(group))
    return len(ours & theirs) / max(1, min(len(ours), len(theirs)))


def _rows_in_common(key: Sequence[Pair]) -> list[tuple[int, int]]:
    """Return the places of the records that are on both sides: the first ones with their identity."""
    places: list[dict[tuple[str | None, ...], int]] = []
    for side in _identities(key):
        found: dict[tuple[str | None, ...], int] = {}
        for place, row in enumerate(zip(*side)):
            found.setdefault(row, place)
        places.append(found)
    ours, theirs = places
    return [(place, theirs[row]) for row, place in ours.items() if row in theirs and None not in row]


def _scores(ours: Sequence[Column], theirs: Sequence[Column], common: Sequence[tuple[int, int]]) -> Iterator[_Score]:
    """Yield the likeness of names, the share of equal values, and the pair, for each two columns that may mean the same."""
    for one, two in itertools.product(ours, theirs):
        pair = _counted(_pair(one, two), common)
        likeness = _likeness(one.name, two.name) or _likeness(one.path[-1], two.path[-1]) * _ALIKE
        share = pair.matches / pair.compared if pair.compared else 0.0
        if likeness == 1.0 or share > 0:
            yield likeness, share, pair


def _assigned(scores: Sequence[_Score]) -> tuple[list[Pair], dict[int, tuple[Column, int, int]]]:
    """Return the pairs of columns that mean the same, and for each other column its best match."""
    chosen: list[Pair] = []
    used: set[int] = set()
    for likeness, share, pair in sorted(scores, key=lambda one: (-int(one[0] == 1.0), -one[1], -one[0])):
        columns = {id(pair.source), id(pair.target)}
        if not columns & used and _is_evident(pair, share, likeness):
            chosen.append(pair)
            used |= columns
    nearest: dict[int, tuple[Column, int, int]] = {}
    for _names, share, pair in sorted(scores, key=lambda one: (-one[1], -one[0])):
        for column, other in ((pair.source, pair.target), (pair.target, pair.source)):
            if column is not None and other is not None and id(column) not in used and share >= _WORTH_SHOWING:
                nearest.setdefault(id(column), (other, pair.matches, pair.compared))
    return chosen, nearest


def _is_evident(pair: Pair, share: float, likeness: float) -> bool:
    """Return whether names or values show that two columns mean the same."""
    numbered = pair.source.is_surrogate or (pair.target is not None and pair.target.is_surrogate)
    if likeness == 1.0:
        return not numbered or share >= _ENOUGH
    several = pair.matches > 1 and min(pair.source.distinct, pair.target.distinct if pair.target else 0) > 1
    return not numbered and (likeness > 0 or (several and share >= _ENOUGH))


def _counted(pair: Pair, common: Sequence[tuple[int, int]]) -> Pair:
    """Return a pair with the number of equal values, compared in the strictest of the ways in which most of them are equal."""
    ways = [pair, *(replace(pair, compare=names) for names in (_LOOSER if pair.type == "str" and not pair.compare else ()))]
    found = [_equal(way, common) for way in ways]
    best = max(range(len(ways)), key=lambda place: (found[place][0], -place))
    return replace(ways[best], matches=found[best][0], compared=found[best][1])


def _equal(pair: Pair, common: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return how many records on both sides have equal values in two columns, and how many have a value in one of them."""
    ours, theirs = _sides(pair)
    values = [(ours[one], theirs[two]) for one, two in common]
    values = [(one, two) for one, two in values if one is not None or two is not None]
    return sum(one == two for one, two in values), len(values)


def _meaning_of(columns: Sequence[Column], kind: str) -> tuple[str, ...]:
    """Return the comparison of strings that all are addresses; none for others."""
    if kind != "str":
        return ()
    found = {column.address for column in columns if column.filled}
    return (found.pop(),) if len(found) == 1 and "" not in found else ()
