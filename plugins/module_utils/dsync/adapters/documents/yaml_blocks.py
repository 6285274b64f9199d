# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Strings of YAML in lines of their own: literal ones, after ``|``, and folded ones, after ``>``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from .yaml_nodes import Node, loader_of
from .yaml_scalars import library

_HEADER = re.compile(r"(?P<tags>(?:[!&]\S*[ \t]+)*)[|>](?P<signs>[0-9+-]*)(?P<rest>[^\r\n]*)")
_PLACES_TO_FOLD = re.compile(r"(?<=\S) (?=\S)")
_MOST = 9
"""The largest indentation that a header can name."""


def block_like(node: Node, text: str, value: str, parent: int, newline: str, tag: str = "") -> str | None:
    """Return a string written like one in lines of its own that it replaces.

    Args:
        node: the string that is there.
        text: of the document.
        value: the new string.
        parent: column of the dictionary or list that it is in.
        newline: line end of the text.
        tag: that of the new string, with its exclamation mark; empty for none.

    Returns:
        The text from the header to the end of the last line; None if it cannot be written so.
    """
    old = text[node.start : node.end]
    header = _HEADER.match(old)
    if header is None:
        return None
    lines = [line.rstrip("\r") for line in old[header.end() :].split("\n")[1:]]
    digit = re.search(r"\d", header["signs"])
    first = next((line for line in lines if line.strip()), None)
    indent = parent + int(digit[0]) if digit else parent + 2 if first is None else len(first) - len(first.lstrip(" "))
    lead = f"{tag} " * bool(tag) + f"&{node.anchor} " * bool(node.anchor)
    return _block(value, (lead, node.style, header["rest"]), [line[indent:] for line in lines], (parent, indent), newline)


def remark_of(node: Node, text: str) -> str:
    """Return what is in the header of a string in lines of its own after its signs: a comment, or nothing."""
    header = _HEADER.match(text, node.start)
    return header["rest"].rstrip() if header is not None else ""


def block(value: str, tag: str, parent: int, indent: int, newline: str) -> str | None:
    """Return a new string with a tag in lines of its own, or None if it cannot be written so."""
    return _block(value, (f"{tag} ", "|", ""), [], (parent, indent), newline)


def _block(value: str, header: tuple[str, str, str], old: list[str], columns: tuple[int, int], newline: str) -> str | None:
    content = value.rstrip("\n")
    parent, indent = columns
    deeper = content.lstrip("\n").startswith((" ", "\t"))
    if not content or (deeper and indent - parent > _MOST):
        return None
    lead, style, rest = header
    lines = content.split("\n") if style == "|" else list(_folded(content, old))
    endings = len(value) - len(content)
    signs = (str(indent - parent) if deeper else "") + ("-" if not endings else "" if endings == 1 else "+")
    body = [" " * indent + line if line else "" for line in lines] + [""] * max(endings - 1, 0)
    found = newline.join([f"{lead}{style}{signs}{rest}", *body])
    return found if _reads_as(found, value, parent, newline) else None


def _reads_as(found: str, value: str, parent: int, newline: str) -> bool:
    yaml = library()
    around = f"{' ' * parent}- {found}{newline if value.endswith(chr(10)) else ''}"
    try:
        events = list(yaml.parse(around, Loader=loader_of(yaml)))
    except (yaml.YAMLError, UnicodeEncodeError):
        return False
    scalars = [event.value for event in events if isinstance(event, yaml.ScalarEvent)]
    return scalars == [value]


def _folded(content: str, old: list[str]) -> Iterator[str]:
    """Yield the lines of a folded string; a paragraph that is there keeps its lines, and a new one gets as wide as these."""
    known = _paragraphs(old)
    wide = [len(line) for lines in known.values() if len(lines) > 1 for line in lines]
    width = max(wide) if wide else sys.maxsize
    breaks, before = 0, ""
    for number, line in enumerate(content.split("\n")):
        breaks += number > 0
        if not line:
            continue
        plain = bool(before) and not before[0].isspace() and not line[0].isspace()
        yield from [""] * (breaks - (0 if plain or not before else 1))
        yield from [line] if line[0].isspace() else known.get(line) or _wrapped(line, width)
        breaks, before = 0, line


def _paragraphs(lines: list[str]) -> dict[str, list[str]]:
    """Return paragraph → the lines in which it is written."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in [*lines, ""]:
        if line and not line[0].isspace():
            current.append(line)
        elif current:
            found[" ".join(current)] = current
            current = []
    return found


def _wrapped(line: str, width: int) -> Iterator[str]:
    current = ""
    for word in _PLACES_TO_FOLD.split(line):
        if current and len(current) + 1 + len(word) > width:
            yield current
            current = word
        else:
            current = f"{current} {word}" if current else word
    yield current
