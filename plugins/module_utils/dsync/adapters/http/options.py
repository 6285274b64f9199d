# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The options of adapters that use HTTP: the server's address, credentials, certificates, time limits and retries."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, quote_plus, urlsplit

from ..._util.pydantic import AfterValidator, Field
from ...records.declaration_reader import Declared
from ...storage.paths import absolute
from ..core.options import PLACE, SECRETS, Count, Number, Options, Seconds, Text

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+").fullmatch
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*").fullmatch

SECRET_OPTIONS = frozenset(("client_key_password", "client_secret", "password", "secret_headers", "token"))
"""The options for HTTP that are secret."""

_Value = TypeVar("_Value")


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        raise ValueError("this is not an address.") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address cannot contain a user name or password; give username, and password under secrets.")
    if wrong or re.search(r"[\s\x00-\x1f\\]", text):
        raise ValueError("this should be an address such as https://cmdb.example.com/api.")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError('an address below which everything is has no "?" and no "#".')
    return text


Address = Annotated[Text, AfterValidator(_address)]
"""The address below which everything is."""


class HttpOptions(Options):
    """How a server is recognised and treated; what all adapters that speak HTTP take."""

    connect_timeout: Seconds = Field(10.0, description="Maximum seconds to connect.")
    read_timeout: Seconds = Field(30.0, description="Maximum seconds between two pieces of an answer.")
    total_timeout: Seconds = Field(
        600.0, description="Maximum seconds for a request as a whole, including everything that is sent again."
    )
    max_wait: Seconds = Field(
        60.0,
        description="Longest `Retry-After`, in seconds, that is obeyed. A request for which the server asks to wait longer fails.",
    )
    verify: bool = Field(True, description="Whether to verify the certificate of the server.")
    ca_file: Text | None = Field(
        None, description="File of certificates, in PEM, to trust instead of those that the system trusts."
    )
    trust_env: bool = Field(False, description="Whether to use the proxies and the `.netrc` of the environment.")
    tries: Count = Field(
        3,
        description="Maximum number of times that a request is sent which fails with a transient error. A request that creates "
        "or changes something is repeated only if it was not sent at all, or if the server answers that it did nothing (429, or "
        "503 with `Retry-After`).",
    )
    retry_unsafe: bool = Field(False, description="Whether to repeat requests that create or change something as well.")
    rate_limit: Number | None = Field(None, description="Maximum number of requests per second. Unlimited by default.")


@dataclass(frozen=True)
class Credentials:
    """Credentials, as headers of every request.

    Attributes:
        headers: name → value, those that are secret included.
        secrets: what must never be seen.
        query: parameters of every request.
    """

    headers: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)


