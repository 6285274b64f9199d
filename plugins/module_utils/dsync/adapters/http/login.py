# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Logins: a request gets a token or a cookie, which the others carry until the server refuses it.

::

    login: {path: /api/login, body: {user: "{username}", pwd: "{password}"}, token: data.token, logout: /api/logout}
    oauth2: {token_url: /oauth/token, grant: client_credentials, client_id: dsync, scope: write}

Of ``login``, all but ``path`` can be left out: ``method`` (POST), ``body`` (username and password), ``form`` (false: the body is
JSON), ``token`` (where the answer has it; without it, its cookies count) and ``logout`` (a path, requested with ``logout_method``,
POST, in the end). ``grant`` of ``oauth2`` is ``client_credentials`` or ``password`` (RFC 6749); ``client_secret`` is a secret, and
sent as basic authentication. A token_url may be on another server, as it is given by the user and not by an answer.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode

from ...records.declaration_reader import Declared
from ...records.path import MISSING, Path, path_of, read, text_of_path
from .answers import Answer, HttpProblem

_LOGIN_KEYS = ("path", "method", "body", "form", "token", "logout", "logout_method")
_OAUTH2_KEYS = ("token_url", "grant", "client_id", "scope")
_GRANTS = ("client_credentials", "password")
_FORM = "application/x-www-form-urlencoded"
_EARLIER = 30.0
"""Seconds before its end in which a token is not used any more."""


@dataclass(frozen=True)
class Login:
    """How one logs in.

    Attributes:
        url: a path below the address of the server, or a whole address.
        content: what is sent.
        headers: of the request that logs in.
        method: of it.
        token: where the answer has a token; empty where cookies count.
        header: the header of the token.
        scheme: the word in front of it.
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
    logout: str | None = None
    logout_method: str = "POST"
    secrets: tuple[str, ...] = ()

    def entered(self, answer: Answer) -> Entered:
        """Return what an answer to the login gives. Raises HttpProblem where it has no token."""
        if not self.token:
            return Entered()
        value = answer.json()
        token = read(value, self.token)
        if token is MISSING or not isinstance(token, str) or not token:
            raise HttpProblem(f'{answer.said}: the answer to the login has no token at "{text_of_path(self.token)}"')
        lasts = value.get("expires_in") if isinstance(value, dict) else None
        until = time.monotonic() + max(1.0, lasts - _EARLIER) if isinstance(lasts, (int, float)) else None
        return Entered({self.header: f"{self.scheme} {token}".strip()}, (token,), until)


@dataclass(frozen=True)
class Entered:
    """What one got by logging in.

    Attributes:
        headers: of every request.
        secrets: what of it must never be seen.
        until: when it ends, as ``time.monotonic()`` counts; None where nobody knows.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    until: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.until is not None and time.monotonic() >= self.until


def login_of(declared: Declared) -> Login | None:
    """Return how one logs in; None where neither ``login`` nor ``oauth2`` is given. Raises DefinitionError.

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
    keys = dict(login.mapping(_LOGIN_KEYS))
    if "path" not in keys:
        login.wrong('it has no "path" to log in at; add it.')
    values = {name: _text(declared, name) for name in ("username", "password")}
    body = _filled(keys["body"].value, values) if "body" in keys else values
    form = keys["form"].truth() if "form" in keys else False
    if form and not isinstance(body, Mapping):
        keys["body"].wrong("a form is a dictionary.")
    header = declared.at("auth_header").value or "Authorization"
    scheme = declared.at("auth_scheme").value
    return Login(
        _path(keys["path"]),
        urlencode(body).encode() if form else _json(body),
        {"Content-Type": _FORM if form else "application/json"},
        method=keys["method"].text().upper() if "method" in keys else "POST",
        token=path_of(keys["token"]) if "token" in keys else (),
        header=header,
        scheme=scheme if scheme is not None else "Bearer" if header.lower() == "authorization" else "",
        logout=_path(keys["logout"]) if "logout" in keys else None,
        logout_method=keys["logout_method"].text().upper() if "logout_method" in keys else "POST",
        secrets=(values["password"],),
    )


def _oauth2(declared: Declared, oauth2: Declared) -> Login:
    keys = dict(oauth2.mapping(_OAUTH2_KEYS))
    for name in ("token_url", "client_id"):
        if name not in keys:
            oauth2.wrong(f'it has no "{name}".')
    grant = keys["grant"].one_of(_GRANTS) if "grant" in keys else _GRANTS[0]
    form = {"grant_type": grant}
    secret = declared.at("client_secret")
    secrets = [secret.value] if secret.value is not None else []
    if grant == "password":
        form.update({name: _text(declared, name) for name in ("username", "password")})
        secrets.append(form["password"])
    if "scope" in keys:
        form["scope"] = keys["scope"].text()
    headers, identifier = {"Content-Type": _FORM}, keys["client_id"].text()
    if secrets and secret.value is not None:
        pair = base64.b64encode(f"{quote_plus(identifier)}:{quote_plus(secret.value)}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
        secrets += [pair, quote_plus(secret.value)]
    elif grant == "client_credentials":
        oauth2.wrong("the grant client_credentials needs client_secret; give it under secrets.")
    else:
        form["client_id"] = identifier
    return Login(_token_url(keys["token_url"]), urlencode(form).encode(), headers, token=("access_token",), secrets=tuple(secrets))


def _text(declared: Declared, name: str) -> str:
    if declared.at(name).value is None:
        declared.at(name).wrong(f"the login needs it; give {name}{' under secrets' if name == 'password' else ''}.")
    text: str = declared.at(name).value
    return text


def _path(declared: Declared) -> str:
    text = declared.text()
    if not text.startswith("/"):
        declared.wrong(f'a path begins with "/"; this is {declared.shown()}.')
    return text


def _token_url(declared: Declared) -> str:
    text = declared.text()
    if not text.startswith(("/", "http://", "https://")):
        declared.wrong(f"this should be a path, such as /oauth/token, or an address, and is {declared.shown()}.")
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
