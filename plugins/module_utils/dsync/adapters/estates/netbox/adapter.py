# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""``netbox``: the objects of a NetBox, under names.

Which models there are, and what identifies their objects, is described in :mod:`.kinds`; what all sources of truth have in common
in :mod:`..adapter`. NetBox makes all changes of a request or none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from ...._util.pydantic import BeforeValidator, Field
from ....exceptions import RecordProblem
from ....flags import DSyncAction
from ....records.declaration_reader import Declared
from ...core.options import Kind as OptionKind
from ...core.options import Text
from ...http.answers import HttpProblem
from ...http.pages import Pages
from ..adapter import EstateAdapter
from ..fields import Fields
from ..identity import Native, Natives, ServerId
from ..kinds import Kind, endpoint_of
from ..options import EstateOptions
from ..release import introduction, release_in, supported_release
from ..schema import Listed, Schema, paired, walked
from ..sending import Refusal, refusal_in, sentence_of
from ..session import Session
from .branch_session import BranchSession
from .branches import Branch, branch_of
from .filters import ignored
from .kinds import KINDS

OLDEST = (4, 2)
"""The oldest release of NetBox whose API is as this adapter expects it."""

MESSAGES_SINCE = (4, 4)
"""The release of NetBox since which a change can be given a message for the change log."""

CURSORS_SINCE = (4, 6)
"""The release of NetBox since which pages stay in step with objects that come and go meanwhile, and are not counted each time."""

API_VERSION = "API-Version"
"""The header in which NetBox, like other servers, names its release in each answer, without the patch level."""

_V2_TOKEN = "nbt_"
_HEAVY = "config_context"
_TYPES = ("core/object-types", "extras/object-types")
"""Where NetBox lists the types of its objects: since 4.4, with the endpoint of each, and before."""


def _branch(value: Any) -> Branch | None:
    return None if value is None else branch_of(Declared(value, "options.branch"))


class NetBoxOptions(EstateOptions):
    """Options of the adapter ``netbox``."""

    environment = {"url": ("NETBOX_URL", "NETBOX_API"), "token": ("NETBOX_TOKEN",)}

    changelog_message: Text | None = Field(
        None, description="Message of each change in the change log. Requires NetBox 4.4 or newer."
    )
    branch: Annotated[Branch | None, BeforeValidator(_branch), OptionKind("a string or a dictionary")] = Field(
        None,
        description="A branch to read and write instead of main: its name, or `{name: audit, create: true, merge: true, timeout: "
        "600}`. `create` creates it before the first change if there is none, `merge` merges it after a run without failures, and "
        "`timeout` is the longest wait for either, in seconds. Requires the plugin netbox_branching and NetBox 4.4 or newer.",
    )


