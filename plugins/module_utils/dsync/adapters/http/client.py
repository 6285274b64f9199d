# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""HTTP as adapters need it: who one is, how often and for how long one tries, over TLS that is checked.

Every failure is one sentence, which names the method and the path, and never a query, a header or a secret.
"""

from __future__ import annotations

import email.utils
import json
import logging
import random
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ..._util.redaction import Redactor, secret_texts
from ...apply.retry import LIBRARY as RETRY_LIBRARY
from ...exceptions import LibraryMissing, RecordProblem
from .options import Credentials, Manners

if TYPE_CHECKING:
    import httpx

LIBRARY = "httpx"
"""What speaks HTTP; it is needed only by adapters that do."""

IDEMPOTENT = ("GET", "PUT", "DELETE")
"""Methods that may be repeated where nobody knows whether the first time did anything."""

_NO_CONTENT = 204
_TOO_MANY_REQUESTS = 429
"""A request of which nothing was done, whatever its method."""

LONGEST_WAIT = 60.0
"""Seconds; a server that asks for more patience is not asked again."""

_FIRST_WAIT = 0.5
_PASSING = (429, 502, 503, 504)
_GONE = (404, 410)
_MULTI_STATUS = 207
_LONGEST_TEXT = 200
_MESSAGES = ("detail", "message", "error", "errors", "title")
_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


class HttpProblem(RecordProblem):
    """A request failed.

    Attributes:
        status: what the server answered; None where no answer came.
        maybe: whether it may have been done all the same.
        down: whether the server cannot be reached at all.
        passes: whether the same request may succeed later, and can be sent again without harm.
        wait: how many seconds the server wants one to wait; None where it does not say.
        content: the body of the refusal; never shown as it is.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        *,
        maybe: bool = False,
        down: bool = False,
        passes: bool = False,
        wait: float | None = None,
        content: bytes = b"",
    ) -> None:
        super().__init__(message)
        self.status, self.maybe, self.down, self.content = status, maybe, down, content
        self.passes = passes and (wait is None or wait <= LONGEST_WAIT)
        self.wait = wait


# ---------------------------------------------------------------------- answers


