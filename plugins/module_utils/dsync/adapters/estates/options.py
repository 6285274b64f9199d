# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options that adapters of sources of truth share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from ..._util.pydantic import BeforeValidator, Field
from ...records.declaration_reader import Declared
from ..core.options import Count, Kind, Seconds, Text
from ..http.options import Address, HttpOptions
from .cache import period


def _period(value: Any) -> timedelta | int:
    return period(Declared(value, "options.full_every"))


class EstateOptions(HttpOptions):
    """Options of all adapters of sources of truth. A subclass names the environment variables of address and token."""

    url: Address = Field(description="The address of the server, without `/api`.")
    token: Text = Field(repr=False, description="API token.")
    filters: Mapping[str, Any] | None = Field(
        None,
        description="Name of a model to query parameters of the server's list, such as `{device: {status: active}}`. Only matching "
        "objects are loaded, compared, changed and deleted.",
    )
    page_size: Count = Field(1000, description="Maximum number of objects in a page. The server may allow fewer.")
    workers: Count = Field(
        4, description="Maximum number of concurrent requests during a load. For writing, see `workers` of the task."
    )
    batch_size: Count = Field(100, description="Number of objects that one request creates, changes or deletes.")
    owner_tag: Text | None = Field(None, description="A tag that is added to new objects. Objects without it are never deleted.")
    cache: Text | None = Field(
        None, description="A file that caches the last load, so that the next one requests only what has changed since."
    )
    full_every: Annotated[
        timedelta | int, BeforeValidator(_period), Kind("a number of loads or a length of time", "P{0.days}D")
    ] = Field(
        timedelta(days=1),
        description="Interval between full loads in spite of `cache`, such as `P1D`, `PT12H` or `7` for every seventh load.",
    )
    read_timeout: Seconds = Field(120.0, description="Maximum seconds between two pieces of an answer.")
