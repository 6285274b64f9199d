# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Unique ids of objects ↔ the ids that a server gave them, so that no number of a server is ever compared or shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from .identity import Identity, Native, ServerId
from .kinds import Kind
from .outside import Outside


class Names:
    """Finds the unique ids of objects by the server's ids, and the other way round; may be used by several threads.

    Args:
        identity: returns how objects of a kind are identified; None for a kind of which nothing is known.
        record_of: returns some fields of a record, by names, of what the server reports of an object.
        outside: asks the server for objects that are not loaded.
        referred: returns the objects to which an object refers: the kind, and the id or the little that the server reports of each.
        briefly: whether the little that a server reports of an object that another one refers to may be relied on.
    """

    def __init__(
        self,
        identity: Callable[[Kind], Identity | None],
        record_of: Callable[[Kind, Native, Sequence[str]], dict[str, Any]],
        outside: Outside,
        referred: Callable[[Kind, Native], Iterable[tuple[Kind, Any]]],
        briefly: bool,
    ) -> None:
        self._identity, self._record_of, self._briefly = identity, record_of, briefly
        self._outside, self._refers = outside, referred
        self._natives: dict[str, dict[ServerId, Native]] = {}
        self._uids: dict[str, dict[ServerId, str | None]] = {}
        self._ids: dict[str, dict[str, dict[ServerId, None]]] = {}
        self._referred: dict[str, tuple[Kind, set[str]]] = {}
        self._shared: dict[tuple[str, str], str] = {}
        self._apart: dict[tuple[str, str], ServerId] = {}
        self._identifying = 0
        self._loaded: set[str] = set()
        self._unread: list[tuple[Kind, list[Native]]] = []
        self._mentioned: dict[str, dict[ServerId, Any]] = {}
        self._asked: dict[str, set[ServerId]] = {}
        self._sought: dict[str, set[str]] = {}
        self._expected: dict[str, set[str]] = {}
        self._complete: set[tuple[str, bool]] = set()
        self._lock = threading.RLock()

    def met(self, kind: Kind, natives: Iterable[Native]) -> None:
        """Take note of what the server reports of objects; their unique ids are made when they are asked for."""
        with self._lock:
            self._loaded.add(kind.name)
            self._unread.append((kind, found := list(natives)))
            self._natives.setdefault(kind.name, {}).update((native["id"], native) for native in found)

    def expect(self, kind: Kind, uids: Iterable[str]) -> None:
        """Take note of unique ids whose ids will be asked for, so that the server is asked for several at a time."""
        with self._lock:
            self._expected.setdefault(kind.name, set()).update(uids)

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
            None if there is no such object, or it has no name. If several objects have the same unique id, one that tells them
            apart (:meth:`shared`).
        """
        with self._lock:
            server_id = brief["id"] if isinstance(brief, Mapping) else brief
            uid = self._uid(kind, server_id, brief)
            if uid is None or self._identifying or self._identity(kind) is None:
                return uid
            if not self._survey(kind, uid):
                self._referred.setdefault(kind.name, (kind, set()))[1].add(uid)
                return uid
            return uid if len(self._ids[kind.name][uid]) < 2 else self._distinct(kind, uid)[server_id]

    def shared(self, kind: Kind, uid: Any) -> str | None:
        """Return the unique id that several objects have, given what :meth:`uid` returned for one of them; otherwise None."""
        return self._shared.get((kind.name, uid))

    def _survey(self, kind: Kind, uid: str) -> bool:
        """Make sure that all objects of a kind that have a unique id are known; return whether that takes few requests."""
        if kind.name in self._loaded or self._outside.has_all(kind):
            self._name_all(kind)
        elif not kind.twins:
            return False
        elif uid not in self._sought.setdefault(kind.name, set()):
            for server_id, brief in list(self._met_by_reference(kind).items()):
                self._uid(kind, server_id, brief)
            self._seek(kind, {uid, *(one for one in self._uids[kind.name].values() if one is not None)})
        return True

    def _name_all(self, kind: Kind) -> None:
        """Make the unique ids of all objects of a kind that are known, once they were loaded, and once all were asked for."""
        key = kind.name, self._outside.has_all(kind)
        if key in self._complete:
            return
        self._complete.add(key)
        for server_id, native in list(self._natives.get(kind.name, {}).items()):
            self._uid(kind, server_id, native)

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
            self._meet(kind, server_id)
            native = self._natives.get(kind.name, {}).get(server_id)
        return None if native is None else self._identified(kind, identity, native)

    def _called(self, kind: Kind, server_id: ServerId, brief: Any) -> str:
        """Return what an object of a kind is called of which nothing is known: as little as may be is asked of the server."""
        if not isinstance(brief, Mapping) or not (brief.get("name") or brief.get("display")):
            self._meet(kind, server_id)
            brief = self._natives.get(kind.name, {}).get(server_id, {})
        return str(brief.get("name") or brief.get("display") or server_id)

    # ------------------------------------------------------------------ asking the server

    def _met_by_reference(self, kind: Kind) -> dict[ServerId, Any]:
        """Return the ids of the objects of a kind to which others refer → what the server reports of them there."""
        while self._unread:
            holder, natives = self._unread.pop()
            for native in natives:
                for other, brief in self._refers(holder, native):
                    server_id = brief["id"] if isinstance(brief, Mapping) else brief
                    self._mentioned.setdefault(other.name, {})[server_id] = brief
        return self._mentioned.setdefault(kind.name, {})

    def _meet(self, kind: Kind, server_id: ServerId) -> None:
        """Ask the server for an object, and for all others of its kind to which others refer."""
        asked, there = self._asked.setdefault(kind.name, set()), self._natives.setdefault(kind.name, {})
        ids = [one for one in (server_id, *self._met_by_reference(kind)) if one not in there and one not in asked]
        asked.update(ids)
        self._keep(kind, self._outside.by_ids(kind, list(dict.fromkeys(ids))))

    def _seek(self, kind: Kind, uids: Iterable[str]) -> None:
        """Ask the server for all objects that have unique ids, unless that was done."""
        identity, sought = self._identity(kind), self._sought.setdefault(kind.name, set())
        new = sorted({*uids} - sought)
        sought.update(new)
        found = self._outside.by_fields(kind, [{} if identity is None else identity.named(uid) for uid in new])
        self._keep(kind, found)
        for native in found:
            self._uid(kind, native["id"], native)

    def _keep(self, kind: Kind, natives: Sequence[Native]) -> None:
        """Take note of objects that are not loaded."""
        there = self._natives.setdefault(kind.name, {})
        for native in natives:
            there.setdefault(native["id"], native)
        self._unread.append((kind, list(natives)))

    def _ids_of(self, kind: Kind, uid: str) -> dict[ServerId, None]:
        """Return the server's ids of the objects that have a unique id, those that were loaded first of all."""
        there = self._ids.setdefault(kind.name, {})
        if kind.name in self._loaded and uid in there:
            return there[uid]
        identity = self._identity(kind)
        self._seek(kind, {uid, *self._expected.pop(kind.name, ())})
        spelled = uid if identity is None else identity.spelled(uid)
        if not there.get(uid) and not there.get(spelled):
            self._keep(kind, self._outside.all(kind))
            self._name_all(kind)
        return there.get(uid) or there.get(spelled, {})

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
