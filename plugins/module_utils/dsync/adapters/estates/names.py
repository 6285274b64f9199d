# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Unique ids of objects ↔ the ids that a server gave them, so that no number of a server is ever compared or shown."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ..._util.pydantic import TypeAdapter, ValidationError
from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...model.identity import id_reader
from ...records.mapping import FieldMap, ModelMap
from ...records.path import MISSING
from .kinds import Kind

ServerId: TypeAlias = "int | str"
"""What a server calls an object by."""

Native = Mapping[str, Any]
Natives = list[dict[str, Any]]
"""An object as a server reports it."""


class Identity:
    """How the unique id of an object is made of what the server reports of it.

    Args:
        kind: the object's.
        maps: the models that are made of objects of that kind: those of the task, or the adapter's own.
        wider: the identity that distinguishes objects which have the same one here; None if there is none.
    """

    def __init__(self, kind: Kind, maps: Sequence[ModelMap], wider: Identity | None = None) -> None:
        self.kind, self._maps, self.wider = kind, maps, wider
        self._checks = {
            (mapped.name, name): TypeAdapter(mapped.model.model_fields[name].rebuild_annotation())
            for mapped in maps
            for name in mapped.model._identifiers
        }
        found = {name: None for mapped in maps for name in _sources(mapped)}
        self.fields: tuple[str, ...] = tuple(found)
        """The fields of a record that make up the unique id, as far as no expression looks for others."""

    def of(self, record: Mapping[str, Any], native: Native) -> str | None:
        """Return the unique id of an object; None where something that identifies it is missing, or it is no model's.

        Args:
            record: of the object; it has :attr:`fields` at least.
            native: what the record was made of.
        """
        for mapped in self._maps:
            try:
                if len(self._maps) > 1 and not mapped.wants(record):
                    continue
                return None if lacking(self.kind, mapped, record, native) else self._unique_id(mapped, record)
            except RecordProblem:
                continue
        return None

    def spelled(self, uid: str) -> str:
        """Return a unique id as objects have it, such as with ``2001:db8::1`` for ``2001:DB8:0::1``; another string as it is."""
        for mapped in self._maps:
            checks = [self._checks[mapped.name, name].validate_python for name in mapped.model._identifiers]
            with contextlib.suppress(ValidationError):
                return id_reader(mapped.model._declaration.mixed, checks)(uid)
        return uid

    def _unique_id(self, mapped: ModelMap, record: Mapping[str, Any]) -> str | None:
        ids = {}
        for name in mapped.model._identifiers:
            field = mapped.fields[name]
            value = field.value_of(record)
            if value == "" and field.nullable:
                value = None
            elif value is None and not field.nullable and _head(field) in self.kind.refs:
                value = ""
            elif value is MISSING or (value is None and not field.nullable):
                return None
            try:
                ids[name] = self._checks[mapped.name, name].validate_python(value)
            except ValidationError:
                return None
        return mapped.model.create_unique_id(**ids)


def lacking(kind: Kind, mapped: ModelMap, record: Mapping[str, Any], native: Native) -> list[str]:
    """Return the fields of a record without which it does not identify an object.

    Null identifies where the identifier may be null, and where it is a reference by which the server distinguishes objects. A
    reference to an object that has no unique id itself never does.
    """
    found = []
    for name in mapped.model._identifiers:
        field = mapped.fields[name]
        head = _head(field)
        empty = field.nullable or field.default is not MISSING or (head in kind.refs and head in kind.identifiers)
        if record.get(head, MISSING) is None and (kind.holds(native, head) or not empty):
            found.append(head)
    return found


def _head(field: FieldMap) -> str:
    return field.source[0] if field.source else ""


def _sources(mapped: ModelMap) -> Iterable[str]:
    fields = [mapped.fields[name] for name in mapped.model._identifiers]
    return (field.source[0] for field in fields if field.source)


