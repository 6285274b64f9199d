# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of who speaks HTTP: where the server is, who one is, how the server is recognised and treated."""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

from ...records.declaration_reader import Declared
from ...storage.paths import absolute

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*").fullmatch

_Value = TypeVar("_Value")


def address(declared: Declared) -> str:
    """Return the address below which everything is, without a slash at its end. Raises DefinitionError."""
    text = declared.text()
    try:
        parts = urlsplit(text)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        declared.wrong("this is no address.")
    if parts.username is not None or parts.password is not None:
        declared.wrong("no name and no password can stand in an address; give username, and password under secrets.")
    if wrong or re.search(r"[\s\x00-\x1f\\]", text):
        declared.wrong("this should be an address such as https://cmdb.example.com/api.")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        declared.wrong('an address below which everything is has no "?" and no "#".')
    return text.rstrip("/")


def seconds(declared: Declared) -> float:
    """Return a number above 0. Raises DefinitionError when it is none."""
    value = declared.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        declared.wrong(f"this should be a number above 0, and is {declared.shown()}.")
    return float(value)


@dataclass(frozen=True)
class Credentials:
    """Who one is, as headers of every request.

    Attributes:
        headers: name → value, those that are secret included.
        secrets: what must never be seen.
        query: parameters of every request.
    """

    headers: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)


def credentials(options: Mapping[str, Any], place: str = "options") -> Credentials:
    """Return who one is. Raises DefinitionError.

    Args:
        options: ``username``, ``password``, ``token``, ``auth_header``, ``auth_scheme``, ``auth_query``, ``headers`` and
            ``secret_headers``; None for what is not given. With ``login`` or ``oauth2``, username and password are for these alone.
        place: what the options are called in messages.
    """
    declared = Declared(options, place)
    headers = {name: _header(name, piece) for name, piece in _given(declared, "headers")}
    hidden = {name: _header(name, piece) for name, piece in _given(declared, "secret_headers")}
    secrets = [*hidden.values(), *(str(options[name]) for name in ("password", "token") if options[name])]
    if options.get("login") is not None or options.get("oauth2") is not None:
        return Credentials({**headers, **hidden}, tuple(secrets))
    if options.get("auth_query") is not None:
        token = declared.at("token")
        if token.value is None or options["auth_header"] is not None or options["auth_scheme"] is not None:
            declared.at("auth_query").wrong("it is the parameter of a token; give token, and no auth_header and no auth_scheme.")
        query = {declared.at("auth_query").text(): secret_text(token, in_header=False)}
        return Credentials({**headers, **hidden}, (*secrets, quote(token.value, safe=""), quote_plus(token.value)), query)
    name, value = _authorization(declared)
    if value:
        hidden[name] = value
        secrets += (value, value.split(" ", 1)[-1])
    return Credentials({**headers, **hidden}, tuple(secrets))


def _given(declared: Declared, name: str) -> Iterator[tuple[str, Declared]]:
    piece = declared.at(name)
    return iter(()) if piece.value is None else piece.mapping()


def _authorization(declared: Declared) -> tuple[str, str]:
    """Return the header that says who one is, and its value; empty where nothing was given."""
    user, password, token = (declared.at(name) for name in ("username", "password", "token"))
    header = declared.at("auth_header").value or "Authorization"
    if token.value is None:
        for name in ("auth_header", "auth_scheme"):
            if declared.at(name).value is not None:
                declared.at(name).wrong("it says how a token is sent, and there is no token; give it under secrets.")
        if user.value is None:
            if password.value is not None:
                password.wrong("there is a password and no username.")
            return "Authorization", ""
        if ":" in user.text():
            user.wrong('it cannot have ":" in it.')
        pair = f"{user.text()}:{'' if password.value is None else secret_text(password)}"
        return "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"
    if user.value is not None or password.value is not None:
        token.wrong("there are a token and a username; give one of them.")
    scheme = declared.at("auth_scheme")
    first = scheme.value if scheme.value is not None else "Bearer" if header.lower() == "authorization" else ""
    if not isinstance(header, str) or not _HEADER_NAME(header):
        declared.at("auth_header").wrong(f"{declared.at('auth_header').shown()} is no name of a header.")
    if not isinstance(first, str) or (first and not _HEADER_NAME(first)):
        scheme.wrong(f"this should be one word, such as Bearer, and is {scheme.shown()}.")
    return header, f"{first} {secret_text(token)}".strip()


def secret_text(declared: Declared, in_header: bool = True) -> str:
    """Return a secret, which no message may show; a token as a header can hold it. Raises DefinitionError."""
    if not isinstance(declared.value, str) or not declared.value:
        declared.wrong("this should be a string, and not an empty one.")
    if in_header and declared.place.endswith(".token") and not _HEADER_VALUE(declared.value):
        declared.wrong("it has a character that no header can have, such as a line break at its end.")
    return declared.value


