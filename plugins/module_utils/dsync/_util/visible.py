# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Strings in which every character is visible, so that different strings do not look the same."""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = "\u00ad\u061c\u180e\u200b-\u200f\u2060\ufeff"
"""Characters without a width, for a set of a regular expression."""

_SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_OBEYED = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufffe\uffff"  # by terminals and browsers; XML has no form for some
_UNSEEN = re.compile(f"[{INVISIBLE}{_SPACES}{_OBEYED}]")
_JAMO = re.compile("[\u1100-\u11ff]")


def visible(text: str) -> str:
    r"""Return a string in which every character is visible.

    Unusual spaces, characters without a width and control characters become escapes such as ``\u00a0``;
    tabs and line ends are kept. If Unicode composes a letter and its accent to one character and the string does not,
    the accent becomes an escape too.
    """
    if text.isascii():
        return _UNSEEN.sub(_escaped, text)
    if unicodedata.normalize("NFC", text) != text:
        text = "".join(_escape(character) if _is_decomposed(character) else character for character in text)
    return _UNSEEN.sub(_escaped, text)


def _is_decomposed(character: str) -> bool:
    composed = unicodedata.normalize("NFC", character) == character
    return not composed or bool(unicodedata.combining(character)) or _JAMO.match(character) is not None


def _escaped(found: re.Match[str]) -> str:
    return _escape(found[0])


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
