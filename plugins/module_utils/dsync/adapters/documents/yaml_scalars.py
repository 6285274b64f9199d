# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values of YAML as they are written in one line."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from typing import Any

from ...exceptions import LibraryMissing


class CannotChange(Exception):
    """The text has a form in which a value cannot be exchanged."""


def library() -> Any:
    """Return PyYAML. Raises LibraryMissing."""
    try:
        import yaml
    except ImportError:
        raise LibraryMissing("YAML files require the library PyYAML, which is not installed", "PyYAML") from None
    return yaml


def in_one_line(value: Any, style: str = "") -> str:
    """Return a value in one line.

    Args:
        value: plain.
        style: the quotation mark that a text is to have, if any.
    """
    if isinstance(value, str):
        return _quoted(value, style)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_one_line(key)}: {in_one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_one_line, value)) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if is_tagged(value):
        return " ".join((value.tag, _quoted(value.value, "'")))
    if not isinstance(value, float):
        raise CannotChange(f"{value!r} would have to be rewritten")
    return _number(value)


def is_tagged(value: Any) -> bool:
    """Return whether a value is a string with a tag."""
    return isinstance(getattr(value, "tag", None), str) and isinstance(value.value, str)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


_PLAIN = re.compile(r"[\w./][\w./@+-]*( [\w./@+-]+)*\Z")


def _quoted(text: str, style: str) -> str:
    if style not in ("'", '"') and _PLAIN.match(text) and not _ambiguous(text):
        return text
    if style == '"' or not text.isprintable():
        return f'"{_ESCAPED.sub(_escape, text)}"'
    return "'" + text.replace("'", "''") + "'"


def _ambiguous(text: str) -> bool:
    """Return whether some version of YAML reads a string without quotation marks as something else."""
    rules: Any = library().SafeLoader.yaml_implicit_resolvers.values()
    patterns = (pattern for found in rules for _tag, pattern in found)
    return not text or any(pattern.match(text) for pattern in (_NEWER, *patterns))


_NEWER = re.compile(r"([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)\Z")
"""What YAML 1.2 reads as a number; its other words are those of YAML 1.1."""

_ESCAPED = re.compile(r"[^ -!#-\[\]-~]")
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escape(found: re.Match[str]) -> str:
    """Return a character as it is written between double quotation marks."""
    char = found[0]
    if char.isprintable() and char not in _SHORT:
        return char
    code = ord(char)
    return _SHORT.get(char) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
