# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The keys of the description of an endpoint, and of what is nested in it: which there are, what they take and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from ..._util.pydantic import AfterValidator, BeforeValidator, Field
from ...exceptions import DefinitionError
from ...records.declaration_reader import Declared
from ...records.path import EVERY, Path, path_of
from ..core.options import AnswerPath, Kind, Nested, NestedOptions, Seconds, Text
from .pages import Status
from .template import Template


def _template(value: Any) -> Template:
    try:
        return Template(Declared(value, ""))
    except DefinitionError as error:
        raise ValueError(str(error).removeprefix(": ")) from None


def _job_path(value: Template) -> Template:
    if value.asks_parent:
        raise ValueError("only fields of the answer that begins the job can be in its path, such as {id}.")
    return value


def _without_fields(value: Template) -> Template:
    if value.fields:
        raise ValueError("no field of a record can be in this path.")
    return value


def _list_path(value: Template) -> Template:
    if value.asks_record:
        raise ValueError("only fields of the parent can be in the path of a list, such as {parent.id}.")
    return value


def _returns(value: Any) -> Path | dict[Path, Path]:
    try:
        if isinstance(value, Mapping):
            return {tuple(name.split(".")): path_of(piece) for name, piece in Declared(value, "").mapping()}
        return path_of(Declared(value, ""))
    except DefinitionError as error:
        raise ValueError(str(error).partition(": ")[2]) from None


def _wrap(value: Any) -> Path:
    try:
        path = path_of(Declared(value, ""))
    except DefinitionError as error:
        raise ValueError(str(error).partition(": ")[2]) from None
    if EVERY in path[:-1]:
        raise ValueError(f'"{EVERY}" can only be the last name of it.')
    return path


UrlTemplate = Annotated[Any, AfterValidator(_template)]
"""A path below the address of the server, with fields of a record or of its parent in it."""

