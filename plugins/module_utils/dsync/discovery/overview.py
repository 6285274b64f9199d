# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What was found, for people and as data: each column with its type, its empty values, and how often it matches the other side.

No value is shown: a column may hold what is secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .._util.visible import visible
from .matching import Pair
from .proposal import SOURCE, TARGET, Model, Proposal
from .tables import Column, Table

_HEADS = ("attribute", "type", "source", "empty", "distinct", "target", "empty", "distinct", "match")
_GAP = "  "


def records_of(model: Model) -> dict[str, Any]:
    """Return what was found of a model, as plain data."""
    sides = [(SOURCE, model.source), *([(TARGET, model.target)] if model.target else [])]
    return {
        "model": model.name,
        "records": {role: table.count for role, table in sides},
        "identifiers": model.identifiers,
        "unique": model.match.duplicates == 0,
        "common": model.match.common if model.target else None,
        "attributes": [_attribute(model, name, pair) for name, pair in model.names.items()],
        "left_out": {role: [_left_out(model, column) for column in model.left_out(role)] for role, _table in sides},
    }


def _attribute(model: Model, name: str, pair: Pair) -> dict[str, Any]:
    declared = model.declared(name)
    kind = declared.get("type", "str") if isinstance(declared, dict) else declared
    found: dict[str, Any] = {"name": name, "type": type_text(kind), "source": _facts(pair.source)}
    if pair.target is not None:
        found.update(target=_facts(pair.target), matches=pair.matches, compared=pair.compared)
    return found


def type_text(kind: Any) -> str:
    """Return a declared type as a string."""
    return kind if isinstance(kind, str) else f"[{', '.join(map(str, kind))}]"


def _facts(column: Column) -> dict[str, Any]:
    return {"column": column.name, "empty": column.empty, "distinct": column.distinct}


def _left_out(model: Model, column: Column) -> dict[str, Any]:
    nearest = model.match.nearest.get(id(column))
    near = {} if nearest is None else {"nearest": nearest[0].name, "matches": nearest[1], "compared": nearest[2]}
    return {**_facts(column), **near}


# ---------------------------------------------------------------------- text


def overview(proposal: Proposal) -> str:
    """Return what was found as lines for a screen."""
    lines = [line for model in proposal.models for line in _lines(model)]
    for role, names in proposal.unpaired.items():
        lines += [f"Only the {role} has {', '.join(names)}; no model is proposed for what only one side has."] if names else []
    return visible("\n".join(lines))


def _lines(model: Model) -> Iterator[str]:
    tables = [model.source, *([model.target] if model.target else [])]
    yield f"{model.name}: {' and '.join(map(_title, tables))}"
    yield f"  identified by {', '.join(model.identifiers)}: {identity_text(model)}"
    rows = [[name, *_cells(model, name, pair)] for name, pair in model.names.items()]
    heads = list(_HEADS if model.target else (*_HEADS[:2], "column", *_HEADS[3:5]))
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    for row in [heads, *rows]:
        yield f"  {_GAP.join(cell.ljust(width) for cell, width in zip(row, widths))}".rstrip()
    for role in (SOURCE, TARGET):
        left = [_left_out_text(model, column) for column in model.left_out(role)]
        if left:
            yield f"  not in the model{f', {role}' if model.target else ''}: {', '.join(left)}"


def _title(table: Table) -> str:
    return f"{table.title} ({counted(table.count, 'record')})"


def _cells(model: Model, name: str, pair: Pair) -> list[str]:
    declared = model.declared(name)
    kind = type_text(declared.get("type", "str") if isinstance(declared, dict) else declared)
    cells = [kind, pair.source.name, str(pair.source.empty), str(pair.source.distinct)]
    if pair.target is not None:
        cells += [pair.target.name, str(pair.target.empty), str(pair.target.distinct), f"{pair.matches} of {pair.compared}"]
    return cells


def _left_out_text(model: Model, column: Column) -> str:
    nearest = model.match.nearest.get(id(column))
    return column.name if nearest is None else f"{column.name} ({nearest[1]} of {nearest[2]} match {nearest[0].name})"


def identity_text(model: Model) -> str:
    """Return how well the identifiers identify a record."""
    tables = [model.source, *([model.target] if model.target else [])]
    if not any(table.count for table in tables):
        return "there is no record that shows whether this is unique"
    twice = model.match.duplicates
    unique = f"NOT unique, {counted(twice, 'record')} too many" if twice else "unique"
    missing = any(pair.source.empty or (pair.target is not None and pair.target.empty) for pair in model.match.identifiers)
    empty = "sometimes empty" if missing else "never empty"
    common = f"; {counted(model.match.common, 'record')} on both sides" if model.target else ""
    return f"{unique}, {empty}{common}"


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def pair_text(pair: Pair) -> str:
    """Return what the values of an attribute show, for a comment."""
    sides: Sequence[Column] = [pair.source, *([pair.target] if pair.target else [])]
    matches = [] if pair.target is None else [f"{pair.matches} of {pair.compared} match"]
    empty = [f"{column.empty} of {len(column.values)} empty{_place(sides, column)}" for column in sides if column.empty]
    return "; ".join([*matches, *empty])


def _place(sides: Sequence[Column], column: Column) -> str:
    return "" if len(sides) == 1 else " in the source" if column is sides[0] else " in the target"
