# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values of YAML as they are written in one line, and the library that tells how."""

from __future__ import annotations

import io
import json
import math
import re
from datetime import date
from typing import Any

from ...exceptions import LibraryMissing

LIBRARY = "ruamel.yaml"

_WIDE = 1_000_000


class CannotChange(Exception):
    """The text has a form in which a value cannot be exchanged."""


def ruamel() -> Any:
    """Return the library. Raises LibraryMissing."""
    try:
        import ruamel.yaml
    except ImportError:
        raise LibraryMissing(
            "YAML files can only be written with the library ruamel.yaml, which is not installed", LIBRARY
        ) from None
    return ruamel.yaml


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
    if isinstance(getattr(value, "tag", None), str) and isinstance(value.value, str):
        return " ".join((value.tag, _quoted(value.value, "'")))
    if not isinstance(value, float):
        raise CannotChange(f"{value!r} would have to be written anew")
    return _number(value)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


_PLAIN = re.compile(r"[\w./][\w./@+-]*( [\w./@+-]+)*\Z")


def _quoted(text: str, style: str) -> str:
    if style not in ("'", '"') and _PLAIN.match(text) and not _ambiguous(text):
        return text
    if not text.isprintable():
        return _dumped(ruamel().scalarstring.DoubleQuotedScalarString(text))
    return json.dumps(text, ensure_ascii=False) if style == '"' else "'" + text.replace("'", "''") + "'"


def _ambiguous(text: str) -> bool:
    """Return whether some version of YAML reads a text without quotation marks as something else."""
    rules: Any = ruamel().resolver.implicit_resolvers
    return not text or any(pattern.match(text) for _versions, _tag, pattern, _first in rules)


def _dumped(value: Any) -> str:
    yaml: Any = ruamel().YAML()
    yaml.width = _WIDE
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("\n").removesuffix("\n...")