class Answer:
    """What a server answered, and it was no refusal.

    Args:
        said: the method and the path, for messages.
        response: as it came; None where what was to be deleted was gone when the request was repeated.
    """

    def __init__(self, said: str, response: httpx.Response | None) -> None:
        self.said, self._response = said, response

    @property
    def url(self) -> str:
        """The address that answered."""
        return "" if self._response is None else str(self._response.url)

    @property
    def status(self) -> int:
        """The number of the answer; 204 where there was none to the request that counts."""
        return _NO_CONTENT if self._response is None else self._response.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer, in whatever case they are asked for."""
        return {} if self._response is None else self._response.headers

    @property
    def text(self) -> str:
        """The answer as text."""
        return "" if self._response is None else self._response.text

    @property
    def location(self) -> str | None:
        """Where the server says that something is."""
        return None if self._response is None else self._response.headers.get("Location")

    def json(self) -> Any:
        """Return the value that the answer is, None for one without content. Raises HttpProblem when it is not JSON."""
        if self.status == _NO_CONTENT:
            return None
        content = b"" if self._response is None else self._response.content
        try:
            return json.loads(content)
        except UnicodeDecodeError:
            return self._json_in_charset(content)
        except ValueError:
            begin = " ".join(content[:_LONGEST_TEXT].decode(errors="replace").split())
            what = f'it begins with "{begin[:60]}"' if begin else "it is empty"
            raise HttpProblem(f"{self.said}: the answer is not JSON: {what}") from None

    def _json_in_charset(self, content: bytes) -> Any:
        """Return the value of an answer that is not UTF-8, in the charset that its header names."""
        charset = None if self._response is None else self._response.charset_encoding
        try:
            return json.loads(content.decode(charset or "utf-8"))
        except (LookupError, ValueError):
            said = f"the charset {charset} that its header names" if charset else "UTF-8, and its header names no charset"
            raise HttpProblem(f"{self.said}: the answer is not JSON in {said}") from None

    def json_if_any(self) -> Any:
        """Return the value that the answer is, None where it is not JSON."""
        try:
            return self.json()
        except HttpProblem:
            return None

    def next_link(self) -> str | None:
        """Return where the next page is, as the Link header says (RFC 8288)."""
        links = {} if self._response is None else self._response.links
        return next((link["url"] for link in links.values() if "next" in link.get("rel", "").lower().split()), None)


# ---------------------------------------------------------------------- requests


class Client:
    """Sends requests to one server; may be used by several threads.

    Args:
        base: the address in front of every path, from :func:`.options.address`.
        who: what says who one is.
        context: how the server is recognised.
        manners: how it is treated.

    Raises:
        LibraryMissing: httpx is not installed, or tenacity, and there is to be more than one try.
    """

    def __init__(self, base: str, who: Credentials, context: ssl.SSLContext, manners: Manners) -> None:
        try:
            import httpx
        except ImportError:
            raise LibraryMissing("speaking HTTP needs the library httpx, which is not installed", LIBRARY) from None
        if manners.tries > 1:
            _tenacity()
        self.base, self._manners, self._pace = base, manners, _Pace(manners.rate_limit)
        self._origin = _origin(base)
        self._redactor = Redactor(secret_texts(who.secrets))
        _FILTER.hide(self._redactor)
        self.stopping = threading.Event()
        headers = httpx.Headers({"User-Agent": "dsync", "Accept": "application/json", "Content-Type": "application/json"})
        headers.update(who.headers)
        self._http = httpx.Client(
            headers=headers,
            verify=context,
            timeout=httpx.Timeout(manners.read_timeout, connect=manners.connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=manners.connections),
            trust_env=manners.trust_env,
            follow_redirects=False,
            event_hooks={"response": [_hang_up_after_refusal]},
        )
        self.close = weakref.finalize(self, self._http.close)

    def address_of(self, path: str, parameters: Mapping[str, Any]) -> str:
        """Return the whole address of a path, or of an address of this server, with parameters in its query."""
        import httpx

        url = httpx.URL(path if "://" in path else self.base + path)
        return str(url.copy_merge_params(parameters) if parameters else url)

    def joined(self, answer: Answer, link: str) -> str:
        """Return the address that a link in an answer means. Raises HttpProblem when it leads to another server."""
        import httpx

        try:
            url = str(httpx.URL(answer.url).join(link))
            origin = _origin(url)
        except (httpx.InvalidURL, ValueError):
            raise HttpProblem(f"{answer.said}: the link in the answer is no address") from None
        if origin != self._origin:
            raise HttpProblem(
                f"{answer.said}: the answer leads on to {_shown(origin)}, and not to {_shown(self._origin)}; another server is not "
                "told who one is, so this is not followed"
            )
        return url

    def request(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request, again when it fails in a way that may pass, and return the answer.

        Args:
            method: in capitals.
            url: a path below the address of the server, or a whole address of this server.
            body: what is sent as JSON; None for nothing.
            headers: more headers, of this request.

        Raises:
            HttpProblem: it was not sent, no answer came, or a refusal.
        """
        whole = self.address_of(url, {})
        said = f"{method} {urlsplit(whole).path}"
        try:
            content = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise HttpProblem(f"{said}: what is to be sent cannot be written as JSON ({type(error).__name__})") from None
        tried = 0

        def send() -> httpx.Response:
            nonlocal tried
            tried += 1
            return self._once(method, whole, said, content, headers)

        try:
            return Answer(said, self._retried(send))
        except HttpProblem as problem:
            if method == "DELETE" and tried > 1 and problem.status in _GONE:
                return Answer(said, None)
            raise

    def _retried(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        if self._manners.tries == 1:
            return send()
        tenacity = _tenacity()
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._manners.tries),
            wait=lambda state: _wait(state.attempt_number, state.outcome.exception()),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, HttpProblem) and error.passes),
            sleep=self._sleep,
            reraise=True,
        )
        return retry(send)  # type: ignore[no-any-return]  # what send returns

    def _sleep(self, duration: float) -> None:
        if self.stopping.wait(duration):
            raise HttpProblem("the run was interrupted")

    def _once(self, method: str, url: str, said: str, content: bytes | None, headers: Mapping[str, str] | None) -> httpx.Response:
        import httpx

        self._sleep(self._pace.wait())
        may_repeat = method in IDEMPOTENT or self._manners.retry_unsafe
        try:
            response = self._http.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise self._broken(method, url, said, error, may_repeat) from None
        if response.is_success and response.status_code != _MULTI_STATUS:
            return response
        raise self._refused(method, said, response, may_repeat)

    def _refused(self, method: str, said: str, response: httpx.Response, may_repeat: bool) -> HttpProblem:
        status = response.status_code
        if status == _MULTI_STATUS:
            text = "the server answers 207, some of it done and some not; say bulk: false, so that each has its own answer"
            return HttpProblem(f"{said}: {text}", status, maybe=True)
        if response.has_redirect_location:
            where = _shown(_origin(str(response.url.join(response.headers["Location"]))))
            text = f"the server answers {status} and sends one on to {where}; give the address that answers itself as base_url"
            return HttpProblem(f"{said}: {text}", status)
        hint = "; is the token, or the username and password, right?" if status == 401 else ""
        text = f"the server answers {status}: {message_of(response.content) or response.reason_phrase}{hint}"
        wait = _retry_after(response.headers.get("Retry-After"))
        if wait is not None and wait > LONGEST_WAIT:
            text += f"; it asks one to wait for {wait:.0f} seconds, and more than {LONGEST_WAIT:.0f} are not waited for"
        return HttpProblem(
            self._redactor.redact(f"{said}: {text}"),
            status,
            maybe=method != "GET" and status >= 500 and status not in (501, 503),
            passes=(may_repeat or status == _TOO_MANY_REQUESTS) and status in _PASSING,
            wait=wait,
            content=response.content,
        )

    def _broken(self, method: str, url: str, said: str, error: httpx.HTTPError, may_repeat: bool) -> HttpProblem:
        """Return what to raise when no answer came."""
        import httpx

        server, causes = _shown(_origin(url)), list(_causes(error))
        unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError))
        untrusted = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
        if isinstance(untrusted, ssl.SSLCertVerificationError):
            text = f"the certificate of {server} is not trusted ({untrusted.verify_message}); name who signed it with ca_file"
        elif untrusted is not None:
            text = f"TLS with {server} failed ({untrusted.reason})"
        elif any(isinstance(cause, socket.gaierror) for cause in causes):
            text = f"the host of {server} has no address"
        elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            text = f"{server} refuses the connection"
        elif isinstance(error, httpx.ConnectTimeout):
            text = f"no connection to {server} within {self._manners.connect_timeout:g} seconds"
        elif isinstance(error, httpx.TimeoutException):
            text = f"{server} gave no answer within {self._manners.read_timeout:g} seconds"
        elif unsent:
            text = f"no connection to {server} ({self._redactor.redact(str(error))})"
        else:
            text = f"the connection to {server} broke before the answer came ({self._redactor.redact(str(error))})"
        maybe = not unsent and method != "GET"
        if maybe:
            text += "; it may have been done all the same"
        passes = (unsent and untrusted is None) or (not unsent and may_repeat)
        return HttpProblem(f"{said}: {text}", maybe=maybe, down=unsent, passes=passes)


