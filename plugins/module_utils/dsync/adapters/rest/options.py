# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of the adapter ``rest``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from ..._util.pydantic import AfterValidator, Field
from ...records.declaration_reader import Declared
from ..core.options import Count, Kind, Nested, Text
from ..http.login import LoginOptions, OAuth2Options
from ..http.options import Address, HttpOptions
from .endpoint_options import EndpointOptions
from .pages import PaginationOptions, pages_of


def _pagination(value: Any) -> Any:
    pages_of(Declared(value, "options.pagination"))
    return value


class RestOptions(HttpOptions):
    """Options of the adapter ``rest``."""

    base_url: Address = Field(description="The address in front of every path.")
    endpoints: Annotated[Mapping[str, Any] | None, Nested(EndpointOptions, "*")] = Field(
        None, description="Name of a model, or a name that `from` of a mapping mentions, to the path or description of its records."
    )
    pagination: Annotated[Any, AfterValidator(_pagination), Kind("a string or a dictionary"), Nested(PaginationOptions)] = Field(
        None, description="How collections are divided into pages whose description does not say so: a type alone, or a dictionary."
    )
    update_method: Literal["patch", "put"] = Field(
        "patch",
        description="`patch` sends changed fields, `put` complete records, where the description of an endpoint does not say so.",
    )
    username: Text | None = Field(None, description="Name of the user, for basic authentication or for a login.")
    password: Text | None = Field(None, repr=False, description="Password of the user.")
    token: Text | None = Field(None, repr=False, description="Token that is sent with every request.")
    auth_header: Text | None = Field(None, description="Header that holds the token. Defaults to `Authorization`.")
    auth_scheme: str | None = Field(
        None, description="Word in front of the token. Defaults to `Bearer` in the header `Authorization`, and to none in others."
    )
    auth_query: Text | None = Field(None, description="Query parameter that holds the token, in place of a header.")
    login: Annotated[Mapping[str, Any] | None, AfterValidator(LoginOptions.checked), Nested(LoginOptions)] = Field(
        None,
        description="How to log in with `username` and `password`, such as `{path: /login, token: data.token, logout: /logout}`.",
    )
    oauth2: Annotated[Mapping[str, Any] | None, AfterValidator(OAuth2Options.checked), Nested(OAuth2Options)] = Field(
        None, description="How to get a token by OAuth 2, such as `{token_url: /token, client_id: dsync, scope: write}`."
    )
    client_secret: Text | None = Field(None, repr=False, description="Secret of the client of OAuth 2.")
    sent_values: Text | None = Field(
        None,
        description="File, by its absolute path, with keyed digests of the values that the system does not show and that were last "
        "sent. Without it, such values are sent with new objects only.",
    )
    sent_key: Text | None = Field(None, repr=False, description="Passphrase of the digests in `sent_values`.")
    headers: Mapping[str, Any] | None = Field(None, description="Additional headers of every request.")
    secret_headers: Mapping[str, Any] | None = Field(
        None, repr=False, description="Additional headers of every request whose values are secret."
    )
    client_cert: Text | None = Field(
        None, description="File with a client certificate in PEM, with its key unless `client_key` has it."
    )
    client_key: Text | None = Field(None, description="File with the key of the client certificate.")
    client_key_password: Text | None = Field(None, repr=False, description="Password of the key of the client certificate.")
    rewrite_links: bool = Field(
        False,
        description="Whether to treat links to another server, as behind a proxy, as links to `base_url`. Such links are refused "
        "by default.",
    )
    introspect: bool = Field(
        True,
        description="Whether to request the fields of an endpoint with OPTIONS where something depends on them. Presets set it to "
        "`false`.",
    )
    workers: Count = Field(4, description="Maximum number of concurrent requests.")
    batch_size: Count = Field(
        50, description="Number of changes of one model and action that are handed to the workers in one batch."
    )