class Names:
    """Finds the unique ids of objects by the server's ids, and the other way round; may be used by several threads.

    Args:
        identity: returns how objects of a kind are identified; None for a kind of which nothing is known.
        record_of: returns some fields of a record, by names, of what the server reports of an object.
        listed: returns what the server reports of all objects of a kind, as far as it identifies them.
        briefly: whether the little that a server reports of an object that another one refers to may be relied on.
    """

    def __init__(
        self,
        identity: Callable[[Kind], Identity | None],
        record_of: Callable[[Kind, Native, Sequence[str]], dict[str, Any]],
        listed: Callable[[Kind], Iterable[Native]],
        briefly: bool,
    ) -> None:
        self._identity, self._record_of, self._listed, self._briefly = identity, record_of, listed, briefly
        self._natives: dict[str, dict[ServerId, Native]] = {}
        self._uids: dict[str, dict[ServerId, str | None]] = {}
        self._ids: dict[str, dict[str, dict[ServerId, None]]] = {}
        self._referred: dict[str, tuple[Kind, set[str]]] = {}
        self._shared: dict[tuple[str, str], str] = {}
        self._apart: dict[tuple[str, str], ServerId] = {}
        self._identifying = 0
        self._loaded: set[str] = set()
        self._surveyed: set[str] = set()
        self._listed_already: set[str] = set()
        self._complete: set[str] = set()
        self._lock = threading.RLock()

    def met(self, kind: Kind, natives: Iterable[Native]) -> None:
        """Take note of what the server reports of objects; their unique ids are made when they are asked for."""
        with self._lock:
            self._loaded.add(kind.name)
            self._natives.setdefault(kind.name, {}).update((native["id"], native) for native in natives)

    def note(self, kind: Kind, server_id: ServerId, uid: str) -> None:
        """Take note of the unique id of an object, which may have had another one."""
        with self._lock:
            if self._uids.get(kind.name, {}).get(server_id) not in (None, uid):
                self.forget(kind, server_id)
            self._uids.setdefault(kind.name, {})[server_id] = uid
            self._ids.setdefault(kind.name, {}).setdefault(uid, {})[server_id] = None

    def forget(self, kind: Kind, server_id: ServerId) -> None:
        """Take note that an object is gone, or that its unique id is."""
        with self._lock:
            uid = self._uids.get(kind.name, {}).pop(server_id, None)
            if uid is not None:
                there = self._ids[kind.name][uid]
                del there[server_id]
                if not there:
                    del self._ids[kind.name][uid]

    def uid(self, kind: Kind, brief: Any) -> str | None:
        """Return the unique id of an object to which another one refers.

        Args:
            kind: its kind.
            brief: its id, or the little that the server reports of it.

        Returns:
            None where there is no such object, or it has no name. If several objects have the same unique id, one that tells them
            apart (:meth:`shared`).
        """
        with self._lock:
            server_id = brief["id"] if isinstance(brief, Mapping) else brief
            uid = self._uid(kind, server_id, brief)
            if uid is None or self._identifying or self._identity(kind) is None:
                return uid
            if not self._survey(kind):
                self._referred.setdefault(kind.name, (kind, set()))[1].add(uid)
                return uid
            return uid if len(self._ids[kind.name][uid]) < 2 else self._distinct(kind, uid)[server_id]

    def shared(self, kind: Kind, uid: Any) -> str | None:
        """Return the unique id that several objects have, given what :meth:`uid` returned for one of them; otherwise None."""
        return self._shared.get((kind.name, uid))

    def _survey(self, kind: Kind) -> bool:
        """Make the unique ids of all objects of a kind that are known, or can be listed soon; return whether there are any such."""
        if kind.name in self._surveyed:
            return True
        if kind.name not in self._loaded and not kind.twins and kind.name not in self._listed_already:
            return False
        self._surveyed.add(kind.name)
        if kind.name not in self._loaded:
            self._list(kind)
        for server_id, native in list(self._natives.get(kind.name, {}).items()):
            self._uid(kind, server_id, native)
        return True

    def _distinct(self, kind: Kind, uid: str) -> dict[ServerId, str]:
        """Return the server's ids of objects that have the same unique id → unique ids that distinguish them."""
        natives, identity = self._natives.get(kind.name, {}), self._identity(kind)
        wider = None if identity is None else identity.wider
        names: dict[str, list[ServerId]] = {}
        for server_id in self._ids[kind.name][uid]:
            native = natives.get(server_id)
            name = None if wider is None or native is None else self._identified(kind, wider, native)
            names.setdefault(name or "", []).append(server_id)
        found = {}
        for name, ids in names.items():
            for server_id in ids:
                distinct = name if name and len(ids) == 1 else f"{uid} ({kind.endpoint}/{server_id})"
                found[server_id] = distinct
                self._shared[kind.name, distinct], self._apart[kind.name, distinct] = uid, server_id
        return found

    def _identified(self, kind: Kind, identity: Identity, native: Native) -> str | None:
        self._identifying += 1
        try:
            return identity.of(self._record_of(kind, native, identity.fields), native)
        finally:
            self._identifying -= 1

    def _uid(self, kind: Kind, server_id: ServerId, brief: Any) -> str | None:
        table = self._uids.setdefault(kind.name, {})
        if server_id not in table:
            table[server_id] = None  # an object that is identified by itself has no name
            uid = self._made(kind, server_id, brief)
            if uid is not None:
                self.note(kind, server_id, uid)
        return table[server_id]

    def _made(self, kind: Kind, server_id: ServerId, brief: Any) -> str | None:
        identity = self._identity(kind)
        if identity is None:
            return self._called(kind, server_id, brief)
        native = self._natives.get(kind.name, {}).get(server_id)
        if native is None and self._briefly and isinstance(brief, Mapping) and kind.natives_of(identity.fields) <= brief.keys():
            native = brief
        if native is None:
            self._list(kind)
            native = self._natives.get(kind.name, {}).get(server_id)
        return None if native is None else self._identified(kind, identity, native)

    def _called(self, kind: Kind, server_id: ServerId, brief: Any) -> str:
        """Return what an object of a kind is called of which nothing is known: as little as may be is asked of the server."""
        if not isinstance(brief, Mapping) or not (brief.get("name") or brief.get("display")):
            self._list(kind)
            brief = self._natives.get(kind.name, {}).get(server_id, {})
        return str(brief.get("name") or brief.get("display") or server_id)

    def _list(self, kind: Kind) -> None:
        """Ask the server for all objects of a kind, once."""
        if kind.name not in self._listed_already:
            self._listed_already.add(kind.name)
            there = self._natives.setdefault(kind.name, {})
            for native in self._listed(kind):
                there.setdefault(native["id"], native)

    def _complete_ids(self, kind: Kind) -> dict[str, dict[ServerId, None]]:
        """Return unique id → the server's ids of all objects of a kind."""
        if kind.name not in self._complete:
            self._complete.add(kind.name)
            self._list(kind)
            for server_id, native in list(self._natives.get(kind.name, {}).items()):
                self._uid(kind, server_id, native)
        return self._ids.setdefault(kind.name, {})

    def _ids_of(self, kind: Kind, uid: str) -> dict[ServerId, None]:
        """Return the server's ids of the objects that have a unique id, those that were loaded first of all."""
        there = self._ids.setdefault(kind.name, {})
        if uid not in there or kind.name not in self._loaded:
            there = self._complete_ids(kind)
        identity = self._identity(kind)
        return there.get(uid) or ({} if identity is None else there.get(identity.spelled(uid), {}))

    def knows(self, kind: Kind, uid: str) -> bool:
        """Return whether the server has an object, or several, with a unique id."""
        with self._lock:
            return bool(self._ids_of(kind, uid))

    def server_id(self, kind: Kind, uid: str) -> ServerId:
        """Return the server's id of an object. Raises RecordProblem where the server has none of that name, or several."""
        with self._lock:
            found = self._ids_of(kind, uid)
            if not found and self._identity(kind) is not None:
                for shared in [one for one, ids in self._ids[kind.name].items() if len(ids) > 1]:
                    self._distinct(kind, shared)
                found = {self._apart[kind.name, uid]: None} if (kind.name, uid) in self._apart else found
            if not found:
                raise RecordProblem(f'the server has no {kind.name} "{uid}"{known(uid, self._ids[kind.name])}')
            self._check_alone(kind, uid, found)
            return next(iter(found))

    def check(self) -> None:
        """Raise RecordProblem where objects refer to others by a unique id that several of them have, of a kind that is neither
        loaded nor listed: it was not known when the reference was read."""
        with self._lock:
            for kind, uids in list(self._referred.values()):
                there = self._ids[kind.name]
                for uid in sorted(uids & there.keys()):
                    self._check_alone(kind, uid, there[uid])

    def _check_alone(self, kind: Kind, uid: str, found: Iterable[ServerId]) -> None:
        ids = sorted(found, key=lambda one: (len(str(one)), str(one)))
        if len(ids) > 1:
            both = " and ".join(f"{kind.endpoint}/{server_id}" for server_id in ids[:2])
            identity = self._identity(kind)
            names = sorted(self._distinct(kind, uid).values()) if identity is not None and identity.wider is not None else []
            either = f"write {' or '.join(chr(34) + name + chr(34) for name in names[:2])}, or " if names else ""
            raise RecordProblem(
                f'"{uid}" is the name of {len(ids)} {kind.name} objects, such as {both}; {either}add {kind.name} to the models, '
                "with identifiers that distinguish them"
            )
