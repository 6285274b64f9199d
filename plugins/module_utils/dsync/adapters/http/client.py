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
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import urlsplit

from ..._util.redaction import Redactor, secret_texts
from ...apply.retry import LIBRARY as RETRY_LIBRARY
from ...exceptions import LibraryMissing
from .answers import Answer, HttpProblem, message_of
from .deadline import Deadlines
from .login import Entered, Login
from .options import Credentials, Manners

if TYPE_CHECKING:
    import httpx

LIBRARY = "httpx"
"""What speaks HTTP; it is needed only by adapters that do."""

IDEMPOTENT = ("GET", "PUT", "DELETE")
"""Methods that may be repeated where nobody knows whether the first time did anything."""

_FIRST_WAIT = 0.5
_LONGEST_PAUSE = 60.0
_UNAUTHORIZED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_PASSING = (429, 502, 503, 504)
_GONE = (404, 410)
_MULTI_STATUS = 207
_HTTPS_PORT, _HTTP_PORT = 443, 80
_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


logger = logging.getLogger("dsync")


class _Asked(NamedTuple):
    """A request as it is sent, the first time and again.

    Attributes:
        said: the method and the path, for messages.
        deadline: when it has to be over, as ``time.monotonic()`` counts.
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


class Client:
    """Sends requests to one server; may be used by several threads.

    Args:
        base: the address in front of every path, from :func:`.options.address`.
        who: what says who one is.
        context: how the server is recognised.
        manners: how it is treated.
        login: how one logs in before the first request, and again when the server answers 401; None for no login.

    Raises:
        LibraryMissing: httpx is not installed, or tenacity, and there is to be more than one try.
    """

    def __init__(self, base: str, who: Credentials, context: ssl.SSLContext, manners: Manners, login: Login | None = None) -> None:
        try:
            import httpx
        except ImportError:
            raise LibraryMissing("speaking HTTP needs the library httpx, which is not installed", LIBRARY) from None
        if manners.tries > 1:
            _tenacity()
        self.base, self._manners, self._pace = base, manners, _Pace(manners.rate_limit)
        self._origin = _origin(base)
        self._query, self._login, self._logging_in = who.query, login, threading.Lock()
        self._entered: list[Entered] = []
        self._secrets = secret_texts((*who.secrets, *(login.secrets if login else ())))
        self._hide(())
        self.stopping = threading.Event()
        self._deadlines = Deadlines()
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
        self.close = weakref.finalize(self, _end, self._http, login, self._entered, base)

    def _hide(self, secrets: tuple[str, ...]) -> None:
        """Let nobody see more secrets."""
        self._secrets |= secret_texts(secrets)
        self._redactor = Redactor(self._secrets)
        _FILTER.hide(self._redactor)

    def address_of(self, path: str, parameters: Mapping[str, Any]) -> str:
        """Return the whole address of a path, or of an address of this server, with parameters in its query."""
        import httpx

        url = httpx.URL(self.base + path if path.startswith("/") else path)
        return str(url.copy_merge_params(parameters) if parameters else url)

    def _with_query(self, url: str) -> str:
        import httpx

        return str(httpx.URL(url).copy_merge_params(self._query)) if self._query and _origin(url) == self._origin else url

    def joined(self, answer: Answer, link: str) -> str:
        """Return the address that a link in an answer means, as one of this server where links are rewritten.

        Raises:
            HttpProblem: it leads to another server, to which nothing is sent.
        """
        import httpx

        try:
            url = str(httpx.URL(answer.url).join(link))
            origin = _origin(url)
        except (httpx.InvalidURL, ValueError):
            raise HttpProblem(f"{answer.said}: the link in the answer is no address") from None
        if origin == self._origin:
            return url
        if not self._manners.rewrite_links:
            raise HttpProblem(
                f"{answer.said}: the answer leads on to {_shown(origin)}, and not to {_shown(self._origin)}; another server is not "
                "told who one is, so this is not followed. If it is the same server under another name, set rewrite_links: true"
            )
        own = urlsplit(self.base)
        return urlsplit(url)._replace(scheme=own.scheme, netloc=own.netloc).geturl()

    def request(self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request, again when it fails in a way that may pass, and return the answer.

        Args:
            method: in capitals.
            url: a path below the address of the server, or a whole address of this server.
            body: what is sent as JSON; None for nothing.
            headers: of this request alone.

        Raises:
            HttpProblem: it was not sent, no answer came, or a refusal.
        """
        whole = self.address_of(url, {})
        said = f"{method} {urlsplit(whole).path}"
        try:
            content = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise HttpProblem(f"{said}: what is to be sent cannot be written as JSON ({type(error).__name__})") from None
        asked = _Asked(method, whole, said, content, headers or {}, time.monotonic() + self._manners.total_timeout)
        tried = 0

        def send() -> httpx.Response:
            nonlocal tried
            tried += 1
            return self._once(asked)

        try:
            return Answer(said, self._retried(send, asked))
        except HttpProblem as problem:
            if method == "DELETE" and tried > 1 and problem.status in _GONE:
                return Answer(said, None)
            raise

    def _retried(self, send: Callable[[], httpx.Response], asked: _Asked) -> httpx.Response:
        if self._manners.tries == 1:
            return send()
        tenacity = _tenacity()
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._manners.tries),
            wait=lambda state: min(_pause(state.attempt_number, state.outcome.exception()), max(0.0, asked.left)),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, HttpProblem) and error.passes),
            before_sleep=lambda state: logger.info("%s; sent again in %.1f s", state.outcome.exception(), state.next_action.sleep),
            sleep=self.sleep,
            reraise=True,
        )
        return retry(send)  # type: ignore[no-any-return]  # what send returns

    def sleep(self, duration: float) -> None:
        """Wait for so many seconds. Raises HttpProblem when the run is interrupted meanwhile."""
        if self.stopping.wait(duration):
            raise HttpProblem("the run was interrupted")

    def _once(self, asked: _Asked) -> httpx.Response:
        if self._login is None:
            return self._send(asked)
        entered = self._logged_in(self._login, asked, None)
        try:
            return self._send(asked._replace(headers={**asked.headers, **entered.headers}))
        except HttpProblem as problem:
            if problem.status != _UNAUTHORIZED:
                raise
        entered = self._logged_in(self._login, asked, entered)
        return self._send(asked._replace(headers={**asked.headers, **entered.headers}))

    def _logged_in(self, login: Login, asked: _Asked, refused: Entered | None) -> Entered:
        """Return what one has by logging in, which is done again where it is over, or the server refused it."""
        with self._logging_in:
            entered = self._entered[-1] if self._entered else None
            if entered is None or entered is refused or entered.is_over:
                self._entered.clear()
                self._http.cookies.clear()
                url = self.address_of(login.url, {})
                said = f"{login.method} {urlsplit(url).path}"
                response = self._send(_Asked(login.method, url, said, login.content, login.headers, asked.deadline))
                entered = login.entered(Answer(said, response))
                self._entered.append(entered)
                self._hide((*entered.secrets, *self._http.cookies.values()))
            return entered

    def _send(self, asked: _Asked) -> httpx.Response:
        import httpx

        self.sleep(self._pace.wait())
        extensions = {"trace": self._deadlines.trace}
        try:
            with self._deadlines.until(asked.deadline):
                response = self._http.request(
                    asked.method, self._with_query(asked.url), content=asked.content, headers=asked.headers, extensions=extensions
                )
        except httpx.HTTPError as error:
            raise self._broken(asked, error) from None
        if response.is_success and response.status_code != _MULTI_STATUS:
            return response
        raise self._refused(asked, response)

    def _may_repeat(self, asked: _Asked) -> bool:
        return asked.method in IDEMPOTENT or self._manners.retry_unsafe

    def _refused(self, asked: _Asked, response: httpx.Response) -> HttpProblem:
        method, said, status = asked.method, asked.said, response.status_code
        if status == _MULTI_STATUS:
            text = "the server answers 207, some of it done and some not; say bulk: false, so that each has its own answer"
            return HttpProblem(f"{said}: {text}", status, maybe=True)
        if response.has_redirect_location:
            return HttpProblem(f"{said}: the server answers {status} {self._sent_on(response)}", status)
        hint = "; is the token, or the username and password, right?" if status == _UNAUTHORIZED else ""
        wait = _retry_after(response.headers.get("Retry-After"))
        undone = status == _TOO_MANY or (status == _UNAVAILABLE and wait is not None)
        patient = wait is None or wait <= min(self._manners.max_wait, asked.left)
        if wait is not None and status in _PASSING:
            hint = f"; it asks to wait {wait:.0f} seconds" + ("" if patient else f", and max_wait is {self._manners.max_wait:g}")
        text = f"the server answers {status}: {message_of(response.content) or response.reason_phrase}{hint}"
        return HttpProblem(
            self._redactor.redact(f"{said}: {text}"),
            status,
            maybe=method != "GET" and status >= 500 and status not in (501, _UNAVAILABLE),
            passes=(undone or (self._may_repeat(asked) and status in _PASSING)) and patient,
            wait=wait,
            content=response.content,
        )

    def _sent_on(self, response: httpx.Response) -> str:
        """Return where a redirect leads. None is followed: another server would be told who one is, or a POST become a GET."""
        url = str(response.url.join(response.headers["Location"]))
        if _origin(url) == self._origin:
            return f"and sends one on to {urlsplit(url).path}; give that path"
        return f"and sends one on to {_shown(_origin(url))}; give the address that answers itself as base_url"

    def _broken(self, asked: _Asked, error: httpx.HTTPError) -> HttpProblem:
        """Return what to raise when no answer came."""
        import httpx

        server, causes = _shown(_origin(asked.url)), list(_causes(error))
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
        elif asked.left <= 0:
            text = f"{server} did not end its answer within {self._manners.total_timeout:g} seconds (total_timeout)"
        elif isinstance(error, httpx.ConnectTimeout):
            text = f"no connection to {server} within {self._manners.connect_timeout:g} seconds"
        elif isinstance(error, httpx.TimeoutException):
            text = f"{server} gave no answer within {self._manners.read_timeout:g} seconds"
        elif unsent:
            text = f"no connection to {server} ({self._redactor.redact(str(error))})"
        else:
            text = f"the connection to {server} broke before the answer came ({self._redactor.redact(str(error))})"
        maybe = not unsent and asked.method != "GET"
        if maybe:
            text += "; it may have been done all the same"
        passes = asked.left > 0 and ((unsent and untrusted is None) or (not unsent and self._may_repeat(asked)))
        return HttpProblem(f"{asked.said}: {text}", maybe=maybe, down=unsent, passes=passes)


