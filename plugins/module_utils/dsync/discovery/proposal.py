# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Proposals of models and mappings for the tables of one or two datasets, as the plain data of which tasks and presets consist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.model import DSyncModel
from ..records.path import Path
from .matching import Match, Pair, alone, match
from .tables import Column, Table

SOURCE, TARGET = "source", "target"

_SECRET_NAME = re.compile(r"(?i).*(?:password|passwd|passphrase|secret|token|api_?key|private_?key|community).*").fullmatch
_PLACE_OF_NAME = re.compile(r"[^/.\[\]]+")
_PLURALS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", ""))
_HOLDS_ANY = ("str", "any")
"""Types that an empty string fits."""

_SINGULAR = ("ss", "us", "is", "news", "dns")


@dataclass
class Side:
    """The tables of one dataset.

    Attributes:
        tables: name of a model → its table.
        others: place → a table that one of them refers to.
    """

    tables: dict[str, Table]
    others: dict[Any, Table] = field(default_factory=dict)


@dataclass
class Model:
    """A proposed model.

    Attributes:
        name: its name.
        source: the table of the source, or of the only dataset.
        target: the table of the target; None if there is none.
        match: what the tables have in common.
        names: the attributes' names, by pair: those of the identifiers first.
        references: attribute → the model that it refers to.
    """

    name: str
    source: Table
    target: Table | None
    match: Match
    names: dict[str, Pair]
    references: dict[str, str] = field(default_factory=dict)

    @property
    def identifiers(self) -> list[str]:
        return list(self.names)[: len(self.match.identifiers)]

    def declaration(self) -> dict[str, Any]:
        """Return the declaration of the model, as in ``models``."""
        declared = {name: self.declared(name) for name in self.names}
        first = {name: declared[name] for name in self.identifiers}
        plain = all(one == "str" for one in first.values())
        attributes = {name: one for name, one in declared.items() if name not in first}
        return {"identifiers": list(first) if plain else first, **({"attributes": attributes} if attributes else {})}

    def declared(self, name: str) -> Any:
        """Return the declaration of an identifier or an attribute."""
        pair = self.names[name]
        sides = [pair.source, *([pair.target] if pair.target else [])]
        identifies = name in self.identifiers
        has_empty_strings = any(column.has_empty_strings for column in sides)
        nullable = not identifies and (
            any(column.nullable for column in sides) or (has_empty_strings and pair.type not in _HOLDS_ANY)
        )
        kind: Any = _type_of(pair, sides, identifies, nullable)
        more: dict[str, Any] = {"ref": self.references[name]} if name in self.references else {}
        if pair.compare:
            more["compare"] = pair.compare[0] if len(pair.compare) == 1 else list(pair.compare)
        if nullable and kind != "any" and has_empty_strings:
            more["empty"] = None
        if not identifies and pair.target is None and pair.source.schema is not None and pair.source.schema.read_only:
            more["read_only"] = True
        if more and (kind != "str" or "ref" not in more):
            more = {"type": kind, **more}
        return more or kind

    def table(self, role: str) -> Table:
        """Return the table of a dataset."""
        return self.source if role == SOURCE or self.target is None else self.target

    def mapping(self, role: str, placed: bool) -> dict[str, Any]:
        """Return the mapping of the model for one of the datasets, as in ``mapping``.

        Args:
            role: :data:`SOURCE` or :data:`TARGET`.
            placed: whether it says where the records are.
        """
        place = self.table(role).place
        fields: dict[str, Any] = {}
        for name, pair in self.names.items():
            column = pair.source if role == SOURCE else pair.target
            if column is None or (column.path == (name,) and not column.lookup):
                continue
            path = list(column.path) if any("." in part for part in column.path) else column.name
            fields[name] = {"from": path, "lookup": column.lookup} if column.lookup else path
        is_named = placed and place != self.name and not self.table(role).is_root
        return {**({"from": place} if is_named else {}), **({"fields": fields} if fields else {})}

    def left_out(self, role: str) -> list[Column]:
        """Return the columns of a dataset that no attribute is made of."""
        used = {id(pair.source if role == SOURCE else pair.target) for pair in self.names.values()}
        columns = [] if role == TARGET and self.target is None else self.table(role).columns.values()
        return [column for column in columns if id(column) not in used]


def _type_of(pair: Pair, sides: Sequence[Column], identifies: bool, nullable: bool) -> Any:
    kind = pair.type
    if _SECRET_NAME(pair.source.path[-1]) and not identifies and kind == "str":
        return "secret | None" if nullable else "secret"
    choices = next((column.schema.choices for column in sides if column.schema is not None and column.schema.choices), ())
    if choices and not nullable and kind == "str" and all({*column.spelled("str")} - {None} <= {*choices} for column in sides):
        return list(choices)
    if identifies:
        typed = any(column.kind.typed for column in sides)
        return kind if typed and not kind.startswith(("any", "list", "dict")) else "str"
    return f"{kind} | None" if nullable and kind != "any" else kind


# ---------------------------------------------------------------------- all models


@dataclass
class Proposal:
    """What is proposed for one or two datasets.

    Attributes:
        models: the models, those that others refer to first.
        lookups: role of a dataset → name of a lookup → its declaration.
        unpaired: role of a dataset → models that only it has.
    """

    models: list[Model] = field(default_factory=list)
    lookups: dict[str, dict[str, Any]] = field(default_factory=lambda: {SOURCE: {}, TARGET: {}})
    unpaired: dict[str, list[str]] = field(default_factory=lambda: {SOURCE: [], TARGET: []})