class DeclaredOptions(Declared):
    """Options of an adapter as a piece of a task; those of :data:`SECRET_OPTIONS` are in ``secrets``."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options, PLACE)

    def at(self, key: object) -> Declared:
        piece = super().at(key)
        return Declared(piece.value, f"{SECRETS}.{key}") if key in SECRET_OPTIONS else piece


def credentials(options: Mapping[str, Any]) -> Credentials:
    """Return the credentials. Raises DefinitionError.

    Args:
        options: ``username``, ``password``, ``token``, ``auth_header``, ``auth_scheme``, ``auth_query``, ``headers`` and
            ``secret_headers``; None for what is not given. With ``login`` or ``oauth2``, username and password are for these alone.
    """
    declared = DeclaredOptions(options)
    headers = {name: _header(name, piece) for name, piece in _given(declared, "headers")}
    hidden = {name: _header(name, piece) for name, piece in _given(declared, "secret_headers")}
    secrets = [*hidden.values(), *(str(options[name]) for name in ("password", "token") if options[name])]
    if options.get("login") is not None or options.get("oauth2") is not None:
        return Credentials({**headers, **hidden}, tuple(secrets))
    if options.get("auth_query") is not None:
        token = declared.at("token")
        if token.value is None or options["auth_header"] is not None or options["auth_scheme"] is not None:
            declared.at("auth_query").wrong("it is the parameter of a token; give token, and no auth_header and no auth_scheme.")
        query = {options["auth_query"]: token.value}
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
    """Return the header with the credentials, and its value; empty if nothing was given."""
    user, password, token = (declared.at(name) for name in ("username", "password", "token"))
    header = declared.at("auth_header").value or "Authorization"
    if token.value is None:
        for name in ("auth_header", "auth_scheme"):
            if declared.at(name).value is not None:
                declared.at(name).wrong("it determines how a token is sent, but there is no token; add one under secrets.")
        if user.value is None:
            if password.value is not None:
                password.wrong("there is a password and no username.")
            return "Authorization", ""
        if ":" in user.value:
            user.wrong('it cannot have ":" in it.')
        pair = f"{user.value}:{password.value or ''}"
        return "Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"
    if user.value is not None or password.value is not None:
        token.wrong("there are a token and a username; give one of them.")
    scheme = declared.at("auth_scheme")
    first = scheme.value if scheme.value is not None else "Bearer" if header.lower() == "authorization" else ""
    if not _HEADER_NAME(header):
        declared.at("auth_header").wrong(f"{declared.at('auth_header').shown()} is not a valid name of a header.")
    if first and not _HEADER_NAME(first):
        scheme.wrong(f"this should be one word, such as Bearer, and is {scheme.shown()}.")
    if not _HEADER_VALUE(token.value):
        token.wrong("it has a character that no header can have, such as a line break at its end.")
    return header, f"{first} {token.value}".strip()


def _header(name: str, declared: Declared) -> str:
    if not _HEADER_NAME(name):
        declared.wrong("this is not a valid name of a header.")
    if not isinstance(declared.value, str):
        declared.wrong("the value of a header should be a string.")
    if not _HEADER_VALUE(declared.value):
        declared.wrong("its value has a character that no header can have, such as a line break.")
    return declared.value


def tls(options: Mapping[str, Any]) -> ssl.SSLContext:
    """Return how servers are recognised: by the certificates that the system trusts, or those that ``ca_file`` has alone.

    Where there is no TLS, no certificates are loaded, which takes a while.

    Args:
        options: ``base_url``, ``trust_env``, ``verify``, ``ca_file``, ``client_cert``, ``client_key`` and ``client_key_password``;
            None for what is not given.

    Raises:
        DefinitionError: naming the option.
    """
    declared = DeclaredOptions(options)
    authority, own, key = (declared.at(name) for name in ("ca_file", "client_cert", "client_key"))
    verify = options["verify"]
    if not verify and authority.value is not None:
        authority.wrong("with verify: false no certificate is checked; omit one of the two.")
    if key.value is not None and own.value is None:
        key.wrong("there is a key and no client_cert.")
    if authority.value is not None or options["trust_env"] or options["base_url"].lower().startswith("https:"):
        context = _loaded(authority, lambda: ssl.create_default_context(cafile=authority.value))
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own.value is not None:
        password = options["client_key_password"] or ""  # none at all would have it asked for on the terminal
        _loaded(own, lambda: context.load_cert_chain(own.value, key.value, password))
    return context


def _loaded(declared: Declared, load: Callable[[], _Value]) -> _Value:
    file = "" if declared.value is None else absolute(declared.value)
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


def manners(options: HttpOptions, connections: int, rewrite_links: bool) -> Manners:
    """Return how a server is treated.

    Args:
        options: of the adapter.
        connections: how many requests may be under way at a time.
        rewrite_links: whether links in answers are taken for links to this server.
    """
    return Manners(
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        total_timeout=options.total_timeout,
        max_wait=options.max_wait,
        trust_env=options.trust_env,
        tries=options.tries,
        retry_unsafe=options.retry_unsafe,
        rate_limit=options.rate_limit,
        connections=connections,
        rewrite_links=rewrite_links,
    )
