# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Masking of sensitive values in everything that is shown."""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from .contents import contents, is_root

MASK = "********"
"""The replacement for a sensitive value."""

_CONTAINERS = (Mapping, list, tuple, set, frozenset)

_HARMLESS = frozenset({str, int, float, bool, None.__class__})
"""Types of values that contain no secrets; most values have one of them."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]*", re.ASCII).fullmatch
"""Matches a string that is written the same everywhere."""

_SIMPLE = re.compile(r"[ !#-&(-\[\]-~]*").fullmatch
"""Matches a string that is written the same between quotation marks."""

_ADDRESSES = [
    {byte: f"%{byte:02X}" for byte in range(256) if not (_PLAIN(chr(byte)) or chr(byte) in spared)}
    for spared in ("", "/", "/:?#[]@!$&'()*+,;=%")
]
"""Character → how it is written in an address; writers do not agree on what else may be there unescaped."""

LONGEST_NUMBER = 4096
"""Bits of the longest integer that is shown in decimal digits, which Python limits; longer ones are shown in hexadecimal digits."""

_NAME = re.compile(
    r"[A-Za-z]+(?:[ _./:-]+[A-Za-z]+)*(?:[ _-]?[0-9]{1,4}(?:[/.:-][0-9]{1,4})*)?|[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:/[0-9]+)?"
).fullmatch
"""Matches a key of a dict that is probably a name: words, a port, an address. It is not a secret in a sensitive dict: masking
``password`` or ``Ethernet1`` in a message would make it unreadable and hide nothing."""

_SHORTEST_KEY = 8
"""Keys of fewer characters are names too."""

_SHORTEST = 3
"""Values with fewer characters are not masked in messages: that would mask half of a message and hide nothing."""


def masked(values: Mapping[str, Any], sensitive: Collection[str]) -> dict[str, Any]:
    """Return a copy of ``values`` in which each field named in ``sensitive``, and each pydantic secret at any depth, is
    :data:`MASK`; an absent value stays ``None``. Models and dataclasses are dicts in it."""
    return {name: MASK if name in sensitive and value is not None else _masked(value) for name, value in values.items()}


def _masked(value: Any) -> Any:
    if value.__class__ in _HARMLESS:
        return value
    if hasattr(value, "get_secret_value"):
        return MASK
    if is_root(value):
        return _masked(value.root)
    inner = contents(value)
    if inner is not None:
        return {name: _masked(item) for name, item in inner.items()}
    if isinstance(value, Mapping):
        made = {key: _masked(item) for key, item in value.items()}
        return value if all(made[key] is item for key, item in value.items()) else made
    if isinstance(value, _CONTAINERS):
        items = [_masked(item) for item in value]
        return value if all(one is other for one, other in zip(items, value)) else items
    return value


def _strings(value: Any, everything: bool) -> Iterator[str]:
    """Yield every string in which a sensitive value of any type could appear; without ``everything`` only those of the
    pydantic secrets in it."""
    if hasattr(value, "get_secret_value"):
        yield from _strings(value.get_secret_value(), everything=True)
    elif isinstance(value, _CONTAINERS):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(item, everything)
        for key in value if everything and isinstance(value, Mapping) else ():
            if not (isinstance(key, str) and (len(key) < _SHORTEST_KEY or _NAME(key))):
                yield from _strings(key, everything)
    elif (inner := contents(value)) is not None:
        yield from _strings(inner, everything)
    elif not everything:
        return
    elif isinstance(value, enum.Enum):
        yield from _strings(value.value, everything)
    elif isinstance(value, bytes):
        yield from _forms(value.decode(errors="replace"))
        yield repr(value)[2:-1]
    elif value is not None and not isinstance(value, bool):
        yield from _forms(hex(value) if isinstance(value, int) and value.bit_length() > LONGEST_NUMBER else str(value))


def _forms(text: str) -> Collection[str]:
    """Return a string as it is, as it is written in what quotes it, and in what quotes that again."""
    if _PLAIN(text):
        return (text,)
    if not _SIMPLE(text):
        quoted = dict.fromkeys(_quoted(text))
        return dict.fromkeys((text, *quoted, *(again for form in quoted for again in _quoted(form)), *_in_addresses(text)))
    return dict.fromkeys((text, *_in_addresses(text)))


def _quoted(text: str) -> Iterator[str]:
    """Yield a string as it is written between the quotation marks of Python and JSON."""
    data = text.encode("utf-8", "surrogatepass")
    for escaped in (repr(f'"{text}')[2:-1], ascii(f'"{text}')[2:-1], repr(b'"' + data)[3:-1]):
        yield escaped
        yield escaped.replace("\\'", "'")  # as between the other marks
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def _in_addresses(text: str) -> Iterator[str]:
    """Yield a string as it is written in a URL."""
    for table in _ADDRESSES:
        written = text.encode("utf-8", "surrogatepass").decode("latin-1").translate(table)
        yield written
        yield written.replace("%20", "+")


def secret_strings(values: Iterable[Any], everything: bool = True) -> set[str]:
    """Return the strings in which ``values`` could appear, for a :class:`Redactor`; without ``everything`` only those of the
    pydantic secrets in them."""
    return {text for value in values for text in _strings(value, everything) if len(text) >= _SHORTEST}


def collect_secrets(dataset: Any) -> set[str]:
    """Return every sensitive value of a loaded dataset, as strings.

    Args:
        dataset: a :class:`~.adapter.DSync`; not changed.
    """
    found: set[str] = set()
    for modelname in dataset.store.model_names():
        for name in frozenset().union(*(kind.get_sensitive_fields() for kind in dataset.store.kinds(modelname))):
            found |= secret_strings(dataset.store.values(modelname, name))
    return found


class Redactor:
    """Replaces secrets in strings, in a time that depends only on the string, not on the number of secrets.

    Args:
        secrets: as returned by :func:`secret_strings`; None for none. Secrets with fewer than three characters are ignored.
    """

    def __init__(self, secrets: Iterable[str] | None) -> None:
        self._by_start: dict[str, dict[int, set[str]]] = {}
        for secret in sorted(secrets or (), key=len, reverse=True):
            self._by_start.setdefault(secret[:_SHORTEST], {}).setdefault(len(secret), set()).add(secret)

    def redact(self, text: str) -> str:
        """Return ``text`` with every part of a secret replaced by :data:`MASK`."""
        if not self._by_start:
            return text
        parts: list[str] = []
        end = 0
        for here, longest in self._found(text):
            if here >= end:
                parts += (text[end:here], MASK)
            end = max(end, here + longest)
        return "".join((*parts, text[end:]))

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where secrets begin, and how long the longest is that begins there."""
        for here in range(len(text) - _SHORTEST + 1):
            lengths = self._by_start.get(text[here : here + _SHORTEST], {})
            longest = next((length for length, alike in lengths.items() if text[here : here + length] in alike), 0)
            if longest:
                yield here, longest