def propose(source: Side, target: Side | None) -> Proposal:
    """Return models for the tables of one dataset, or of two: those that both have.

    Args:
        source: the tables of the source, or of the only dataset; columns that refer to other tables are replaced.
        target: those of the target; None for none. The only tables of both get one name.
    """
    made = Proposal()
    if target is not None and len(source.tables) == len(target.tables) == 1:
        source.tables, target.tables = _named_alike(source, target)
    if target is not None:
        made.unpaired[SOURCE] = [name for name in source.tables if name not in target.tables]
        made.unpaired[TARGET] = [name for name in target.tables if name not in source.tables]
    for name in _in_order(source, target):
        if name in made.unpaired[SOURCE]:
            continue
        ours, theirs = source.tables[name], None if target is None else target.tables[name]
        models = _translate(made, SOURCE, source, ours)
        if target is not None and theirs is not None:
            models.update(_translate(made, TARGET, target, theirs))
        found = alone(ours) if theirs is None else match(ours, theirs)
        names = dict(_named(name, [*found.identifiers, *found.attributes], theirs is None))
        references = {
            attribute: models[id(one)]
            for attribute, pair in names.items()
            for one in (pair.source, pair.target)
            if one is not None and id(one) in models
        }
        made.models.append(Model(name, ours, theirs, found, names, references))
    return made


def _named_alike(source: Side, target: Side) -> tuple[dict[str, Table], dict[str, Table]]:
    """Return the only tables of both datasets under one name: that of the source, unless only the place in the target has one."""
    (ours, one), (theirs, two) = (next(iter(side.tables.items())) for side in (source, target))
    name = theirs if one.is_root and not two.is_root else ours
    return {name: one}, {name: two}


def _in_order(source: Side, target: Side | None) -> list[str]:
    """Return the names of the source's models, as far as possible after those to whose tables they refer."""
    waiting, done = dict(source.tables), list[str]()
    while waiting:
        ready = [name for name in waiting if not _needs(name, source, target) & (waiting.keys() - {name})]
        for name in ready or list(waiting)[:1]:
            done.append(name)
            del waiting[name]
    return done


def _needs(name: str, source: Side, target: Side | None) -> set[str]:
    sides = [side for side in (source, target) if side is not None and name in side.tables]
    places = [(side, place) for side in sides for place, _key in side.tables[name].schema.references.values()]
    return {model for side, place in places for model, table in side.tables.items() if table.place == place}


def _translate(made: Proposal, role: str, side: Side, table: Table) -> dict[int, str]:
    """Replace the columns of a table that hold keys of other tables with what identifies the records there.

    Returns:
        id of a new column → the model to which it refers.
    """
    models: dict[int, str] = {}
    for name, (place, key) in table.schema.references.items():
        known = next((model for model in made.models if model.table(role).place == place), None)
        other = known.table(role) if known is not None else side.others.get(place)
        column, keys = table.columns.get((name,)), None if other is None else other.columns.get((key,))
        identifying = None if other is None else _identifying(known, other, role)
        if column is None or keys is None or identifying is None or identifying is keys:
            continue
        lookup = singular(str(place).rpartition(".")[2])
        values = dict(zip(keys.spelled("str"), identifying.values))
        table.columns[(name,)] = translated = column.translated(lookup, values)
        if known is not None:
            models[id(translated)] = known.name
            made.lookups[role][lookup] = {"model": known.name, "key": key}
        else:
            made.lookups[role][lookup] = {"from": place, "key": key, "value": identifying.name}
    return models


def _identifying(model: Model | None, table: Table, role: str) -> Column | None:
    """Return the only column that identifies the records of a table; None if there are several."""
    pairs = alone(table).identifiers if model is None else model.match.identifiers
    if len(pairs) != 1:
        return None
    return pairs[0].source if model is None or role == SOURCE else pairs[0].target


def _named(model: str, pairs: Sequence[Pair], is_alone: bool) -> Iterator[tuple[str, Pair]]:
    """Yield the name of each attribute; without a target not those of columns by which only the system itself knows its records."""
    used: set[str] = set()
    for place, pair in enumerate(pairs):
        if is_alone and place and pair.source.is_surrogate:
            continue
        name = attribute_name(pair.source, model)
        numbered = (f"{name}_{number}" for number in range(2, len(pairs) + 2))
        name = next((one for one in (name, *numbered) if one not in used), name)
        used.add(name)
        yield name, pair


# ---------------------------------------------------------------------- names


def attribute_name(column: Column, model: str) -> str:
    """Return the name of the attribute for a column: its own, as far as an attribute may have it."""
    path: Path = column.path
    name = re.sub(r"\W+", "_", "_".join(path)).strip("_").lower()
    name = re.sub(r"_id$", "", name) if column.lookup else name
    if not name.isidentifier() or hasattr(DSyncModel, name) or name in DSyncModel.__annotations__:
        name = f"{model}_{name}".rstrip("_")
    return name


def model_name(place: Any, otherwise: str) -> str:
    """Return the name of a model for the records at a place.

    Args:
        place: as written in ``from``.
        otherwise: the name of the dataset, for a place without a name.
    """
    words = _PLACE_OF_NAME.findall(place) if isinstance(place, str) else []
    words = [word for word in words if not word.startswith("{")]
    name = re.sub(r"\W+", "_", words[-1] if words else otherwise).strip("_").lower()
    name = singular(name)
    return name if name.isidentifier() else f"record_{name}".rstrip("_")


def singular(name: str) -> str:
    """Return the singular of an English plural, and another name as it is."""
    if name.endswith(_SINGULAR):
        return name
    return next((name.removesuffix(end) + one for end, one in _PLURALS if name.endswith(end) and len(name) > len(end) + 1), name)
