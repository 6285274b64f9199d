# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the records of a dataset for which no models are declared, and what its system reports of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from ...dsync._util.suggestions import known
from ...dsync.adapters import RecordModel
from ...dsync.adapters.core.schema import Schema
from ...dsync.discovery.answer import endpoint_of_answer
from ...dsync.discovery.openapi import CollectionOf, collections_of
from ...dsync.discovery.proposal import model_name
from ...dsync.discovery.tables import Table, table_of
from ...dsync.exceptions import DefinitionError, LibraryMissing, RecordProblem
from ...dsync.records.declaration_reader import Declared
from ...dsync.records.definition import data_model
from ...dsync.storage.files import reading
from ..bundle.format import Bundle
from ..errors import TaskFailure
from ..output.messages import error_context
from .side import Side

ANY_MODEL = {"record": {"identifiers": ["id"]}}
"""The model of an adapter whose models are not known yet; no object of it is made."""

MOST_TABLES = 30
"""The largest number of tables for which models are proposed without being named."""

API, TABLES = "rest", "sql"
NO_MODELS = ("netbox", "nautobot", "inventory")
_ADDRESSES = ("http://", "https://")


@dataclass
class Discovered:
    """What a dataset has.

    Attributes:
        tables: name of a model → its table.
        others: place → a table to which one of them refers.
        endpoints: path of a collection → its endpoint; None for a system that is not an API.
    """

    tables: dict[str, Table]
    others: dict[Any, Table] = field(default_factory=dict)
    endpoints: dict[str, Any] | None = None


def discovered(side: Side, bundle: Bundle) -> Discovered:
    """Return the tables of a dataset. Raises TaskFailure."""
    adapter = side.params["adapter"]
    side.params = {**side.params, "mapping": None, "lookups": None}
    if adapter in NO_MODELS:
        raise TaskFailure(f"{side.role} ({adapter}): this adapter knows its models, so there is nothing to discover.")
    if side.params["openapi"] is not None and adapter != API:
        raise TaskFailure(f"{side.role} ({adapter}): openapi is for the adapter rest; omit it.")
    side.models = data_model(ANY_MODEL, base=RecordModel)
    side.open(bundle)
    with side.error_prefix(), error_context("reading records"), _definition_errors():
        if not hasattr(side.dataset, "discover"):
            raise TaskFailure("this adapter has models of its own, so there is nothing to discover.")
        return _of_api(side) if adapter == API else _of_places(side)


@contextmanager
def _definition_errors() -> Iterator[None]:
    try:
        yield
    except DefinitionError as error:
        raise TaskFailure(str(error)) from error


def _named(given: Any, there: Sequence[Any], title: str) -> dict[str, Any]:
    """Return name of each model → its place.

    Args:
        given: the option ``tables``: a list of places, or model to place; None for all.
        there: the places that the system lists.
        title: the name of a place that has none.
    """
    if given is None and len(there) > MOST_TABLES:
        raise TaskFailure(f"there are {len(there)} tables{known('', there)}; name those that matter in tables.")
    if isinstance(given, Mapping):
        return {str(name): place for name, place in given.items()}
    named: dict[str, Any] = {}
    for place in there if given is None else given if isinstance(given, list) else [given]:
        name = model_name(place, title)
        numbered = (f"{name}_{number}" for number in range(2, MOST_TABLES + len(named) + 2))
        named[next((one for one in (name, *numbered) if one not in named), name)] = place
    if not named:
        raise TaskFailure("nothing is known of where its records are; name the places in tables.")
    return named


def _of_places(side: Side) -> Discovered:
    """Return the tables of a database, a file, or another system that lists its places."""
    dataset: Any = side.dataset
    named = _named(side.params["tables"], dataset.places(), PurePath(dataset.name).name.partition(".")[0])
    found = Discovered({name: _table(side, place, dataset.discover(_declared(side, place))) for name, place in named.items()})
    there = {json.dumps(table.place) for table in found.tables.values()}
    for table in list(found.tables.values()):
        for place, _key in table.schema.references.values():
            if json.dumps(place) not in there and place not in found.others:
                found.others[place] = _table(side, place, dataset.discover(_declared(side, place)))
    return found


def _declared(side: Side, place: Any) -> Declared:
    return Declared(place, f"{side.role}.tables")


def _table(side: Side, place: Any, what: tuple[Sequence[Any], Schema]) -> Table:
    dataset: Any = side.dataset
    title = f"{place} of {dataset.name}" if isinstance(place, str) else dataset.name
    return table_of(place, title, what[0], what[1], dataset.empty_is_none)


# ---------------------------------------------------------------------- APIs


def _of_api(side: Side) -> Discovered:
    """Return the collections of an API, as its description or its answers show them."""
    dataset: Any = side.dataset
    described: dict[str, CollectionOf] = {}
    if side.params["openapi"] is not None:
        described = collections_of(_description(side), side.params["options"].get("base_url") or "")
    named = _named(side.params["tables"], list(described), "record")
    tables: dict[str, Table] = {}
    endpoints: dict[str, Any] = {}
    for name, path in named.items():
        schema = Schema({})
        if described:
            if path not in described:
                raise TaskFailure(f'tables: the description has no collection "{path}"{known(path, described)}.')
            endpoint, schema = dict(described[path].endpoint), Schema(described[path].fields)
        else:
            answer = dataset.answer_at(_path(path))
            endpoint = endpoint_of_answer(path, answer.json(), answer.next_link() is not None)
        records: Sequence[Any] = ()
        if side.params["read_records"]:
            records, reported = dataset.discover(Declared(endpoint, f"{side.role}.tables"))
            schema = schema if described else reported
        tables[name] = _table(side, path, (records, schema))
        endpoints[path] = endpoint
    return Discovered(tables, endpoints=endpoints)


def _path(path: Any) -> str:
    if not isinstance(path, str) or not path.startswith("/"):
        raise TaskFailure(f'tables: {path!r} should be the path of a collection, which begins with "/".')
    return path


def _description(side: Side) -> Any:
    """Return the description of an API, read from an address or a file. Raises TaskFailure, RecordProblem or LibraryMissing."""
    place: str = side.params["openapi"]
    dataset: Any = side.dataset
    if place.startswith(_ADDRESSES):
        text = dataset.answer_at(place).text
    else:
        with reading(place) as stream:
            text = stream.read().decode("utf-8", "replace")
    try:
        return json.loads(text)
    except ValueError:
        return _of_yaml(text, place)


def _of_yaml(text: str, place: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise LibraryMissing("A description in YAML requires the library PyYAML, which is not installed", "PyYAML") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecordProblem(f"{place} is neither JSON nor YAML: {' '.join(str(error).split())}") from None
