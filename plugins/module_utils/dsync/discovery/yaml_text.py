# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""YAML for people: dictionaries in lines with comments behind them, small ones in one line; nothing needs a library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._util.visible import visible

Comments = Mapping[tuple[str, ...], str]
"""Keys that lead to an entry → the comment behind it."""

_WIDTH = 140
_COMMENT_COLUMN = 44
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./|-]+)*").fullmatch
_WORDS = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
_BLOCKS = {"models", "attributes", "endpoints", "mapping", "source", "target"}
"""Keys of dictionaries that people edit entry by entry."""

_TEMPLATES = ("{{", "{%")


class Template(str):
    """A string that Ansible evaluates; in any other string, braces are written as they are."""

    __slots__ = ()


def yaml_text(value: Mapping[str, Any], comments: Comments | None = None) -> str:
    """Return a dictionary as a YAML document, without its beginning.

    Args:
        value: strings, numbers, booleans, null, lists, and dictionaries of them; not changed.
        comments: what is written behind entries.
    """
    return "".join(f"{line}\n" for line in _lines(value, (), comments or {}))


def comment(text: str) -> str:
    """Return the line of a comment, in which every character is visible."""
    return f"# {visible(' '.join(text.split()))}"


def _lines(value: Mapping[str, Any], above: tuple[str, ...], comments: Comments) -> Iterator[str]:
    indent = "  " * len(above)
    for name, item in value.items():
        way, key = (*above, name), _scalar(name)
        line = f"{indent}{key}: {_flow(item)}"
        below = name in _BLOCKS or any(other[: len(way)] == way and other != way for other in comments)
        if isinstance(item, Mapping) and item and (below or not _is_small(item) or len(line) > _WIDTH):
            yield _commented(f"{indent}{key}:", comments.get(way, ""))
            yield from _lines(item, way, comments)
        else:
            yield _commented(line, comments.get(way, ""))


def _commented(line: str, text: str) -> str:
    return f"{line.ljust(_COMMENT_COLUMN)}  {comment(text)}" if text else line


def _is_small(value: Mapping[str, Any]) -> bool:
    """Return whether a dictionary fits into a line: it holds no other one, but those of single values."""
    return not any(isinstance(one, Mapping) and any(isinstance(item, Mapping) for item in one.values()) for one in value.values())


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_scalar(name)}: {_flow(item)}' for name, item in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if not isinstance(value, Template) and any(start in value for start in _TEMPLATES):
        return f"!unsafe {_quoted(value)}"
    return value if _PLAIN(value) and value.lower() not in _WORDS and value.lower() != "none" else _quoted(value)


def _quoted(text: str) -> str:
    """Return a string in double quotes, in which what is not printable is an escape of YAML."""
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in json.dumps(text, ensure_ascii=False))
