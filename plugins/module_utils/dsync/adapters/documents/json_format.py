# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""JSON and JSON Lines: only what is changed is rewritten (:mod:`.json_text`)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ...exceptions import RecordProblem
from ...records.written import json_loads
from . import json_text
from .edits import Edits, Way
from .format import Format


class JsonFormat(Format):
    suffixes = (".json",)

    def read(self, text: str, name: str) -> Any:
        return _json(text, name)

    def changed(self, text: str, edits: Edits, name: str) -> str:
        _json(text, name)
        return json_text.changed_text(text, edits)


def _json(text: str, name: str, line: int = 0) -> Any:
    """Return the value of a JSON text. Raises RecordProblem, also where a key is there twice, since one of them would be lost.

    Args:
        text: of a file or, with ``line``, of one line in it.
        name: of the file.
        line: number of the line; 0 for a whole file.
    """
    if not line and not text.strip():
        return None
    try:
        return json_loads(text, _without_doubles)
    except json.JSONDecodeError as error:
        raise RecordProblem(f"{name}, line {line or error.lineno}: {error.msg} (column {error.colno})") from None
    except _DoubledKey:
        key, place = _doubled_key(text)
        raise RecordProblem(f'{name}, line {line or place}: the key "{key}" occurs twice; remove one of them') from None
    except ValueError as error:
        raise RecordProblem(f"{name}{f', line {line}' if line else ''}: {error}") from None
    except RecursionError:
        raise RecordProblem(f"{name} is nested too deeply") from None


class _DoubledKey(Exception):
    """A key is there twice."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DoubledKey
    return found


_JSON_TOKEN = re.compile(r'(?P<text>"(?:[^"\\]|\\.)*")(?P<key>\s*:)?|[{}\[\]]')


def _doubled_key(text: str) -> tuple[str, int]:
    """Return a key that is in an object twice, and the line of the second one, of valid JSON that has such a key."""
    within: list[set[str]] = []
    for token in _JSON_TOKEN.finditer(text):
        if token["key"]:
            key = json.loads(token["text"])
            if key in within[-1]:
                return key, text.count("\n", 0, token.start()) + 1
            within[-1].add(key)
        elif token[0] in ("{", "["):
            within.append(set())
        elif token[0] in ("}", "]"):
            within.pop()
    raise AssertionError("a key is there twice")


class JsonLinesFormat(Format):
    suffixes = (".jsonl", ".ndjson")
    rows = True

    def read(self, text: str, name: str) -> Any:
        return [_json(line, name, number) for number, line in _lines(text)]

    def changed(self, text: str, edits: Edits, name: str) -> str:
        self.read(text, name)
        lines = text.split("\n")
        places = [number - 1 for number, _line in _lines(text)]
        style = json_text.Style(lines[places[0]] if places else "{}")
        found: list[str | None] = [*lines]
        inner = edits.at_step()
        for step in [step for step in inner if step < len(places)]:
            found[places[step]] = json_text.changed_text(lines[places[step]], inner[step])
        for way in edits.removed:
            if not way[1:] and way not in edits.added:
                found[places[way[0]]] = None
        records = {way[0]: record for way, record in edits.new_records().items() if not way[1:]}
        new = [json_text.changed_text(style.flat.written(record, ""), inner.get(step, Edits())) for step, record in records.items()]
        return _with_lines([line for line in found if line is not None], new, "\r\n" if "\r\n" in text else "\n")

    def line(self, text: str, way: Way, name: str) -> int | None:
        return next((number for place, (number, _line) in enumerate(_lines(text)) if way[:1] == (place,)), None)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _with_lines(lines: list[str], new: list[str], newline: str) -> str:
    """Return lines that were parted at line feeds, with new ones at their end."""
    text = "\n".join(lines)
    if new and text and not text.endswith("\n"):
        text += newline
    return text + "".join(line + newline for line in new)
