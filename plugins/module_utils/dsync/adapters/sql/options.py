# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of the adapter ``sql``."""

from __future__ import annotations

from typing import Literal

from ..._util.pydantic import Field
from ..core.options import Count, Options, Seconds, Text


class SqlOptions(Options):
    """Options of the adapter ``sql``."""

    url: Text = Field(
        description="The database: `sqlite:////srv/cmdb.db`, `postgresql://user@host:5432/cmdb`, `mariadb://user@host/cmdb` or "
        "`mysql://user@host/cmdb`."
    )
    username: str | None = Field(None, description="Name of the user. Defaults to the one in `url`.")
    password: str | None = Field(None, repr=False, description="Password of the user. Defaults to the one in `url`.")
    schema_: Text | None = Field(
        None, alias="schema", description="Schema of tables that are named without one. Defaults to that of the database."
    )
    transaction: Literal["all", "batch"] = Field(
        "all", description="`all` commits all changes of a run or none. `batch` commits each batch by itself."
    )
    batch_size: Count = Field(500, description="Maximum number of rows of a model that are written in one batch.")
    connect_timeout: Seconds = Field(
        10.0, description="Maximum seconds to wait for a connection, and with SQLite for another connection that writes."
    )
    statement_timeout: Seconds | None = Field(
        None, description="Maximum seconds that a statement may take. Unlimited by default. Not for SQLite."
    )
    ca_file: Text | None = Field(
        None, description="File of certificates, in PEM, to verify the server's certificate and name with. Not for SQLite."
    )
    upsert: bool = Field(
        False,
        description="Whether a new row whose key already exists, outside of the mapping, changes that row instead of failing.",
    )
    read_only: bool = Field(False, description="Whether every change is refused.")