def _header(name: str, declared: Declared) -> str:
    if not _HEADER_NAME(name):
        declared.wrong("this is no name of a header.")
    if not isinstance(declared.value, str):
        declared.wrong("the value of a header should be a string.")
    if not _HEADER_VALUE(declared.value):
        declared.wrong("its value has a character that no header can have, such as a line break.")
    return declared.value


def tls(options: Mapping[str, Any], place: str = "options") -> ssl.SSLContext:
    """Return how servers are recognised: by the certificates that the system trusts, or those that ``ca_file`` has alone.

    Where there is no TLS, no certificates are loaded, which takes a while.

    Args:
        options: ``base_url``, ``trust_env``, ``verify``, ``ca_file``, ``client_cert``, ``client_key`` and ``client_key_password``;
            None for what is not given.
        place: what the options are called in messages.

    Raises:
        DefinitionError: naming the option.
    """
    declared = Declared(options, place)
    authority, own, key = (declared.at(name) for name in ("ca_file", "client_cert", "client_key"))
    verify = declared.at("verify").truth()
    if not verify and authority.value is not None:
        authority.wrong("with verify: false no certificate is checked; leave one of the two out.")
    if key.value is not None and own.value is None:
        key.wrong("there is a key and no client_cert.")
    if authority.value is not None or options["trust_env"] or options["base_url"].lower().startswith("https:"):
        context = _loaded(authority, lambda: ssl.create_default_context(cafile=authority.value and authority.text()))
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own.value is not None:
        password = options["client_key_password"] or ""  # none at all would have it asked for on the terminal
        _loaded(own, lambda: context.load_cert_chain(own.text(), key.value and key.text(), password))
    return context


def _loaded(declared: Declared, load: Callable[[], _Value]) -> _Value:
    file = "" if declared.value is None else absolute(declared.text())
    named = file or "the certificates of the system"
    try:
        return load()
    except ssl.SSLError as error:
        why = error.reason or "no PEM"
        declared.wrong(f"{named} has no certificates in PEM, or its key does not open ({why}).", file)
    except OSError as error:
        declared.wrong(f"{named} cannot be read: {error.strerror}.", file)


@dataclass(frozen=True)
class Manners:
    """How a server is treated.

    Attributes:
        connect_timeout: seconds.
        read_timeout: seconds, between two pieces of an answer.
        total_timeout: seconds for a request from its beginning to the end of its answer, everything that is sent again included.
        max_wait: seconds; a server that asks to wait longer before the request is sent again is not asked again.
        trust_env: whether proxies and .netrc of the environment count.
        tries: how often a request is sent at most.
        retry_unsafe: whether all methods may be repeated.
        rate_limit: requests a second; None for no limit.
        connections: how many at a time.
        rewrite_links: whether links in answers are taken for links to this server, whichever server they name.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    total_timeout: float = 600.0
    max_wait: float = 60.0
    trust_env: bool = False
    tries: int = 3
    retry_unsafe: bool = False
    rate_limit: float | None = None
    connections: int = 1
    rewrite_links: bool = False


def manners(declared: Declared, connections: int, rewrite_links: bool = False) -> Manners:
    """Return how a server is treated. Raises DefinitionError naming the option.

    Args:
        declared: the options, which have the names of the attributes of :class:`Manners`.
        connections: how many requests may be under way at a time.
        rewrite_links: what counts where there is no such option.
    """
    rate = declared.at("rate_limit")
    links = declared.at("rewrite_links")
    return Manners(
        connect_timeout=seconds(declared.at("connect_timeout")),
        read_timeout=seconds(declared.at("read_timeout")),
        total_timeout=seconds(declared.at("total_timeout")),
        max_wait=seconds(declared.at("max_wait")),
        trust_env=declared.at("trust_env").truth(),
        tries=declared.at("tries").number(1),
        retry_unsafe=declared.at("retry_unsafe").truth(),
        rate_limit=None if rate.value is None else seconds(rate),
        connections=connections,
        rewrite_links=rewrite_links if links.value is None else links.truth(),
    )


def from_environment(value: str | None, place: str, *names: str) -> str:
    """Return the value of an option, or of the first of some environment variables that is set.

    Args:
        value: as it was given; None where it was not.
        place: what the option is called in messages.
        names: of the variables.

    Raises:
        DefinitionError: neither the option nor a variable has a value.
    """
    found = value if value is not None else next((os.environ[name] for name in names if os.environ.get(name)), None)
    if found is None:
        Declared(None, place).wrong(f"give it, or set the environment variable {' or '.join(names)}.")
    return found
