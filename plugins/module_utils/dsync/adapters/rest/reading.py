# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading an API: which endpoint the records of a model are at, their pages, several at a time, and who is whose parent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...records.declaration_reader import Declared
from ...records.mapping import ModelMap, Record
from ...records.path import MISSING, read, text_of_path
from ...records.path import Path as FieldPath
from ..core.base import RecordAdapter
from ..core.fields import Fields, check_fields
from ..core.schema import Schema
from ..core.sent_values import SentValues
from ..http.answers import Answer
from ..http.client import Client
from ..http.described import field_schema
from ..http.login import login_of
from ..http.options import DeclaredOptions, credentials, manners, tls
from ..http.reader import PageReader
from ..http.reading import Collection
from .endpoint import Endpoint, Request, endpoint_of
from .fields import DescribedFields
from .options import RestOptions
from .parts import Part
from .records import records_of

_Item = TypeVar("_Item")


class Whence(NamedTuple):
    """Where a native record came from."""

    record: Record
    parent: Record | None
    number: int


def _sent_values(given: RestOptions) -> SentValues | None:
    """Return the values that were last sent; None where nobody keeps them. Raises DefinitionError or RecordProblem."""
    if given.sent_values is None or given.sent_key is None:
        if given.sent_values is not None:
            Declared(None, "secrets.sent_key").wrong("sent_values needs it; add it.")
        if given.sent_key is not None:
            Declared(None, "options.sent_values").wrong("sent_key needs it; add it.")
        return None
    if not Path(given.sent_values).is_absolute():
        Declared(given.sent_values, "options.sent_values").wrong("this should be absolute, such as /var/lib/dsync/sent.json.")
    return SentValues(given.sent_values, given.sent_key, given.base_url.rstrip("/"))