def _end(http: httpx.Client, login: Login | None, entered: list[Entered], base: str) -> None:
    """Log out, where one has logged in and can log out, and close the connections."""
    import httpx

    if login is not None and login.logout is not None and entered:
        try:
            http.request(login.logout_method, base + login.logout, headers=entered[-1].headers)
        except httpx.HTTPError as error:
            logger.warning("%s %s: the session could not be ended (%s)", login.logout_method, login.logout, type(error).__name__)
    http.close()


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


def _tenacity() -> Any:
    try:
        import tenacity
    except ImportError:
        sentence = "requests can only be repeated with the library tenacity, which is not installed; or say tries: 1"
        raise LibraryMissing(sentence, RETRY_LIBRARY) from None
    return tenacity


def _pause(attempt: int, error: BaseException | None) -> float:
    """Return the seconds before the next try: what the server asks for, or twice as long each time and more at random."""
    asked: float | None = getattr(error, "wait", None)
    return asked if asked is not None else min(_LONGEST_PAUSE, _FIRST_WAIT * (2 ** (attempt - 1) + random.random()))


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
    return parts.scheme, (parts.hostname or "").lower(), parts.port or (_HTTPS_PORT if parts.scheme == "https" else _HTTP_PORT)


def _shown(origin: tuple[str, str, int]) -> str:
    scheme, host, port = origin
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}" if port == (_HTTPS_PORT if scheme == "https" else _HTTP_PORT) else f"{scheme}://{host}:{port}"


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
