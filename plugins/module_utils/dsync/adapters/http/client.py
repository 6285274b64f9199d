# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""HTTP as adapters need it: credentials, retries and time limits, over TLS that is checked.

Every failure is one sentence, which names the method and the path, and never a query, a header or a secret.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from ..._util.redaction import Redactor, secret_strings
from ...apply.retry import LIBRARY as RETRY_LIBRARY
from ...exceptions import LibraryMissing
from ...records.written import json_dumps
from .answers import Answer, HttpProblem
from .deadline import Deadlines
from .failures import UNAUTHORIZED, Asked, broken, refused
from .login import Entered, Login
from .logs import FILTER
from .options import Credentials, Manners
from .origin import origin_of, shown
from .pace import Pace, pause

if TYPE_CHECKING:
    import httpx

LIBRARY = "httpx"
"""What speaks HTTP; it is needed only by adapters that do."""

_GONE = (404, 410)
_MULTI_STATUS = 207
_LOGOUT_TIMEOUT = 10.0
"""Seconds that ending a session may take as a whole."""

logger = logging.getLogger("dsync")


class Client:
    """Sends requests to one server; may be used by several threads.

    Args:
        base: the address in front of every path, from :func:`.options.address`.
        who: the credentials.
        context: how the server is recognised.
        manners: how it is treated.
        login: how one logs in before the first request, and again when the server answers 401; None for no login.

    Raises:
        LibraryMissing: httpx is not installed, or tenacity, which more than one try requires.
    """

    def __init__(self, base: str, who: Credentials, context: ssl.SSLContext, manners: Manners, login: Login | None = None) -> None:
        try:
            import httpx
        except ImportError:
            raise LibraryMissing("HTTP requires the library httpx, which is not installed", LIBRARY) from None
        if manners.tries > 1:
            _tenacity()
        self.base, self._manners, self._pace = base, manners, Pace(manners.rate_limit)
        self._origin = origin_of(base)
        self._query, self._login, self._logging_in = who.query, login, threading.Lock()
        self._entered: list[Entered] = []
        self._secrets = secret_strings((*who.secrets, *(login.secrets if login else ())))
        self._hide(())
        self.stopping = threading.Event()
        self._deadlines = Deadlines()
        self._own_headers = dict(who.headers)
        self._http = httpx.Client(
            headers={"User-Agent": "dsync", "Accept": "application/json", "Content-Type": "application/json"},
            verify=context,
            timeout=httpx.Timeout(manners.read_timeout, connect=manners.connect_timeout, pool=None),
            limits=httpx.Limits(max_connections=manners.connections),
            trust_env=manners.trust_env,
            follow_redirects=False,
            event_hooks={"response": [_hang_up_after_refusal]},
        )
        self.close = weakref.finalize(self, _end, self._http, self._deadlines, base, who, login, self._entered)

    def _hide(self, secrets: tuple[str, ...]) -> None:
        """Mask more secrets."""
        self._secrets |= secret_strings(secrets)
        self._redactor = Redactor(self._secrets)
        FILTER.hide(self._redactor)

    def address_of(self, path: str, parameters: Mapping[str, Any]) -> str:
        """Return the whole address of a path, or of an address of this server, with parameters in its query."""
        import httpx

        url = httpx.URL(self.base + path if path.startswith("/") else path)
        return str(url.copy_merge_params(parameters) if parameters else url)

    def _with_credentials(self, asked: Asked) -> Asked:
        """Return a request with the credentials, which no other server is sent, such as one that issues tokens."""
        import httpx

        if origin_of(asked.url) != self._origin:
            return asked
        url = str(httpx.URL(asked.url).copy_merge_params(self._query)) if self._query else asked.url
        headers = httpx.Headers(self._own_headers)
        headers.update(asked.headers)
        return asked._replace(url=url, headers=headers)

    def joined(self, answer: Answer, link: str) -> str:
        """Return the address that a link in an answer means, as one of this server where links are rewritten.

        Raises:
            HttpProblem: it leads to another server, to which nothing is sent.
        """
        import httpx

        try:
            url = str(httpx.URL(answer.url).join(link))
            origin = origin_of(url)
        except (httpx.InvalidURL, ValueError):
            raise HttpProblem(f"{answer.said}: the link in the answer is not an address") from None
        if origin == self._origin:
            return url
        if not self._manners.rewrite_links:
            raise HttpProblem(
                f"{answer.said}: the answer links to {shown(origin)}, and not to {shown(self._origin)}; another server is not "
                "sent the credentials, so this is not followed. If both are the same server, set rewrite_links: true"
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
            content = None if body is None else json_dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise HttpProblem(f"{said}: the request cannot be written as JSON ({type(error).__name__})") from None
        asked = Asked(method, whole, said, content, headers or {}, time.monotonic() + self._manners.total_timeout)
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

    def ask(self, method: str, url: str, within: float) -> Answer:
        """Send a request without a body that the server may refuse, once, and return the answer. Nobody logs in for it, and its
        connection serves no other request, for a server may end it with the refusal.

        Args:
            method: in capitals.
            url: a path below the address of the server.
            within: maximum seconds.

        Raises:
            HttpProblem: no answer came in time, or a refusal.
        """
        whole = self.address_of(url, {})
        said, session = f"{method} {urlsplit(whole).path}", self._entered[-1].headers if self._entered else {}
        asked = Asked(method, whole, said, None, {**session, "Connection": "close"}, time.monotonic() + within)
        return Answer(said, self._send(asked))

    def _retried(self, send: Callable[[], httpx.Response], asked: Asked) -> httpx.Response:
        if self._manners.tries == 1:
            return send()
        tenacity = _tenacity()
        retry = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._manners.tries),
            wait=lambda state: min(pause(state.attempt_number, state.outcome.exception()), max(0.0, asked.left)),
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

    def _once(self, asked: Asked) -> httpx.Response:
        if self._login is None:
            return self._send(asked)
        entered = self._logged_in(self._login, asked, None)
        try:
            return self._send(asked._replace(headers={**asked.headers, **entered.headers}))
        except HttpProblem as problem:
            if problem.status != UNAUTHORIZED:
                raise
        entered = self._logged_in(self._login, asked, entered)
        return self._send(asked._replace(headers={**asked.headers, **entered.headers}))

    def _logged_in(self, login: Login, asked: Asked, refused: Entered | None) -> Entered:
        """Return what one has by logging in, which is done again where it is over, or the server refused it."""
        with self._logging_in:
            entered = self._entered[-1] if self._entered else None
            if entered is None or entered is refused or entered.is_over:
                self._entered.clear()
                self._http.cookies.clear()
                url = self.address_of(login.url, {})
                said = f"{login.method} {urlsplit(url).path}"
                response = self._send(Asked(login.method, url, said, login.content, login.headers, asked.deadline))
                entered = login.entered(Answer(said, response))
                self._entered.append(entered)
                self._hide((*entered.secrets, *self._http.cookies.values()))
            return entered

    def _send(self, asked: Asked) -> httpx.Response:
        import httpx

        self.sleep(self._pace.wait())
        whole, extensions = self._with_credentials(asked), {"trace": self._deadlines.trace}
        try:
            with self._deadlines.until(asked.deadline):
                response = self._http.request(
                    whole.method, whole.url, content=whole.content, headers=whole.headers, extensions=extensions
                )
        except httpx.HTTPError as error:
            raise broken(asked, error, self._manners, self._redactor) from None
        if response.is_success and response.status_code != _MULTI_STATUS:
            return response
        raise refused(asked, response, self._manners, self._redactor)


def _end(
    http: httpx.Client, deadlines: Deadlines, base: str, who: Credentials, login: Login | None, entered: list[Entered]
) -> None:
    """Log out, if there was a login and a logout is possible, and close the connections."""
    if login is not None and login.logout is not None and entered:
        import httpx

        headers = httpx.Headers(who.headers)
        headers.update(entered[-1].headers)
        try:
            with deadlines.until(time.monotonic() + _LOGOUT_TIMEOUT):
                http.request(login.logout_method, base + login.logout, headers=headers, extensions={"trace": deadlines.trace})
        except httpx.HTTPError as error:
            logger.warning("%s %s: the session could not be ended (%s)", login.logout_method, login.logout, type(error).__name__)
    http.close()


def _hang_up_after_refusal(response: httpx.Response) -> None:
    """Read a refusal to a request with a body, and let no other request have its connection.

    A server that has not read such a body ends the connection after its answer (RFC 9112, 9.3), and what is sent on it meanwhile
    gets no answer. It is ended while it cannot be given to anyone else: the stream is read, and not closed, until that is done.
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
        sentence = "repeating requests requires the library tenacity, which is not installed; install it, or set tries: 1"
        raise LibraryMissing(sentence, RETRY_LIBRARY) from None
    return tenacity
