# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``nautobot``: the objects of a Nautobot, under names.

Which models there are, and what identifies their objects, is described in :mod:`.kinds`; what all sources of truth have in
common in :mod:`..adapter`. Nautobot makes all changes of a request or none of them, and does not report what it leaves undone: of
fields and custom fields that it does not know, and of objects that are not there or that one may not touch. So these are looked for
here.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....diff.diff import Diff
from ....exceptions import RecordProblem
from ....records.mapping import ModelMap, Record
from ...http.pages import Pages
from ..adapter import EstateAdapter
from ..cache import CHANGED
from ..fields import Fields
from ..identity import Native, Natives, ServerId
from ..kinds import TAGS, Kind
from ..options import EstateOptions
from ..release import introduction, supported_release
from ..schema import Listed, Schema, paired, walked
from ..session import Session
from .graphql import PATH, ByRest, GraphQLReader
from .joins import Joins, undone_by
from .kinds import ADDRESSES, CONTENT_TYPES, FOR_ALL, GLOBAL, JOINS, KINDS, LISTS, NAMESPACE, PREFIXES
from .namespaces import Namespaces
from .order import Place, with_prefixes

logger = logging.getLogger("dsync")

OLDEST = (2, 4)
"""The oldest release of Nautobot whose API is as this adapter expects it."""

_IN_ADDRESS = 50
"""How many ids the address of one request has: web servers do not take longer ones as Nautobot sets them up."""

_TYPES = "extras/content-types"

_BESIDE = ("location", "device", "namespace", "tenant", "vlan_group", "parent")
"""Fields that distinguish objects of one name for people."""


class NautobotOptions(EstateOptions):
    """Options of the adapter ``nautobot``."""

    environment = {"url": ("NAUTOBOT_URL",), "token": ("NAUTOBOT_TOKEN",)}


