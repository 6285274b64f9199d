# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What failed, in one sentence, whether it may have been done all the same, and whether the request can be sent again."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from ..._util.redaction import Redactor
from .answers import HttpProblem, message_of
from .options import Manners
from .origin import origin_of, shown
from .pace import retry_after

if TYPE_CHECKING:
    import httpx

_IDEMPOTENT = ("GET", "PUT", "DELETE")
"""Methods that may be repeated when it is unknown whether the first time did anything."""

UNAUTHORIZED = 401
_TOO_MANY, _UNAVAILABLE = 429, 503
_PASSING = (429, 502, 503, 504)
_MULTI_STATUS = 207


class Asked(NamedTuple):
    """A request as it is sent, the first time and again.

    Attributes:
        said: the method and the path, for messages.
        deadline: when it must have ended, as a time of ``time.monotonic()``.
    """

    method: str
    url: str
    said: str
    content: bytes | None
    headers: Mapping[str, str]
    deadline: float

    @property
    def left(self) -> float:
        """The seconds until the deadline."""
        return self.deadline - time.monotonic()


def _may_repeat(asked: Asked, manners: Manners) -> bool:
    return asked.method in _IDEMPOTENT or manners.retry_unsafe


def refused(asked: Asked, response: httpx.Response, manners: Manners, redactor: Redactor) -> HttpProblem:
    """Return what to raise when a server refused.

    Args:
        asked: the request.
        response: the answer.
        manners: how the server is treated.
        redactor: knows the secrets that the sentence may not have.
    """
    method, said, status = asked.method, asked.said, response.status_code
    if status == _MULTI_STATUS:
        text = "the server answers 207, some of it done and some not; set bulk: false, so that each has its own answer"
        return HttpProblem(f"{said}: {text}", status, maybe=True)
    if response.has_redirect_location:
        return HttpProblem(f"{said}: the server answers {status} {_sent_on(asked, response)}", status)
    hint = "; check the token, or the username and password" if status == UNAUTHORIZED else ""
    wait = retry_after(response.headers.get("Retry-After"))
    undone = status == _TOO_MANY or (status == _UNAVAILABLE and wait is not None)
    patient = wait is None or wait <= min(manners.max_wait, asked.left)
    if wait is not None and status in _PASSING:
        hint = f"; it asks to wait {wait:.0f} seconds" + ("" if patient else f", and max_wait is {manners.max_wait:g}")
    text = f"the server answers {status}: {message_of(response.content) or response.reason_phrase}{hint}"
    return HttpProblem(
        redactor.redact(f"{said}: {text}"),
        status,
        maybe=method != "GET" and status >= 500 and status not in (501, _UNAVAILABLE),
        passes=(undone or (_may_repeat(asked, manners) and status in _PASSING)) and patient,
        wait=wait,
        content=response.content,
    )


def _sent_on(asked: Asked, response: httpx.Response) -> str:
    """Return where a redirect leads. It is not followed: another server would get the credentials, or a POST become a GET."""
    url = str(response.url.join(response.headers["Location"]))
    if origin_of(url) == origin_of(asked.url):
        return f"and sends one on to {urlsplit(url).path}; give that path"
    return f"and sends one on to {shown(origin_of(url))}; give the address that answers itself as base_url"


def broken(asked: Asked, error: httpx.HTTPError, manners: Manners, redactor: Redactor) -> HttpProblem:
    """Return what to raise when no answer came.

    Args:
        asked: the request.
        error: what happened.
        manners: how the server is treated.
        redactor: knows the secrets that the sentence may not have.
    """
    import httpx

    server, causes = shown(origin_of(asked.url)), list(_causes(error))
    unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError))
    untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if isinstance(untrusted, ssl.SSLCertVerificationError):
        text = (
            f"the certificate of {server} is not trusted ({untrusted.verify_message}); set ca_file to the certificate of its issuer"
        )
    elif untrusted is not None:
        text = f"TLS with {server} failed ({untrusted.reason})"
    elif any(isinstance(cause, socket.gaierror) for cause in causes):
        text = f"the host of {server} has no address"
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        text = f"{server} refuses the connection"
    elif asked.left <= 0:
        text = f"{server} did not end its answer within {manners.total_timeout:g} seconds (total_timeout)"
    elif isinstance(error, httpx.ConnectTimeout):
        text = f"no connection to {server} within {manners.connect_timeout:g} seconds"
    elif isinstance(error, httpx.TimeoutException):
        text = f"{server} gave no answer within {manners.read_timeout:g} seconds"
    elif unsent:
        text = f"no connection to {server} ({redactor.redact(str(error))})"
    else:
        text = f"the connection to {server} broke before the answer came ({redactor.redact(str(error))})"
    maybe = not unsent and asked.method != "GET"
    if maybe:
        text += "; it may have been done all the same"
    passes = asked.left > 0 and ((unsent and untrusted is None) or (not unsent and _may_repeat(asked, manners)))
    return HttpProblem(f"{asked.said}: {text}", maybe=maybe, down=unsent, passes=passes)


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