class RestReader(RecordAdapter):
    """The part of :class:`.adapter.RestAdapter` that reads.

    Args:
        options: those of :class:`.options.RestOptions`.

    Raises:
        DefinitionError: naming the option.
        LibraryMissing: httpx or tenacity is not installed.
    """

    Options = RestOptions

    def __init__(self, **options: Any) -> None:
        super().__init__()
        given = self.Options.read(options, self.type)
        values = dict(given)
        self._update_method = given.update_method.upper()
        self._pagination = Declared(given.pagination, "options.pagination")
        self._named = Declared(given.endpoints or {}, "options.endpoints")
        for _name, described in self._named.mapping():
            self._parsed(described)
        self._workers, self.batch_size = given.workers, given.batch_size
        self._client = Client(
            given.base_url.rstrip("/"),
            credentials(values),
            tls(values),
            manners(given, self._workers, given.rewrite_links),
            login_of(DeclaredOptions(values)),
        )
        self._described_fields = DescribedFields(self._client, given.introspect)
        self.name = given.base_url
        self.sent_values = _sent_values(given)
        self._endpoints: dict[str, Endpoint] = {}
        self._whence: dict[str, dict[int, Whence]] = {}
        self._to_finish: list[Request] = []

    def close(self) -> None:
        """Log out, and close the connections to the server; that happens by itself when nothing refers to the adapter any more."""
        self._client.close()

    # ------------------------------------------------------------------ endpoints

    def _parsed(self, described: Declared) -> Endpoint:
        return endpoint_of(described, self._update_method, self._pagination)

    def _described(self, place: Declared, model: str | None = None) -> Declared:
        """Return the description that a place means. Raises DefinitionError."""
        if place.value is None and model is not None:
            if not self._named.has(model):
                place.wrong(f"it does not say where the records of a {model} are; add a path such as /api/{model}s.")
            return self._named.at(model)
        if isinstance(place.value, str) and not place.value.startswith("/"):
            if not self._named.has(place.value):
                place.wrong(
                    f'{place.shown()} is neither a path, which begins with "/", nor an endpoint'
                    f"{known(place.value, self._named.value)}."
                )
            return self._named.at(place.value)
        if not isinstance(place.value, (str, Mapping)):
            place.wrong(f"this should be a path, the name of an endpoint or a description, and is {place.shown()}.")
        return place

    def _endpoint(self, mapped: ModelMap) -> Endpoint:
        if mapped.name not in self._endpoints:
            endpoint = self._parsed(self._described(mapped.place, mapped.name))
            if endpoint.list.asks_parent and mapped.name not in self.data_model.parents:
                mapped.place.wrong(f"{endpoint.list.text} has a field of the parent in it, and a {mapped.name} has no parent.")
            self._endpoints[mapped.name] = endpoint
        return self._endpoints[mapped.name]

    def check_place(self, mapped: ModelMap) -> None:
        self._endpoint(mapped)

    def describe(self, mapped: ModelMap, record: Record) -> str:
        endpoint, whence = self._endpoint(mapped), self._known(mapped, record)
        try:
            path = endpoint.list.filled({}, self._ancestors(mapped, whence.parent)).partition("?")[0]
        except RecordProblem:
            path = endpoint.list.text
        hidden = {field.source for name, field in mapped.fields.items() if name in mapped.model.get_sensitive_fields()}
        key = read(record, endpoint.key)
        if key is not MISSING and key is not None and endpoint.key not in hidden:
            return f"{path}, {text_of_path(endpoint.key)} {key}"
        return f"{path}, record {whence.number}" if whence.number else path

    # ------------------------------------------------------------------ parents

    def knows_parents(self, mapped: ModelMap) -> bool:
        return self._endpoint(mapped).list.asks_parent

    def parent_of(self, mapped: ModelMap, record: Record) -> Record | None:
        return self._known(mapped, record).parent

    def _known(self, mapped: ModelMap, record: Record) -> Whence:
        return self._whence.get(mapped.name, {}).get(id(record), Whence(record, None, 0))

    def _note(self, mapped: ModelMap, record: Record, parent: Record | None, number: int = 0) -> None:
        self._whence.setdefault(mapped.name, {})[id(record)] = Whence(record, parent, number)

    def _ancestors(self, mapped: ModelMap, parent: Record | None) -> list[Record]:
        """Return the record of a parent, of the parent of that, and so on, as far as they are known."""
        found: list[Record] = []
        while parent is not None:
            found.append(parent)
            mapped = self._parent_map(mapped)
            parent = self._known(mapped, parent).parent
        return found

    # ------------------------------------------------------------------ reading

    def _load(self, mapped: ModelMap) -> None:
        super()._load(mapped)
        fields = self.fields_of(mapped)
        if fields is not None:
            check_fields(mapped, fields)

    def fields_of(self, mapped: ModelMap) -> Fields | None:
        """Return the fields that an endpoint describes; None while its records are not read, which show most of them."""
        records = self.records_read.get(mapped.name)
        return None if records is None else self._described_fields.fields(mapped, self._endpoint(mapped), records)

    def read(self, mapped: ModelMap) -> Iterable[Record]:
        endpoint = self._endpoint(mapped)
        self._whence[mapped.name] = {}
        if not endpoint.list.asks_parent:
            found: list[dict[str, Any]] = []
            self.records_read[mapped.name] = found
            return self._placed(mapped, None, self._listed(endpoint, endpoint.list.filled({}), mapped.key, found))
        return self._nested(mapped, endpoint)

    def probe(self) -> bool:
        """Request the first page of each model whose records are not listed for each parent; otherwise as the base class."""
        for mapped in self._maps.values():
            endpoint = self._endpoint(mapped)
            if not endpoint.list.asks_parent:
                self._pages(endpoint, endpoint.list.filled({}), mapped.key).probe()
        return True

    def _nested(self, mapped: ModelMap, endpoint: Endpoint) -> Iterator[Record]:
        """Yield the records that are listed for each object of the parent model on its own."""
        above = self._parent_map(mapped)
        parents = [record for _obj, record in self.records(above.name)]
        failed: list[RecordProblem] = []

        def listed(parent: Record) -> list[dict[str, Any]]:
            if failed:
                raise failed[0]
            try:
                path = endpoint.list.filled({}, self._ancestors(mapped, parent))
            except RecordProblem as problem:
                raise RecordProblem(f"{self.describe(above, parent)}: {problem}") from None
            try:
                return self._listed(endpoint, path, mapped.key)
            except RecordProblem as problem:
                failed.append(problem)
                raise

        for parent, found in zip(parents, self._at_once(listed, parents)):
            if isinstance(found, Exception):
                raise found
            yield from self._placed(mapped, parent, found)

    def _placed(self, mapped: ModelMap, parent: Record | None, records: Sequence[dict[str, Any]]) -> Iterator[Record]:
        parts = self._wanted_parts(mapped)
        if parts:
            ancestors = self._ancestors(mapped, parent)
            for one in self._at_once(lambda record: self._read_parts(mapped, parts, record, ancestors), records):
                if isinstance(one, Exception):
                    raise one
        for number, record in enumerate(records, 1):
            self._note(mapped, record, parent, number)
            yield record

    def _wanted_parts(self, mapped: ModelMap) -> list[Part]:
        """Return the parts of a model's records that its mapping uses; an expression may use any of them."""
        fields = mapped.fields.values()
        free = mapped.keep is not None or mapped.drop is not None or any(one.expression is not None for one in fields)
        used = {one.source[0] for one in fields if one.source}
        return [part for part in self._endpoint(mapped).parts if free or part.name in used]

    def _read_parts(self, mapped: ModelMap, parts: Sequence[Part], record: dict[str, Any], ancestors: Sequence[Record]) -> None:
        """Read parts of a record that have requests of their own, and put them into it."""
        found: dict[str, Any] = {}
        for part in parts:
            if part.get is None:
                found[part.name] = part.value_in(read(record, part.place))
            elif not part.asked_for(record):
                found[part.name] = part.value_in(MISSING)
            elif part.is_list:
                endpoint = replace(self._endpoint(mapped), list=part.get, records=part.place, key=part.item or ("id",), pairs=None)
                found[part.name] = part.value_in(self._listed(endpoint, part.get.filled(record, ancestors)))
            else:
                answer = self._client.request("GET", part.get.filled(record, ancestors))
                found[part.name] = part.value_in(read(answer.json(), part.place))
        record.update(found)

    def _listed(
        self, endpoint: Endpoint, path: str, key: FieldPath | None = None, found: list[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        return self._pages(endpoint, path, key, found).read()

    def _pages(
        self, endpoint: Endpoint, path: str, key: FieldPath | None = None, found: list[dict[str, Any]] | None = None
    ) -> PageReader:
        records_in = partial(records_of, endpoint, key)
        method, _path, body = endpoint.request
        of = Collection(self._client, path, endpoint.pages, records_in, endpoint.key, method, body, endpoint.empty)
        return PageReader(of, found)

    def read_table(self, place: Declared) -> Iterable[Record]:
        endpoint = self._parsed(self._described(place))
        if endpoint.list.asks_parent:
            place.wrong("the path of a table has no parent whose fields could be in it.")
        return self._listed(endpoint, endpoint.list.filled({}))

    def answer_at(self, path: str) -> Answer:
        """Return the answer to a GET of a path below the address of the server, or of an address. Raises RecordProblem."""
        return self._client.request("GET", path)

    def discover(self, place: Declared) -> tuple[Sequence[Record], Schema]:
        """Return the records of an endpoint, and what it describes of their fields; of all fields if there are no records."""
        records, endpoint = list(self.read_table(place)), self._parsed(self._described(place))
        usual = self._parsed(Declared(endpoint.list.text, place.place)).actions  # what it takes, whatever is declared
        described = self._described_fields.of(replace(endpoint, actions=usual))
        there = {name for record in records for name in record} if records else described.keys()
        return records, Schema({name: field_schema(about, not records) for name, about in described.items() if name in there})

    def _at_once(self, work: Callable[[_Item], Any], items: Sequence[_Item]) -> list[Any]:
        """Return what becomes of each item, an exception included; several are worked on at a time.

        An interruption ends waits, lets the requests that are under way come to their end, and begins no other.
        """

        def guarded(item: _Item) -> Any:
            try:
                return work(item)
            except Exception as error:
                return error

        pool = ThreadPoolExecutor(max(1, min(self._workers, len(items))), thread_name_prefix="dsync-rest")
        try:
            return [future.result() for future in [pool.submit(guarded, item) for item in items]]
        except BaseException:
            self._client.stopping.set()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self._client.stopping.clear()