Method = Annotated[
    Literal["POST", "PUT", "PATCH", "DELETE", "GET"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
Shorthand = Annotated[Any, Kind("a path, false, or a dictionary")]
"""A request: its path alone, false if there is no such request, or a dictionary; it is read with its usual defaults."""

Statuses = list[Status]
"""Statuses of HTTP; a name for it, because an endpoint has a field called ``list``."""

_DONE = ("done", "success", "successful", "succeeded", "complete", "completed", "finished", "ok")
_FAILED = ("failed", "failure", "fail", "error", "errored", "aborted", "cancelled", "canceled")


class JobOptions(NestedOptions):
    """The key ``job`` of a request."""

    option = "job"

    path: Annotated[UrlTemplate, AfterValidator(_job_path), Kind("a path")] = Field(
        None, description="Where the job is, with fields of the answer in it. Defaults to where the header Location leads."
    )
    status: AnswerPath = Field(("status",), description="Where the job has its status.")
    done: Annotated[list[str | int], Kind("a list")] = Field(
        [*_DONE], description="Statuses of a job that is done; letters count in whatever case."
    )
    failed: Annotated[list[str | int], Kind("a list")] = Field([*_FAILED], description="Statuses of a job that failed.")
    every: Seconds = Field(1.0, description="Seconds between two requests for the status.")
    timeout: Seconds = Field(300.0, description="Maximum seconds that a job may take.")
    returns: AnswerPath = Field((), description="Where a job that is done has the record.")


class ActionOptions(NestedOptions):
    """The key ``create`` of an endpoint, and what ``update`` and ``delete`` have in common with it."""

    option = "create"

    method: Method | None = Field(
        None, description="Method of the request. Defaults to `POST`, for updates to `update_method`, and for deletes to `DELETE`."
    )
    path: Annotated[UrlTemplate, Kind("a path")] = Field(
        None,
        description="Its path, where `{field}` represents a field of the record and `{parent.field}` one of its parent's, "
        "percent-encoded; `{+field}` keeps slashes and colons. Defaults to the path of the list, for updates and deletes with the "
        "key after it.",
    )
    wrap: Annotated[Any, AfterValidator(_wrap), Kind("a path in the body")] = Field(
        (), description="Path under which the record is put; `rrsets.*` makes it an item of a list there."
    )
    envelope: Mapping[str, Any] | None = Field(
        None, description="Constant fields in addition to what is wrapped, such as those of JSON-RPC."
    )
    extra: Mapping[str, Any] | None = Field(None, description="Constant fields that are sent with each record.")
    bulk: bool = Field(
        False, description="Whether many records are one list in one request, which is done as a whole or not at all."
    )
    returns: Annotated[Any, AfterValidator(_returns), Kind("a path in an answer, or a dictionary")] = Field(
        (),
        description="Where the answer has the record, or the list of them; or field of the record to where the answer has its "
        "value, for an answer that has no record.",
    )
    job: Annotated[Mapping[str, Any] | None, Nested(JobOptions)] = Field(
        None, description="How to follow the job that the server begins when it answers 202."
    )


class SendOptions(NestedOptions):
    """What ``update`` and ``delete`` of an endpoint have in addition."""

    option = "update"

    send: Literal["changed", "values", "whole", "nothing", "key"] | list[AnswerPath] | None = Field(
        None,
        description="What is sent: `changed` fields, each with all that is in it (the default of PATCH), the changed `values` "
        "alone, for a server that merges dictionaries, the `whole` record (of PUT), `nothing` (of deletes), the bare `key`, or a "
        "list of fields that are sent always, with the changed ones.",
    )


class ChangeOptions(SendOptions, ActionOptions):
    """The keys ``update`` and ``delete`` of an endpoint."""


class GetOptions(NestedOptions):
    """The key ``get`` of an endpoint."""

    option = "get"

    path: Annotated[UrlTemplate, Kind("a path")] = Field(
        None, description="Path of one record. Defaults to that of the list with the key after it."
    )
    returns: AnswerPath = Field((), description="Where the answer has the record.")


class RequestOptions(NestedOptions):
    """The key ``request`` of an endpoint."""

    option = "request"

    method: Method = Field("POST", description="Method of the request for the list.")
    body: Annotated[Any, Kind("any value")] = Field(None, description="Its body.")


class FinishOptions(NestedOptions):
    """The key ``finish`` of an endpoint."""

    option = "finish"

    path: Annotated[UrlTemplate, AfterValidator(_without_fields), Kind("a path")] = Field(description="Path of the request.")
    method: Method = Field("POST", description="Its method.")


class PartActionOptions(NestedOptions):
    """The keys ``set``, ``clear``, ``add`` and ``remove`` of a part."""

    option = "parts"

    path: Annotated[UrlTemplate, Kind("a path")] = Field(description="Path of the request, where `{item}` represents the item.")
    method: Method | None = Field(
        None, description="Its method. Defaults to `POST` for `set` and `add`, and to `DELETE` for `clear` and `remove`."
    )
    wrap: AnswerPath = Field((), description="Path under which the item or the value is put.")
    envelope: Mapping[str, Any] | None = Field(None, description="Constant fields in addition to it.")


class PartOptions(NestedOptions):
    """A part of the records of an endpoint: a field that has requests of its own."""

    option = "parts"

    get: Annotated[UrlTemplate, Kind("a path")] = Field(None, description="Path where the value is.")
    records: AnswerPath = Field((), description="Where the answer to `get` has the value, or the list of items.")
    place: AnswerPath = Field(None, alias="from", description="Where the record itself has it, in place of `get`.")
    item: AnswerPath = Field(None, description="Field of each item that is its value.")
    only_if: AnswerPath = Field(None, description="Field of the record without which `get` is not requested.")
    set: Annotated[Any, Kind("a path or a dictionary"), Nested(PartActionOptions)] = Field(
        None, description="How a single value is set: a path, or a dictionary."
    )
    clear: Shorthand = Field(None, description="How it is set to null: as `set`. `false` where another field replaces it.")
    add: Annotated[Any, Kind("a path or a dictionary")] = Field(None, description="How an item is added to a list: as `set`.")
    remove: Annotated[Any, Kind("a path or a dictionary")] = Field(None, description="How an item is removed: as `set`.")


class PairOptions(NestedOptions):
    """The key ``pairs`` of an endpoint."""

    option = "pairs"

    key: Text = Field(description="Field of the record that gets the key of a pair.")
    value: Text = Field(description="Field of the record that gets the value of a pair.")


class EndpointOptions(NestedOptions):
    """The description of an endpoint. A path alone is one as well: that of the list."""

    option = "endpoints"

    list: Annotated[UrlTemplate, AfterValidator(_list_path), Kind("a path")] = Field(
        description="Path of the collection. With `{parent.id}`, it is read once for each object of the parent model."
    )
    request: Annotated[Mapping[str, Any] | None, Nested(RequestOptions)] = Field(
        None, description="How the list is requested, where that is not a GET."
    )
    empty: Statuses = Field([], description="Statuses with which the server reports that the list has no records.")
    records: AnswerPath = Field((), description="Where the answer has the records. By default, the answer is the list.")
    records_optional: bool = Field(False, description="Whether an answer without that place has no records.")
    pagination: Annotated[Any, Kind("a string or a dictionary")] = Field(
        None, description="How the collection is divided into pages. Defaults to the option `pagination`."
    )
    key: AnswerPath = Field(("id",), description="Field of a record that identifies it in paths.")
    get: Annotated[Any, Kind("a path or a dictionary"), Nested(GetOptions)] = Field(
        None, description="How one record is read, after it was created with an answer that does not have it."
    )
    if_match: bool = Field(
        False, description="Whether each record is read again before it is changed or removed, and its ETag sent."
    )
    finish: Annotated[Mapping[str, Any] | None, Nested(FinishOptions)] = Field(
        None, description="A request that makes changes count; it is sent once, at the end of a run that changed something there."
    )
    null_as: str | None = Field(None, description="String that is sent for null, where the server ignores or refuses null.")
    parts: Annotated[Mapping[str, Any] | None, Nested(PartOptions, "*")] = Field(
        None, description="Name of a field to the requests of its own that it has, such as those for the members of a team."
    )
    pairs: Annotated[Mapping[str, Any] | None, Nested(PairOptions)] = Field(
        None, description="The answer is a dictionary of single values, such as settings, each of which is a record."
    )
    create: Annotated[Shorthand, Nested(ActionOptions)] = Field(
        None, description="How a record is created: a path alone, or a dictionary. `false` where that is not possible."
    )
    update: Annotated[Shorthand, Nested(SendOptions)] = Field(
        None, description="How a record is changed: as `create`, and with `send`."
    )
    delete: Shorthand = Field(None, description="How a record is removed: as `update`.")