class NautobotAdapter(EstateAdapter):
    """The objects of a Nautobot.

    Args:
        options: those of :class:`NautobotOptions`.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: httpx or tenacity is not installed.
    """

    type = "nautobot"
    kinds = KINDS

    Options = NautobotOptions

    def __init__(self, **options: Any) -> None:
        given = self.Options.read(options, self.type)
        super().__init__(given)
        self._page_size = given.page_size
        self._session = Session(given, "Token", self._workers)
        self._joins = Joins(self._session.changed, self._listed)
        self._version = ""
        self._lock = threading.RLock()
        self._spaces = Namespaces(self._listed, lambda: self.names.server_id(self.kinds[NAMESPACE], GLOBAL))
        self._fields = Fields("Nautobot", self._session.request, lambda endpoint: JOINS.get(endpoint, ()), self._custom_field_keys)
        self._schema = Schema(self.kinds, self._index, self._fields.described, lambda query: self._session.queried(PATH, query))
        self._owner_found: ServerId | None = None
        self._by_rest: dict[str, str] = {}
        self._graphql = GraphQLReader(self._session, given.token, self.list_natives, self._told, self._page_size)

    def result_records(self) -> dict[str, Any]:
        """Return what results report of the server and the requests: the release of its API, how many there were, and which kinds
        were read by REST, and why, that GraphQL would have taken less for."""
        return {
            "nautobot_version": self._version,
            "requests": self._session.sent,
            "not_loaded": self.not_loaded(),
            "read_by_rest": dict(self._by_rest),
        }

    # ------------------------------------------------------------------ the server

    def about_server(self) -> Any:
        self._version = introduction(self._session, "/api/", "Nautobot").headers.get("API-Version", "")
        supported_release(self.name, "Nautobot", self._version, OLDEST)
        return self._version

    def _listed(self, endpoint: str, parameters: Mapping[str, Any], found: Natives | None = None) -> Natives:
        """Return the objects of a list in the order of their ids, which nothing changes while pages are read."""
        pages = Pages("offset", "offset", size=self._page_size, total=("count",), sorted=True)
        return self._session.listed(endpoint, {"sort": "id", **parameters}, pages, found)

    def _index(self) -> list[Listed]:
        """Return the kinds that Nautobot has, apps included."""
        try:
            types = [f"{one['app_label']}.{one['model']}" for one in self._listed(_TYPES, {"depth": 0})]
        except RecordProblem:
            types = []
        return paired(walked(self._session.index), types)

    def list_natives(self, endpoint: str, parameters: Mapping[str, Any], found: Natives | None = None) -> Natives:
        return self._told(endpoint, self._listed(endpoint, parameters, found))

    def _told(self, endpoint: str, natives: Natives) -> Natives:
        """Return objects as REST lists them, with what it leaves out."""
        if endpoint == ADDRESSES:
            self._spaces.tell(natives)
        return self._owner_named(natives)

    def read_natives(
        self, kind: Kind, fields: set[str] | None, parameters: Mapping[str, Any], filters: Mapping[str, Any], found: Natives
    ) -> Natives:
        try:
            if fields is None or filters:
                raise ByRest("objects are chosen by filters" if filters else "an expression may need any field")
            found.extend(self._graphql.read(kind, fields, parameters))
        except ByRest as reason:
            logger.info("%s: %s objects are read by REST, not by GraphQL: %s", self.name, kind.name, reason)
            self._by_rest[kind.name] = str(reason)
            return super().read_natives(kind, fields, parameters, filters, found)
        if kind.endpoint == ADDRESSES:
            self._spaces.note(found)
        return self._owner_named(found)

    def _owner_named(self, natives: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return objects with the owner tag's name, if they have that tag; Nautobot reports only ids of tags."""
        tagged = [tag for native in natives for tag in native.get(TAGS) or () if isinstance(tag, dict)]
        if self._owner_tag is not None and tagged:
            owner = self._owner_if_any
            for tag in tagged:
                if tag["id"] == owner:
                    tag["name"] = self._owner_tag
        return natives

    @property
    def _owner_if_any(self) -> ServerId | None:
        """The id of the owner tag; None as long as the server has none."""
        with self._lock:
            if self._owner_found is None:
                found = self._listed(self.kinds["tag"].endpoint, {"name": self._owner_tag, "depth": 0})
                self._owner_found = found[0]["id"] if found else None
            return self._owner_found

    def fields_parameters(self, kind: Kind, fields: set[str] | None) -> dict[str, Any]:
        quick = {"id", CHANGED, *kind.identifiers, *kind.attributes} - LISTS if kind.known else set()
        return {"depth": 0, "exclude_m2m": "true" if fields is not None and fields <= quick else "false"}

    def _listing(self, kind: Kind, parameters: Mapping[str, Any], more: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        """Leave out what Nautobot cannot be asked for: fewer fields, and changes of what it keeps as separate lists."""
        asked = {name: value for name, value in more.items() if name != "fields"}
        if kind.endpoint in JOINS:
            asked = {name: value for name, value in asked.items() if not name.endswith("__gte")}
        return super()._listing(kind, parameters, asked)

    def describe(self, mapped: ModelMap, record: Record) -> str:
        beside = "".join(f", {name} {record[name]}" for name in _BESIDE if record.get(name))
        return f"{self._kind(mapped).endpoint}/{record['id']}{beside}" if "id" in record else self._kind(mapped).endpoint

    # ------------------------------------------------------------------ what comes before what

    def diff_from(self, source: Any, *args: Any, **more: Any) -> Diff:
        """Return what has to change, as every adapter does; addresses come after the prefixes around them, and go before these."""
        diff = super().diff_from(source, *args, **more)
        addresses, prefixes = self._place_of(ADDRESSES, "address"), self._place_of(PREFIXES, "prefix")
        if addresses is not None and prefixes is not None:
            implied = self._implied(), self._models_typed
            diff.references = with_prefixes({**source.models(), **self.models()}, addresses, prefixes, diff, self, implied)
            diff.references.tied = self._tied()
        return diff

    def _place_of(self, endpoint: str, native: str) -> Place | None:
        """Return where the model of the objects of an endpoint keeps what they are; None if there is no such model."""
        for mapped in self._maps.values():
            if self._kind(mapped).endpoint == endpoint:
                fields = {one.source: name for name, one in mapped.fields.items() if one.source}
                if (native,) in fields:
                    return Place(mapped.name, fields[native,], fields.get((NAMESPACE,)))
        return None

    # ------------------------------------------------------------------ writing

    def _custom_field_keys(self) -> list[str]:
        return [native["key"] for native in self._listed("extras/custom-fields", {"depth": 0, "exclude_m2m": "true"})]

    def send_new(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        whole = [self._complete(endpoint, body) for body in bodies]
        plain, lists = self._joins.split(endpoint, whole)
        made: list[dict[str, Any]] = self._session.changed("POST", endpoint, plain)
        if any(lists):
            with undone_by(lambda: self._session.changed("DELETE", endpoint, [{"id": native["id"]} for native in made])):
                self._joins.add(endpoint, [native["id"] for native in made], lists)
        return self._completed_natives(endpoint, made, plain, lists)

    def _complete(self, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return a body of a new object with what Nautobot asks for and a task need not say."""
        if endpoint in FOR_ALL:
            return {CONTENT_TYPES: list(FOR_ALL[endpoint]), **body}
        if endpoint == ADDRESSES and not body.get(NAMESPACE):
            return {**body, NAMESPACE: {"name": GLOBAL}}
        return body

    def send_changed(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        plain, lists = self._joins.split(endpoint, bodies)
        with self._joins.becoming(endpoint, [body["id"] for body in plain], lists):
            changed: list[dict[str, Any]] = self._session.changed("PATCH", endpoint, plain)
        told = {body["id"]: one for body, one in zip(plain, lists)}
        return self._completed_natives(endpoint, changed, (), [told.get(native["id"], {}) for native in changed])

    def _completed_natives(
        self,
        endpoint: str,
        natives: list[dict[str, Any]],
        bodies: Sequence[Mapping[str, Any]],
        lists: Sequence[Mapping[str, Sequence[ServerId]]],
    ) -> list[dict[str, Any]]:
        """Return objects as Nautobot reported them, with what it leaves out of its answer to a change."""
        for native, one in zip(natives, lists):
            for name, others in one.items():
                listed = JOINS[endpoint][name].listed
                native[name] = [{"id": other, "url": f"{self._session.base}/api/{listed}/{other}/"} for other in others]
        if endpoint == ADDRESSES:
            self._spaces.tell_changed(natives, bodies)
        return self._owner_named(natives)

    def send_removed(self, endpoint: str, server_ids: Sequence[ServerId]) -> None:
        self._session.changed("DELETE", endpoint, [{"id": one} for one in server_ids])

    def remove_records(self, mapped: ModelMap, records: Sequence[Record]) -> Sequence[Exception | None]:
        """Remove objects, and look whether they are gone."""
        results = list(super().remove_records(mapped, records))
        gone = [record["id"] for record, problem in zip(records, results) if problem is None]
        left = self._still_there(self._kind(mapped).endpoint, gone)
        said = "Nautobot answers that it is deleted, and it is still there; check that the token has permission to delete it"
        return [RecordProblem(said) if record["id"] in left else problem for record, problem in zip(records, results)]

    def _still_there(self, endpoint: str, server_ids: Sequence[ServerId]) -> set[ServerId]:
        found: set[ServerId] = set()
        for start in range(0, len(server_ids), _IN_ADDRESS):
            some = {"id": list(server_ids[start : start + _IN_ADDRESS]), "depth": 0, "exclude_m2m": "true"}
            found.update(native["id"] for native in self._listed(endpoint, some))
        return found