def _hang_up_after_refusal(response: httpx.Response) -> None:
    """Read a refusal to a request with a body, and let no other request have its connection.

    A server that has not read such a body ends the connection after its answer (RFC 9112, 9.3), and what is sent on it meanwhile
    gets no answer. It is ended while nobody else can be given it: the stream is read, and not closed, until that is done.
    """
    import httpx

    if response.is_error and response.request.headers.get("Content-Length", "0") != "0":
        stream = cast("httpx.SyncByteStream", response.stream)
        content = b"".join(stream)
        response.extensions["network_stream"].close()
        stream.close()
        response.stream = httpx.ByteStream(content)


def message_of(content: bytes) -> str:
    """Return what a server says about a refusal: what is at the usual place in JSON, or else the beginning of the text."""
    text = content[: _LONGEST_TEXT * 50].decode(errors="replace")
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if isinstance(value, dict):
        value = next((value[name] for name in _MESSAGES if value.get(name)), value)
    if value in ({}, []):
        return ""
    if value is not None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _tenacity() -> Any:
    try:
        import tenacity
    except ImportError:
        sentence = "requests can only be repeated with the library tenacity, which is not installed; or say tries: 1"
        raise LibraryMissing(sentence, RETRY_LIBRARY) from None
    return tenacity


def _wait(attempt: int, error: BaseException | None) -> float:
    """Return the seconds before the next try: what the server asks for, or twice as long each time and more at random."""
    asked: float | None = getattr(error, "wait", None)
    return asked if asked is not None else min(LONGEST_WAIT, _FIRST_WAIT * (2 ** (attempt - 1) + random.random()))


def _retry_after(text: str | None) -> float | None:
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)


def _shown(origin: tuple[str, str, int]) -> str:
    scheme, host, port = origin
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == (443 if scheme == "https" else 80) else f"{scheme}://{host}:{port}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


class _Pace:
    """Spreads requests, so that there are no more than so many a second."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 0.0 if rate is None else 1.0 / rate
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> float:
        """Take the next place, and return the seconds until then."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
        return at - now


class _Filter(logging.Filter):
    """Keeps the secrets of all clients out of what the libraries for HTTP log, such as headers of answers."""

    def __init__(self) -> None:
        super().__init__()
        self._redactors: weakref.WeakSet[Redactor] = weakref.WeakSet()

    def hide(self, redactor: Redactor) -> None:
        """Keep what this one knows out of the logs as long as it is there."""
        self._redactors.add(redactor)
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        for redactor in list(self._redactors):
            text = redactor.redact(text)
        record.msg, record.args = text, ()
        return True


_FILTER = _Filter()
