# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects on one side that look like an object on the other side: probably one object with two spellings of its identity."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._util.visible import INVISIBLE, visible
from ..model.comparison import MEANINGS, SECTION, Comparison, canonical, remedy_for
from ..model.identity import SEPARATOR
from .diff import DiffElement

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_MEANT = re.compile(r"[0-9a-f+.:-][0-9a-f+.:/%tz -]*")
"""Matches a string in lower case that may be a number, an address or a moment in time."""


def hints(lone: Iterable[DiffElement], comparisons: Mapping[str, Mapping[str, Comparison]]) -> Iterator[str]:
    """Yield a warning for each model of which an object would be created and a similar one deleted.

    Args:
        lone: the elements of objects that are on one side only; not changed. Each is visited once.
        comparisons: model → identifier → its declared comparison.
    """
    sides: dict[str, tuple[list[DiffElement], list[DiffElement]]] = {}
    for element in lone:
        sides.setdefault(element.type, ([], []))[element.source_attrs is None].append(element)
    texts = _Looks()
    for model, (created, deleted) in sides.items():
        gone = {_look(element, texts): element for element in deleted} if created else {}
        pairs = [(element, gone[look]) for element in created if gone and (look := _look(element, texts)) in gone]
        pairs = [(new, old) for new, old in pairs if new.uid != old.uid]
        if pairs:
            yield _warning(model, *pairs[0], len(pairs), comparisons.get(model, {}))


def _warning(model: str, new: DiffElement, old: DiffElement, number: int, comparisons: Mapping[str, Comparison]) -> str:
    more = "" if number == 1 else ", as 1 more pair does" if number == 2 else f", as {number - 1} more pairs do"
    return (
        f'{model} "{_named(old)}" of {old.dest_name} would be deleted and "{_named(new)}" of {old.source_name} would be created, '
        f"and they look alike{more}: {_remedy(new, old, comparisons)}"
    )


def _named(element: DiffElement) -> str:
    """Return the identity of an object as it is written."""
    return visible(SEPARATOR.join(map(str, element.keys.values())))


def _remedy(new: DiffElement, old: DiffElement, comparisons: Mapping[str, Comparison]) -> str:
    """Return how to make two look-alike objects one object, as the end of a sentence."""
    said = []
    for name, value in new.keys.items():
        other = old.keys.get(name)
        if str(value) == str(other):
            continue
        declared = comparisons[name].names if name in comparisons else ()
        remedy = remedy_for(value, other, declared)
        if not remedy:
            return f"correct {name} on one side"
        said.append(f"{remedy} for {name}")
    return f"declare {' and '.join(said)} to make them one object" if said else "correct one of them"


class _Looks(dict[str, Any]):
    """String → key for its appearance, the same for strings that look alike; computed once for each."""

    def __missing__(self, text: str) -> Any:
        self[text] = look = _looks(text)
        return look


def _look(element: DiffElement, texts: _Looks) -> tuple[Any, ...]:
    """Return a key for the appearance of an object's identity: the same for identities that look alike."""
    return tuple([texts[value] if value.__class__ is str else _looks(value) for value in element.keys.values()])


def _looks(value: Any) -> Any:
    text = str(value) if isinstance(value, str) else str(canonical(value))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    text = " ".join(text.casefold().split())
    if _MEANT.fullmatch(text):
        meanings = (key(text) for name, key in MEANINGS.items() if name != "number" or not SECTION.search(text))
        return next((meaning for meaning in meanings if meaning != text), text)
    return text
