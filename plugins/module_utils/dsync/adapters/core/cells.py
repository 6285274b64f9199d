# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How the cells of a column are written, so that a changed one is written as the others are: words for booleans, lists as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable

Words = tuple[str, str]
"""The word for false, and that for true."""

_WORDS: tuple[Words, ...] = (("false", "true"), ("no", "yes"), ("n", "y"), ("off", "on"), ("f", "t"), ("0", "1"))


def words_in(cells: Iterable[str]) -> Words:
    """Return the words that cells of a column have; ``false`` and ``true`` where they have none, or several.

    Args:
        cells: those of the column; empty ones say nothing.
    """
    found = {cell.strip().lower(): cell.strip() for cell in cells if cell.strip()}
    for false, true in _WORDS:
        if found and found.keys() <= {false, true}:
            like = next(iter(found.values()))
            return found.get(false, _written_like(like, false)), found.get(true, _written_like(like, true))
    return _WORDS[0]


def _written_like(like: str, word: str) -> str:
    """Return a word in capitals, or with one, as another word is."""
    if len(like) > 1 and like.istitle():
        return word.title()
    return word.upper() if like.isupper() else word


def is_json_list(cell: str) -> bool:
    """Return whether a cell is a list of JSON."""
    if not cell.lstrip().startswith("["):
        return False
    try:
        return isinstance(json.loads(cell), list)
    except ValueError:
        return False
