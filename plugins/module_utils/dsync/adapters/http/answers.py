# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What servers answer, and what went wrong about it in one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...exceptions import RecordProblem
from ...records.written import json_loads

if TYPE_CHECKING:
    import httpx

_NO_CONTENT = 204
_REJECTED = (409, 422)
"""What a server answers if an object contradicts another one, or a rule; 400 is also the answer to what is malformed."""

_LONGEST_TEXT = 200
_MESSAGES = ("detail", "message", "error", "errors", "title")
_FAILED = ("error", "fail", "failed", "failure")
_UNREAD: Any = object()
_UNICODE = ("utf-8", "utf8")
"""Character sets that JSON recognizes by itself, with a byte order mark or without."""


class HttpProblem(RecordProblem):
    """A request failed.

    Attributes:
        status: what the server answered; None if no answer came.
        maybe: whether it may have been done all the same.
        rejected: whether the server rejected what was sent.
        down: whether the server cannot be reached at all.
        passes: whether the same request may succeed later, and can be sent again without harm.
        wait: how many seconds the server asks to wait before that; None if it does not.
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
        super().__init__(message, maybe, rejected=status in _REJECTED and not maybe)
        self.status, self.down, self.content = status, down, content
        self.passes, self.wait = passes, wait


class Answer:
    """What a server answered, and it was no refusal.

    Args:
        said: the method and the path, for messages.
        response: as it came; None if the object to delete was gone when the request was repeated.
    """

    def __init__(self, said: str, response: httpx.Response | None) -> None:
        self.said, self._response = said, response
        self._value: Any = _UNREAD

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
    def content(self) -> bytes:
        """The answer as it came."""
        return b"" if self._response is None else self._response.content

    @property
    def text(self) -> str:
        """The answer as text."""
        return "" if self._response is None else self._response.text

    @property
    def location(self) -> str | None:
        """The address that the server gives of something."""
        return None if self._response is None else self._response.headers.get("Location")

    def json(self) -> Any:
        """Return the value of the answer, None for one without content; parsed once. Raises HttpProblem when it is not JSON."""
        if self._value is _UNREAD:
            self._value = self._parsed()
        return self._value

    def _parsed(self) -> Any:
        if self.status == _NO_CONTENT:
            return None
        content = self.content
        charset = None if self._response is None else self._response.charset_encoding
        try:
            return json_loads(content if charset is None or charset.lower() in _UNICODE else content.decode(charset))
        except (LookupError, UnicodeDecodeError):
            said = f"the charset {charset} that its header names" if charset else "UTF-8, and its header names no charset"
            raise HttpProblem(f"{self.said}: the answer is not JSON in {said}") from None
        except ValueError:
            begin = " ".join(content[:_LONGEST_TEXT].decode(errors="replace").split())
            what = f'it begins with "{begin[:60]}"' if begin else "it is empty"
            raise HttpProblem(f"{self.said}: the answer is not JSON: {what}") from None

    def json_if_any(self) -> Any:
        """Return the value that the answer is, None if it is not JSON."""
        try:
            return self.json()
        except HttpProblem:
            return None

    def complaint(self) -> str:
        """Return what is wrong where the answer reports an error although its status is one of success; empty if nothing is."""
        value = self.json_if_any()
        if not isinstance(value, Mapping):
            return ""
        words = {str(value.get(name)).lower() for name in ("status", "result")}
        flagged = value.get("success") is False or value.get("ok") is False or not words.isdisjoint(_FAILED)
        if not flagged and not any(value.get(name) for name in ("error", "errors")):
            return ""
        return message_of(self.content)

    def next_link(self) -> str | None:
        """Return the address of the next page from the Link header (RFC 8288)."""
        links = {} if self._response is None else self._response.links
        return next((link["url"] for link in links.values() if "next" in link.get("rel", "").lower().split()), None)


def message_of(content: bytes) -> str:
    """Return the message of a refusal: what is at the usual place in JSON, or else the beginning of the text."""
    text = content[: _LONGEST_TEXT * 50].decode(errors="replace")
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if isinstance(value, dict):
        said = (value[name] for name in _MESSAGES if value.get(name) and not isinstance(value[name], (bool, int, float)))
        status = value.get("status")
        value = next(said, status if isinstance(status, str) and status.lower() not in _FAILED else value)
    if value in ({}, []):
        return ""
    if value is not None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
