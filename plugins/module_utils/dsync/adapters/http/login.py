# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Logins: a request gets a token or a cookie, which the others carry until the server refuses it.

::

    login: {path: /api/login, body: {user: "{username}", pwd: "{password}"}, token: data.token, logout: /api/logout}
    oauth2: {token_url: /oauth/token, grant: client_credentials, client_id: dsync, scope: write}

:class:`LoginOptions` and :class:`OAuth2Options` describe them. ``client_secret`` is a secret, and sent as basic authentication. A
token_url may be on another server, as it is given by the user and not by an answer.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, urlencode

from ..._util.pydantic import AfterValidator, Field
from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, read, text_of_path
from ..core.options import AnswerPath, Kind, NestedOptions, Text
from .answers import Answer, HttpProblem

_FORM = "application/x-www-form-urlencoded"
_EARLIER = 30.0
"""Seconds before its end in which a token is not used any more."""


def _url_path(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError(f'a path begins with "/"; this is {text!r}.')
    return text


def _token_url(text: str) -> str:
    if not text.startswith(("/", "http://", "https://")):
        raise ValueError(f"this should be a path, such as /oauth/token, or an address, and is {text!r}.")
    return text


UrlPath = Annotated[Text, AfterValidator(_url_path)]
"""A path below the address of the server."""


class LoginOptions(NestedOptions):
    """The option ``login``."""

    option = "login"

    path: UrlPath = Field(description="Path of the request that logs in.")
    method: Text = Field("POST", description="Method of this request.")
    body: Annotated[Any, Kind("any value")] = Field(
        None,
        description="Body of this request, in which `{username}` and `{password}` are replaced by their values. Defaults to a "
        "dictionary with both.",
    )
    form: bool = Field(False, description="Whether the body is sent as a form instead of JSON.")
    token: AnswerPath = Field(
        None, description="Where the answer has the token. Without it, the cookies of the answer are sent with each request."
    )
    lasts: AnswerPath = Field(
        ("expires_in",), description="Where the answer has the number of seconds after which to log in again."
    )
    logout: UrlPath | None = Field(None, description="Path of a request that ends the session.")
    logout_method: Text = Field("POST", description="Method of this request.")


class OAuth2Options(NestedOptions):
    """The option ``oauth2``."""

    option = "oauth2"

    token_url: Annotated[Text, AfterValidator(_token_url)] = Field(description="Path or address of the token endpoint.")
    client_id: Text = Field(description="Identifier of the client.")
    grant: Literal["client_credentials", "password"] = Field(
        "client_credentials", description="`password` sends `username` and `password` as well."
    )
    scope: Text | None = Field(None, description="Scope of the token.")


@dataclass(frozen=True)
class Login:
    """How one logs in.

    Attributes:
        url: a path below the address of the server, or a whole address.
        content: what is sent.
        headers: of the request that logs in.
        method: of it.
        token: where the answer has a token; empty if cookies count.
        header: the header of the token.
        scheme: the word in front of it.
        lasts: where the answer has the seconds for which the login counts, if it has them.
        logout: the path that ends the session; None for none.
        logout_method: how it is requested.
        secrets: what must never be seen.
    """

    url: str
    content: bytes
    headers: Mapping[str, str]
    method: str = "POST"
    token: Path = ()
    header: str = "Authorization"
    scheme: str = "Bearer"
    lasts: Path = ("expires_in",)
    logout: str | None = None
    logout_method: str = "POST"
    secrets: tuple[str, ...] = ()

    def entered(self, answer: Answer) -> Entered:
        """Return what an answer to the login gives. Raises HttpProblem where it has no token."""
        if not self.token:
            return Entered(until=self._until(answer.json_if_any()))
        value = answer.json()
        token = read(value, self.token)
        if token is MISSING or not isinstance(token, str) or not token:
            raise HttpProblem(f'{answer.said}: the answer to the login has no token at "{text_of_path(self.token)}"')
        return Entered({self.header: f"{self.scheme} {token}".strip()}, (token,), self._until(value))

    def _until(self, value: Any) -> float | None:
        """Return when a login ends, as a time of ``time.monotonic()``; None if the answer does not say so."""
        lasts = read(value, self.lasts)
        if isinstance(lasts, str) and lasts.isdecimal():
            lasts = int(lasts)
        return time.monotonic() + max(1.0, lasts - _EARLIER) if isinstance(lasts, (int, float)) else None


@dataclass(frozen=True)
class Entered:
    """What one got by logging in.

    Attributes:
        headers: of every request.
        secrets: what of it must never be seen.
        until: when it ends, as a time of ``time.monotonic()``; None if unknown.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.until is not None and time.monotonic() >= self.until


def login_of(declared: Declared) -> Login | None:
    """Return how to log in; None if neither ``login`` nor ``oauth2`` is given. Raises DefinitionError.

    Args:
        declared: the options ``login``, ``oauth2``, ``username``, ``password``, ``client_secret``, ``token``, ``auth_header`` and
            ``auth_scheme``; None for what is not given.
    """
    login, oauth2 = declared.at("login"), declared.at("oauth2")
    if login.value is None and oauth2.value is None:
        if declared.at("client_secret").value is not None:
            declared.at("client_secret").wrong("there is a client_secret and no oauth2.")
        return None
    if login.value is not None and oauth2.value is not None:
        oauth2.wrong("there are login and oauth2; give one of them.")
    if declared.at("token").value is not None:
        declared.at("token").wrong("a login gets the token; omit one of the two.")
    return _session(declared, login) if oauth2.value is None else _oauth2(declared, oauth2)


def _session(declared: Declared, login: Declared) -> Login:
    given = LoginOptions.part(login)
    values = {name: _text(declared, name) for name in ("username", "password")}
    body = values if given.body is None else _filled(given.body, values)
    if given.form and not isinstance(body, Mapping):
        login.at("body").wrong("a form is a dictionary.")
    header = declared.at("auth_header").value or "Authorization"
    scheme = declared.at("auth_scheme").value
    return Login(
        given.path,
        urlencode(body).encode() if given.form else _json(body),
        {"Content-Type": _FORM if given.form else "application/json"},
        method=given.method.upper(),
        token=given.token or (),
        header=header,
        scheme=scheme if scheme is not None else "Bearer" if header.lower() == "authorization" else "",
        lasts=given.lasts,
        logout=given.logout,
        logout_method=given.logout_method.upper(),
        secrets=(values["password"],),
    )


def _oauth2(declared: Declared, oauth2: Declared) -> Login:
    given = OAuth2Options.part(oauth2)
    form: dict[str, str] = {"grant_type": given.grant}
    secret = declared.at("client_secret")
    secrets = [secret.value] if secret.value is not None else []
    if given.grant == "password":
        form.update({name: _text(declared, name) for name in ("username", "password")})
        secrets.append(form["password"])
    if given.scope is not None:
        form["scope"] = given.scope
    headers = {"Content-Type": _FORM}
    if secret.value is not None:
        pair = base64.b64encode(f"{quote_plus(given.client_id)}:{quote_plus(secret.value)}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
        secrets += [pair, quote_plus(secret.value)]
    elif given.grant == "client_credentials":
        oauth2.wrong("the grant client_credentials needs client_secret; give it under secrets.")
    else:
        form["client_id"] = given.client_id
    return Login(given.token_url, urlencode(form).encode(), headers, token=("access_token",), secrets=tuple(secrets))


def _text(declared: Declared, name: str) -> str:
    if declared.at(name).value is None:
        declared.at(name).wrong("the login needs it; add it.")
    text: str = declared.at(name).value
    return text


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return the body of a login with username and password in the places of their names."""
    if isinstance(value, Mapping):
        return {name: _filled(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    return values.get(value[1:-1], value) if isinstance(value, str) and value[:1] == "{" else value


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
