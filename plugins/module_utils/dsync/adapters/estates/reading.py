# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a source of truth: which kinds the models of a task are of, their objects side by side, and who is whose parent."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, ClassVar

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...model.model import DSyncModel
from ...records.declaration_reader import Declared
from ...records.definition import DataModel, data_model
from ...records.mapping import ModelMap, Record
from ..core.base import RecordAdapter, RecordModel
from .cache import CHANGED, Cache
from .identity import Identity, Native, Natives, ServerId, lacking
from .kinds import Kind, Kinds
from .names import Names
from .options import EstateOptions
from .outside import Outside
from .records import Records, fitted, id_of, wanted_fields
from .schema import Schema
from .session import Session
from .twins import same_identity, unclear_references

logger = logging.getLogger("dsync")

_MOST_NAMED = 5
"""How many of the objects that are not loaded a warning names."""


class EstateReader(RecordAdapter):
    """The part of :class:`.adapter.EstateAdapter` that reads.

    Args:
        options: those of :class:`.options.EstateOptions`.

    Raises:
        DefinitionError: naming the option.
    """

    kinds: ClassVar[Kinds]

    _schema: Schema
    """What the server describes of its kinds; a subclass sets it."""
    _session: Session
    """What sends requests; a subclass sets it."""

    def __init__(self, options: EstateOptions) -> None:
        super().__init__()
        self.name = options.url
        self._filters = self._checked_filters(Declared(options.filters, "options.filters"))
        self._workers, self._owner_tag = options.workers, options.owner_tag
        self._cache_path, self._full_every = options.cache, options.full_every
        self._cache: Cache | None = None
        self._fetched: dict[str, Sequence[Native]] = {}
        self._by_id: dict[str, dict[ServerId, Record]] = {}
        self._aside: dict[tuple[str, str], list[str]] = {}
        self._twins: dict[str, int] = {}
        self._identities: dict[str, Identity | None] = {}
        outside = Outside(self._listed_to_identify)
        self.names = Names(self._identity, self._some_fields, outside, self._references_of, briefly=options.cache is None)
        self._converted = Records(self.names, self.kinds, self.plain_value, self._owner_tag, self._typed)
        self._kinds_found: dict[str, Kind] = {}

    def close(self) -> None:
        """Close the connections to the server; that happens by itself when nothing refers to the adapter any more."""
        self._session.close()

    # ------------------------------------------------------------------ for subclasses to define

    @staticmethod
    def plain_value(value: Any) -> Any:
        """Return a value of the server as records hold it; of a choice, which the server gives with a label, that is the value."""
        return value["value"] if isinstance(value, Mapping) and value.keys() == {"value", "label"} else value

    def about_server(self) -> Any:
        """Ask the server what it is, and return what its records depend on, such as its release.

        Raises:
            RecordProblem: it cannot be reached, does not let one in, or is too old.
        """
        raise NotImplementedError

    def about_load(self) -> Any:
        """Return the same as :meth:`about_server` before a load, which may ask less if the load shows it. Raises RecordProblem."""
        return self.about_server()

    def list_natives(self, endpoint: str, parameters: Mapping[str, Any], found: Natives | None = None) -> Natives:
        """Return the objects at an endpoint, those of all pages. Called by several threads. Raises RecordProblem.

        Args:
            endpoint: such as ``dcim/sites``.
            parameters: of the list.
            found: gets the objects as they come, for others to see how far it is.
        """
        raise NotImplementedError

    def read_natives(
        self, kind: Kind, fields: set[str] | None, parameters: Mapping[str, Any], filters: Mapping[str, Any], found: Natives
    ) -> Natives:
        """Return the objects of a kind, read as takes least. Otherwise as :meth:`list_natives`.

        Args:
            kind: theirs.
            fields: the server's fields that are needed; None for all.
            parameters: of the list, with which it has these fields.
            filters: parameters that choose objects.
            found: gets the objects, some of them as they come.
        """
        return self.list_natives(kind.endpoint, {**parameters, **filters}, found)

    def fields_parameters(self, kind: Kind, fields: set[str] | None) -> dict[str, Any]:
        """Return the parameters that ask for these of the server's fields; None for all that there are."""
        raise NotImplementedError

    def check_filters(self, kind: Kind, filters: Mapping[str, Any]) -> None:
        """Ask a server that ignores filters which it does not know whether it knows these. Raises RecordProblem."""

    # ------------------------------------------------------------------ models and kinds

    @classmethod
    def own_models(cls) -> DataModel:
        """Return the models that the adapter has where a task declares none."""
        return data_model(cls.kinds.declaration(), base=RecordModel)

    def _kind(self, mapped: ModelMap) -> Kind:
        """Return the kind of the objects of a model. Raises DefinitionError."""
        found = self._kinds_found.get(mapped.name)
        if found is None:
            found = self._kinds_found[mapped.name] = self._found_kind(mapped.place, mapped.name)
        return found

    def _found_kind(self, place: Declared, model: str) -> Kind:
        name = model if place.value is None else place.text()
        if name in self.kinds:
            return self.kinds[name]
        endpoints = [name.strip("/").removeprefix("api/")] if "/" in name else self._schema.endpoints(name)
        if len(endpoints) > 1:
            place.wrong(f'"{name}" are the objects of several endpoints of {self.type}: write one of {", ".join(endpoints)}.')
        if not endpoints:
            there = dict.fromkeys([*self.kinds.names, *self._schema.names])
            place.wrong(f'there is no "{name}" in {self.type}{known(name, there)}; an endpoint is written like dcim/sites.')
        return self._schema.kind(endpoints[0])

    def _typed(self, content_type: Any) -> Kind | None:
        """Return the kind that the server calls by a name such as ``dcim.site``; None if there is none."""
        return self._schema.kind_of(content_type)

    def check_place(self, mapped: ModelMap) -> None:
        self._kind(mapped)

    def _checked_filters(self, filters: Declared) -> dict[str, dict[str, Any]]:
        if filters.value is None:
            return {}
        return {model: dict(piece.value) for model, piece in filters.mapping(self._maps) if list(piece.mapping()) is not None}

    @cached_property
    def _models_of(self) -> dict[str, list[ModelMap]]:
        """Name of a kind → the models that are made of its objects."""
        found: dict[str, list[ModelMap]] = {}
        for mapped in self._maps.values():
            found.setdefault(self._kind(mapped).name, []).append(mapped)
        return found

    @cached_property
    def _own_maps(self) -> Mapping[str, ModelMap]:
        return type(self).bound(self.own_models())._maps

    @cached_property
    def _brief_maps(self) -> Mapping[str, ModelMap]:
        """Name of a kind → the model of its objects as others refer to them, if that is not all that identifies them."""
        declared = {kind.name: kind.briefly() for kind in self.kinds if kind.called}
        return type(self).bound(data_model(declared, base=RecordModel))._maps

    def _identity(self, kind: Kind) -> Identity | None:
        if kind.name not in self._identities:
            maps = self._models_of.get(kind.name)
            self._identities[kind.name] = Identity(kind, maps) if maps else self._own_identity(kind) if kind.known else None
        return self._identities[kind.name]

    def _own_identity(self, kind: Kind) -> Identity:
        """Return how objects of a kind are identified that is not among the models of the task."""
        whole = Identity(kind, [self._own_maps[kind.name]])
        return Identity(kind, [self._brief_maps[kind.name]], whole) if kind.called else whole

    def _some_fields(self, kind: Kind, native: Native, names: Sequence[str]) -> dict[str, Any]:
        return self._converted.some(kind, native, names)

    def _references_of(self, kind: Kind, native: Native) -> Iterable[tuple[Kind, Any]]:
        return self._converted.referred(kind, native)

    def _kind_of(self, model: str) -> Kind | None:
        """Return the kind of the objects of a model, of the task or of the adapter; None if there is none."""
        if model in self._maps:
            return self._kind(self._maps[model])
        return self.kinds.get(model)

    # ------------------------------------------------------------------ loading

    def load(self) -> None:
        """Ask the server for all objects of the models, several models at a time, and add an object for each.

        Raises:
            RecordProblem: the server refuses, or cannot be reached; or an identity occurs twice, even of an object that is only
                referred to.
            DefinitionError: the mapping does not fit what the server has.
        """
        about = self.about_load()
        self.unclear.clear()
        for mapped in self._maps.values():
            self._kind(mapped)
        if self._cache_path is not None:
            self._cache = Cache(self._cache_path, [self.name, about], self._full_every)
        for mapped, natives in zip(self._maps.values(), self._at_once(self._fetch, list(self._maps.values()))):
            self._fetched[mapped.name] = natives
            self.names.met(self._kind(mapped), natives)
        super().load()
        self.names.check()
        if self._cache is not None:
            self._cache.keep()
        for (model, reason), places in self._aside.items():
            objects = f"{len(places)} {model} object{'s' if len(places) > 1 else ''}"
            more = ", …" if len(places) > _MOST_NAMED else ""
            self.warn(f"{objects} not loaded: {reason} ({', '.join(places[:_MOST_NAMED])}{more})")

    def probe(self) -> bool:
        self.about_server()
        for mapped in self._maps.values():
            self._kind(mapped)
        return True

    def not_loaded(self) -> dict[str, int]:
        """Return model's name → how many of its objects were not loaded because something that identifies them is missing."""
        found = dict(self._twins)
        for (model, _reason), places in self._aside.items():
            found[model] = found.get(model, 0) + len(places)
        return found

    def _fetch(self, mapped: ModelMap) -> Sequence[Native]:
        kind = self._kind(mapped)
        fields = self._wanted_fields(mapped)
        if fields is not None and self._cache is not None:
            fields.add(CHANGED)
        filters = self._filters.get(mapped.name, {})
        parameters = self.fields_parameters(kind, fields)
        found: list[dict[str, Any]] = []
        self.records_read[mapped.name] = found
        try:
            self.check_filters(kind, filters)
            if self._cache is None:
                self.read_natives(kind, fields, parameters, filters, found)
            else:
                chosen = {**parameters, **filters}
                found.extend(self._cache.listed(kind.endpoint, chosen, lambda more: self._listing(kind, chosen, more)))
        except RecordProblem as problem:
            raise RecordProblem(f"{mapped.name} cannot be loaded: {problem}") from None
        logger.info("%s: %d %s objects loaded", self.name, len(found), mapped.name)
        return found

    def _wanted_fields(self, mapped: ModelMap) -> set[str] | None:
        return wanted_fields(self._kind(mapped), mapped, self._owner_tag is not None, self._parent_field(mapped))

    def _listing(self, kind: Kind, parameters: Mapping[str, Any], more: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        return self.list_natives(kind.endpoint, {**parameters, **more})

    def _listed_to_identify(self, kind: Kind, chosen: Mapping[str, Any]) -> Iterable[Native]:
        identity = self._identity(kind)
        names = None if identity is None else [*identity.fields, *(identity.wider.fields if identity.wider else ())]
        fields = None if names is None else {"id", *kind.natives_of(names)}
        parameters = self.fields_parameters(kind, fields)
        if chosen:
            return self.list_natives(kind.endpoint, {**parameters, **chosen})
        return self.read_natives(kind, fields, parameters, {}, [])

    def _at_once(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        with ThreadPoolExecutor(self._workers, thread_name_prefix="dsync-load") as pool:
            futures = [pool.submit(work, item) for item in items]
            try:
                for future in futures:
                    yield future.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        kind = self._kind(mapped)
        above, wanted = self._parent_field(mapped), self._wanted_fields(mapped)
        for native in self._fetched.pop(mapped.name, ()):
            if self._owner_tag is not None and kind is self.kinds.get("tag") and native.get("name") == self._owner_tag:
                continue
            record = self._converted.whole(kind, native, wanted)
            if above is not None:
                record[f"{above}_id"] = id_of(native.get(above))
            reason = self._not_loadable(mapped, record, native) or self._unclear_reason(mapped, record, native)
            if not reason:
                yield fitted(kind, mapped, record)
            elif self._is_wanted(mapped, record):
                self._aside.setdefault((mapped.name, reason), []).append(self._titled(mapped, record, native))

    def _not_loadable(self, mapped: ModelMap, record: Record, native: Native) -> str:
        """Return why no object can be made of a record: NetBox, for one, has devices that nobody has given a name."""
        names = lacking(self._kind(mapped), mapped, record, native)
        if names:
            named = ", ".join(f'"{name}"' for name in names)
            return f"null in {named} does not identify; declare that it may be, as in str | None, or identify by other fields"
        if self._parent_field(mapped) is not None and self.parent_of(mapped, record) is None:
            return f"the {self._parent_map(mapped).name} that each is part of is not loaded"
        return ""

    def _unclear_reason(self, mapped: ModelMap, record: Record, native: Native) -> str:
        """Return why it is not clear what identifies the object of a record, and take note of the identity that it might have."""
        kind = self._kind(mapped)
        unclear = unclear_references(kind, self.kinds, mapped, record, self.names)
        if not unclear:
            return ""
        identity, (field, shared) = self._identity(kind), next(iter(unclear.items()))
        uid = None if identity is None else identity.of({**record, **unclear}, native)
        reason = f'"{field}" is "{shared}", which is the name of several {kind.refs[field]} objects'
        if uid is not None:
            self.unclear.setdefault(mapped.name, {})[uid] = f"{self.name} has objects for it of which {reason}"
        return f"{reason}; add {kind.refs[field]} to the models, with identifiers that distinguish them"

    def _is_wanted(self, mapped: ModelMap, record: dict[str, Any]) -> bool:
        try:
            return mapped.wants(fitted(self._kind(mapped), mapped, record))
        except RecordProblem as problem:
            raise RecordProblem(f"{self.describe(mapped, record)}: {problem}") from problem

    def _titled(self, mapped: ModelMap, record: Record, native: Native) -> str:
        """Return where an object is, and what the server calls it."""
        title = native.get("display") or native.get("name")
        return f"{self.describe(mapped, record)}{f', {title}' if title else ''}"

    def _add(self, mapped: ModelMap, records: Any, rows: Any, parent_ids: Any) -> None:
        twins = same_identity(mapped, rows)
        if twins:
            self._note_twins(mapped, records, rows, twins)
            left = {place for places in twins.values() for place in places}
            records, rows = ([one for place, one in enumerate(some) if place not in left] for some in (records, rows))
        super()._add(mapped, records, rows, parent_ids)
        kind = self._kind(mapped)
        for uid, record in self._records[mapped.name].items():
            self.names.note(kind, record["id"], uid)
        self._by_id[mapped.name] = {record["id"]: record for record in self._records[mapped.name].values()}

    def _note_twins(self, mapped: ModelMap, records: Any, rows: Any, twins: Mapping[str, Sequence[int]]) -> None:
        """Take note of objects that are not loaded because others have the same identity, and warn of them."""
        places = [self.describe(mapped, records[place]) for some in twins.values() for place in some]
        named = [f'"{uid}": {" and ".join(self.describe(mapped, records[place]) for place in some)}' for uid, some in twins.items()]
        one, other, *_more = next(iter(twins.values()))
        way_out = self._distinguished(mapped, rows[one], rows[other])
        more = ", …" if len(named) > _MOST_NAMED else ""
        self.warn(
            f"{len(places)} {mapped.name} objects not loaded: others have the same identity "
            f"({', '.join(named[:_MOST_NAMED])}{more}){way_out}"
        )
        self._twins[mapped.name] = len(places)
        self.unclear.setdefault(mapped.name, {}).update(
            (uid, f"{self.name} has {len(some)} {mapped.name} objects of this identity") for uid, some in twins.items()
        )

    def describe(self, mapped: ModelMap, record: Record) -> str:
        where = next((f", {name} {record[name]}" for name in ("site", "device", "tenant", "vrf") if record.get(name)), "")
        return f"{self._kind(mapped).endpoint}/{record['id']}{where}" if "id" in record else self._kind(mapped).endpoint

    def renamed(self, obj: DSyncModel, before: str) -> None:
        super().renamed(obj, before)
        record, uid = self._records[obj.get_type()].get(obj.get_unique_id()), obj.get_unique_id()
        if record is not None:
            self.names.note(self._kind(self._maps[obj.get_type()]), record["id"], uid)

    def holds(self, model: str, unique_id: str) -> bool:
        """Return whether the server has an object, loaded or not."""
        if super().holds(model, unique_id):
            return True
        kind, mapped = self._kind_of(model), self._maps.get(model)
        chosen = mapped is None or bool(model in self._filters or mapped.keep or mapped.drop or mapped.where)
        if kind is None or not chosen:
            return False
        return self.names.knows(kind, unique_id)

    # ------------------------------------------------------------------ parents

    def _parent_field(self, mapped: ModelMap) -> str | None:
        """Return the field of a child that refers to its parent; None if there is none, or no parent."""
        if mapped.name not in self.data_model.parents:
            return None
        above = self._kind(self._parent_map(mapped)).name
        kind = self._kind(mapped)
        found = [name for name, other in kind.refs.items() if other == above]
        return next((name for name in found if name in kind.identifiers), found[0] if len(found) == 1 else None)

    def knows_parents(self, mapped: ModelMap) -> bool:
        return self._parent_field(mapped) is not None

    def parent_of(self, mapped: ModelMap, record: Record) -> Record | None:
        above = self._by_id.get(self._parent_map(mapped).name, {})
        return above.get(record[f"{self._parent_field(mapped)}_id"])