class NetBoxAdapter(EstateAdapter):
    """The objects of a NetBox.

    Args:
        options: those of :class:`NetBoxOptions`.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: httpx or tenacity is not installed.
    """

    type = "netbox"
    kinds = KINDS

    Options = NetBoxOptions

    def __init__(self, **options: Any) -> None:
        given = self.Options.read(options, self.type)
        super().__init__(given)
        self._page_size = given.page_size
        self._message = given.changelog_message
        scheme = "Bearer" if given.token.startswith(_V2_TOKEN) else "Token"
        self._branch = None if given.branch is None else BranchSession(given, scheme, self._workers, given.branch)
        self._branch_name = "" if given.branch is None else f' (branch "{given.branch.name}")'
        self._session = self._branch or Session(given, scheme, self._workers)
        self._fields = Fields("NetBox", self._session.request)
        self._schema = Schema(
            self.kinds, self._index, self._fields.described, lambda query: self._session.queried("/graphql/", query)
        )
        self._version, self._cursors = "", False
        self._asks_status = bool(given.branch or given.changelog_message or given.cache)

    def result_records(self) -> dict[str, Any]:
        """Return what the result reports of the server and requests: its release, their number, and ids in the change log."""
        return {
            "netbox_version": self._version,
            "requests": self._session.sent,
            "request_ids": list(self._session.request_ids),
            "not_loaded": self.not_loaded(),
            **({} if self._branch is None else {"branch": self._branch.record()}),
        }

    # ------------------------------------------------------------------ the branch

    def load(self) -> None:
        if not self.name.endswith(self._branch_name):  # so that plans, undo plans and journals are applied to this branch alone
            self.name += self._branch_name
        super().load()
        if self._branch is not None and self._branch.schema is None:
            self.warn("main was compared, because the branch does not exist yet; it is created before the first change")

    def refuses(self, model: str, action: DSyncAction) -> str:
        mapped = self._maps.get(model)
        why = "" if self._branch is None or mapped is None else self._branch.why_not(self._kind(mapped).endpoint)
        return why or super().refuses(model, action)

    def unpublished(self) -> bool:
        return self._branch is not None and self._branch.has_unmerged_changes()

    def publish(self) -> bool:
        return self._branch is not None and self._branch.merge()

    # ------------------------------------------------------------------ the server

    def about_load(self) -> Any:
        """Return the release as the first list has it, or as NetBox reports it if the list lacks it, or more depends on it."""
        return (None if self._asks_status else self._release_of_first_list()) or self.about_server()

    def _release_of_first_list(self) -> str | None:
        """Return the release, and keep the first page of the list for the load; None if the answer does not show a NetBox."""
        plain = (one for one in self._maps.values() if one.name not in {*self._filters, *self.data_model.parents})
        mapped = next((one for one in plain if (one.name if one.place.value is None else one.place.text()) in self.kinds), None)
        if mapped is None:
            return None
        kind = self._kind(mapped)
        parameters = self.fields_parameters(kind, self._wanted_fields(mapped))
        try:
            answer = self._session.begun(kind.endpoint, parameters, self._by_cursor)
        except HttpProblem as problem:
            if problem.status is None:
                raise RecordProblem(str(problem)) from None
            return None
        release = release_in(answer.headers.get(API_VERSION, ""))
        if release is None or release < OLDEST:  # Nautobot has this header too
            return None
        self._version, self._cursors = ".".join(map(str, release)), release >= CURSORS_SINCE
        return self._version

    def about_server(self) -> Any:
        status = introduction(self._session, "/api/status/", "NetBox").json()
        self._version = str(status.get("netbox-version", "")) if isinstance(status, Mapping) else ""
        release = supported_release(self.name, "NetBox", self._version, OLDEST)
        if self._message is not None and release < MESSAGES_SINCE:
            since = ".".join(map(str, MESSAGES_SINCE))
            raise RecordProblem(f"{self.name} is NetBox {self._version}, which takes no changelog_message; that came with {since}")
        self._cursors = release >= CURSORS_SINCE
        if self._branch is None:
            return self._version
        self._branch.open(status, release, lambda endpoint: self.list_natives(endpoint, {}))
        return [self._version, self._branch.schema]

    @property
    def _by_cursor(self) -> Pages:
        return Pages("keyset", "start", size=self._page_size, first=0, beyond=1)

    def list_natives(self, endpoint: str, parameters: Mapping[str, Any], found: Natives | None = None) -> Natives:
        if self._cursors:
            return self._session.listed(endpoint, parameters, self._by_cursor, found)
        pages = Pages("keyset", "id__gt", size=self._page_size, first=None)
        return self._session.listed(endpoint, {"ordering": "id", **parameters}, pages, found)

    def _index(self) -> list[Listed]:
        """Return the kinds that NetBox has, plugins included."""
        types: Natives = []
        for endpoint in _TYPES:
            try:
                types = types or self.list_natives(endpoint, {"fields": "id,app_label,model,rest_api_endpoint"})
            except RecordProblem:
                continue
        found = [Listed(endpoint_of(one.get("rest_api_endpoint")) or "", f"{one['app_label']}.{one['model']}") for one in types]
        return [one for one in found if one.endpoint] or paired(walked(self._session.index), (one.content_type for one in found))

    def _count(self, endpoint: str, parameters: Mapping[str, Any]) -> int:
        answer = self._session.request("GET", self._session.address_of(f"/api/{endpoint}/", {**parameters, "limit": 1}))
        return int(answer.json()["count"])

    def fields_parameters(self, kind: Kind, fields: set[str] | None) -> dict[str, Any]:
        return {"omit": _HEAVY} if fields is None else {"fields": ",".join(sorted(fields))}

    def check_filters(self, kind: Kind, filters: Mapping[str, Any]) -> None:
        unknown = ignored(filters, lambda probe: self._count(kind.endpoint, probe))
        if unknown is not None:
            raise RecordProblem(
                f'{kind.endpoint} has no filter "{unknown}", and NetBox ignores filters that it does not know; '
                "the names are those of the parameters in its API documentation"
            )

    # ------------------------------------------------------------------ writing

    def _logged(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [body if self._message is None else {**body, "changelog_message": self._message} for body in bodies]

    def send_new(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        return self._session.changed("POST", endpoint, self._logged(bodies))

    def send_changed(self, endpoint: str, bodies: Sequence[dict[str, Any]]) -> Sequence[Native]:
        return self._session.changed("PATCH", endpoint, self._logged(bodies))

    def send_removed(self, endpoint: str, server_ids: Sequence[ServerId]) -> None:
        if len(server_ids) > 1:
            self._session.changed("DELETE", endpoint, self._logged([{"id": one} for one in server_ids]))
            return
        try:
            body = None if self._message is None else {"changelog_message": self._message}
            self._session.request("DELETE", f"/api/{endpoint}/{server_ids[0]}/", body)
        except HttpProblem as problem:
            if problem.status != 404:
                raise

    def refusals_in(self, problem: HttpProblem, sent: Sequence[Mapping[str, Any]]) -> list[Refusal]:
        said = refusal_in(problem)  # a list before 4.7
        places = {body.get("id"): place for place, body in enumerate(sent) if "id" in body}
        found = []
        for entry in said.get("errors", ()) if isinstance(said, dict) else ():
            place = entry.get("index", places.get(entry.get("id")))
            if place is not None:
                found.append(Refusal(place, sentence_of(entry.get("errors"))))
        return found or super().refusals_in(problem, sent)
