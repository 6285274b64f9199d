# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Hosts and groups in INI: read as Ansible reads them, and changed line by line; a line of which nothing is changed stays as it is.

The tree is that of a YAML file of hosts and groups: group → its ``hosts``, ``children`` and ``vars``. A range such as
``web[01:10]`` is one host in it, of that name.
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...exceptions import RecordProblem
from .listing import UNGROUPED
from .values import has_template, same

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$")
_PORT = re.compile(r"(?P<name>[^:\[\]]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d+)\Z")
_TOKEN = re.compile(r"""\s*((?:[^\s'"\\#]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")(?:[^\s'"\\#]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*)""")
_KINDS = {"": "hosts", "hosts": "hosts", "children": "children", "vars": "vars"}
PORT = "ansible_port"


class Line(NamedTuple):
    """What a line of the file says.

    Attributes:
        text: of the line, without what ends it.
        group: the section that it is in.
        kind: ``hosts``, ``children`` or ``vars``: what is in that section; ``head`` for its head; empty for no content.
        name: of the host, group or variable.
        value: of the variable, or the variables of the host.
    """

    text: str
    group: str
    kind: str
    name: str = ""
    value: Any = None


def lines_of(text: str, name: str) -> Iterator[Line]:
    """Yield what the lines of a file say. Raises RecordProblem, naming the line, for what Ansible does not read."""
    group, kind = UNGROUPED, "hosts"
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if not content or content[0] in ";#":
            yield Line(line, group, "")
            continue
        section = _SECTION.match(content)
        if section is not None and (section[2] or "") in _KINDS:
            group, kind = section[1], _KINDS[section[2] or ""]
            yield Line(line, group, "head", kind)
            continue
        try:
            yield _line_of(line, group, kind)
        except ValueError as error:
            raise RecordProblem(f"{name}, line {number}: this is no inventory in INI: {error}") from None


def _line_of(line: str, group: str, kind: str) -> Line:
    content = line.strip()
    if kind == "vars":
        key, equals, value = content.partition("=")
        if not equals:
            raise ValueError("a variable has no value")
        return Line(line, group, kind, key.strip(), value_of(value.strip()))
    if kind == "children":
        return Line(line, group, kind, content.split("#")[0].strip())
    tokens = shlex.split(content, comments=True)
    variables: dict[str, Any] = {}
    port = _PORT.match(tokens[0])
    if port is not None:
        variables[PORT] = int(port["port"])
    for token in tokens[1:]:
        key, equals, value = token.partition("=")
        if not equals:
            raise ValueError(f'"{key}" of a host has no value')
        variables[key] = value_of(value)
    return Line(line, group, kind, port["name"].strip("[]") if port is not None else tokens[0], variables)


def value_of(text: str) -> Any:
    """Return a value as Ansible reads it: a literal of Python, or else the text itself."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    found = list(found) if isinstance(found, (tuple, set)) else found
    return str(found) if isinstance(found, complex) or found is ... else found


def text_of(value: Any, name: str) -> str:
    """Return the string that Ansible reads as a value. Raises RecordProblem if there is none."""
    if has_template(getattr(value, "value", value)):
        raise RecordProblem(f'"{name}" has a template in it, which INI would evaluate; move the variable to a file of host_vars')
    if isinstance(value, str):
        plain = value == value.strip() and value.isprintable() and value_of(value) == value
        found = value if plain and value else repr(value)
    else:
        found = repr(value)
    try:
        if same(value_of(found), value):
            return found
    except RecursionError:
        pass
    raise RecordProblem(f'"{name}" cannot be written in INI; move the variable to a file of host_vars or group_vars')


def fits(value: Any) -> bool:
    """Return whether INI can hold a value."""
    try:
        return bool(text_of(value, ""))
    except RecordProblem:
        return False


def tree_of(lines: list[Line]) -> dict[str, Any]:
    """Return group → its hosts, children and variables."""
    tree: dict[str, Any] = {}
    for line in lines:
        if line.kind == "head":
            tree.setdefault(line.group, {}).setdefault(line.name, {})
        elif line.kind:
            there = tree.setdefault(line.group, {}).setdefault(line.kind, {})
            if line.kind == "hosts":
                there.setdefault(line.name, {}).update(line.value)
            else:
                there[line.name] = line.value
    return tree


class IniFormat:
    """Reads and changes files of hosts and groups in INI."""

    def read(self, text: str, name: str) -> dict[str, Any]:
        """Return the tree of a text. Raises RecordProblem."""
        return tree_of(list(lines_of(text, name)))

    def made(self, text: str, after: Mapping[str, Any], name: str) -> str:
        """Return the text with what makes its tree another one.

        Args:
            text: of the file.
            after: the tree, in which names are as they were.
            name: of the file, for messages.

        Raises:
            RecordProblem: it cannot be written in INI.
        """
        newline = "\r\n" if "\r\n" in text else "\n"
        lines = list(lines_of(text, name))
        found = _Changed(lines, after).text(newline, text)
        if not same(_filled(self.read(found, name)), _filled(after)):
            raise RecordProblem(f"{name} cannot be changed without changing more than was asked; write one host in a line")
        return found

    def renamed(self, text: str, names: Mapping[tuple[Any, ...], str], name: str) -> str:
        """Return the text with other names for hosts and groups; ``names`` is way in the tree, as it was called → its new name."""
        hosts = {(way[0], way[2]): new for way, new in names.items() if len(way) == 3 and way[1] == "hosts"}
        groups = {str(way[-1]): new for way, new in names.items() if len(way) == 1 or way[1] == "children"}
        ends = text.splitlines(keepends=True)
        for place, line in enumerate(lines_of(text, name)):
            end = ends[place][len(line.text) :]
            new = hosts.get((line.group, line.name)) if line.kind == "hosts" else None
            if line.kind == "children":
                new = groups.get(line.name)
            elif line.kind == "head" and line.group in groups:
                ends[place] = line.text.replace(f"[{line.group}", f"[{groups[line.group]}", 1) + end
            if new is not None:
                ends[place] = line.text.replace(line.name, new, 1) + end
        return "".join(ends)


def _filled(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree without what is empty in it; a group of which nothing is said is still there."""
    found: dict[str, Any] = {}
    for group, there in tree.items():
        parts = {kind: part for kind, part in (there or {}).items() if part}
        found[group] = {
            kind: dict(part) if kind == "vars" else {name: item or None for name, item in part.items()}
            for kind, part in parts.items()
        }
    if not found.get(UNGROUPED, True):
        del found[UNGROUPED]
    return found


class _Changed:
    """The lines of a file, and what becomes of each."""

    def __init__(self, lines: list[Line], after: Mapping[str, Any]) -> None:
        self._lines, self._after, self._before = lines, after, tree_of(lines)
        self._kept: list[list[str]] = [[line.text] for line in lines]
        self._raw: dict[tuple[str, str], list[str]] = {}

    def text(self, newline: str, before: str) -> str:
        """Return the text; ``newline`` is the line end of new lines, and ``before`` the text as it was."""
        for place, line in enumerate(self._lines):
            if line.kind and not self._stays(line):
                self._take_out(place, line)
            elif line.kind == "hosts":
                self._change_host(place, line)
            elif line.kind == "vars" and not same(self._part(line.group, "vars")[line.name], line.value):
                self._change_variable(place, line)
        tail = list(self._new())
        ends = [end[len(line.text) :] for line, end in zip(self._lines, before.splitlines(keepends=True))]
        found = [(text, ends[place]) for place, texts in enumerate(self._kept) for text in texts]
        found += [(text, newline) for text in tail[not found :]]
        last = len(found) - 1
        return "".join(text + (end or newline * (place < last)) for place, (text, end) in enumerate(found))

    def _part(self, group: str, kind: str) -> Mapping[str, Any]:
        return (self._after.get(group) or {}).get(kind) or {}

    def _stays(self, line: Line) -> bool:
        if line.kind == "head":
            return line.group in self._after
        return line.name in self._part(line.group, line.kind)

    def _take_out(self, place: int, line: Line) -> None:
        """Take a line out, with the comment lines directly above it, except for those with which the file begins."""
        first = place
        while first > 0 and not self._lines[first - 1].kind and self._lines[first - 1].text.strip()[:1] in ("#", ";"):
            first -= 1
        first = place if first == 0 else first
        self._raw.setdefault((line.kind, line.name), []).extend(text for one in range(first, place + 1) for text in self._kept[one])
        for one in range(first, place + 1):
            self._kept[one] = []

    def _change_host(self, place: int, line: Line) -> None:
        wanted, there = self._part(line.group, "hosts")[line.name] or {}, self._before[line.group]["hosts"][line.name]
        last = max(one for one, other in enumerate(self._lines) if other[1:4] == line[1:4])
        changed = {key: value for key, value in wanted.items() if key in line.value and not same(value, there[key])}
        changed.update((key, value) for key, value in wanted.items() if key not in there and place == last)
        gone = {key for key in line.value if key not in wanted}
        if changed or gone:
            self._kept[place] = [_host_line(line.text, changed, gone)]

    def _change_variable(self, place: int, line: Line) -> None:
        start = line.text.index("=") + 1
        blanks = len(line.text) - start - len(line.text[start:].lstrip())
        value = text_of(self._part(line.group, "vars")[line.name], line.name)
        self._kept[place] = [line.text[: start + blanks] + value]

    # ------------------------------------------------------------------ what is new

    def _new(self) -> Iterator[str]:
        """Put new lines at the end of their sections; yield those of new sections."""
        for group in self._after:
            new = [(kind, list(self._new_lines(group, kind))) for kind in ("hosts", "vars", "children")]
            for kind, lines in new:
                place = self._end_of(group, kind)
                if lines and place is not None:
                    self._kept[place] = [*self._kept[place], *lines]
                elif lines or (kind == "hosts" and group not in self._before and not any(more for _kind, more in new)):
                    yield from ["", f"[{group}{'' if kind == 'hosts' else ':' + kind}]", *lines]

    def _new_lines(self, group: str, kind: str) -> Iterator[str]:
        before = (self._before.get(group) or {}).get(kind) or {}
        for name, value in self._part(group, kind).items():
            if name in before:
                continue
            raw = self._raw.pop((kind, name), []) if kind == "hosts" else []
            if raw and same(_line_of(raw[-1], group, kind).value or {}, value or {}):
                yield from raw
            elif kind == "hosts":
                yield from [*raw[:-1], _host_line(name, value or {}, set())]
            else:
                yield name if kind == "children" else f"{name}={text_of(value, name)}"

    def _end_of(self, group: str, kind: str) -> int | None:
        """Return the last line of a section that says something and stays; that of the head if nothing else does."""
        current, found = (UNGROUPED, "hosts"), None
        if (group, kind) == current and self._lines and self._lines[0].kind == "hosts":
            found = 0
        for place, line in enumerate(self._lines):
            current = (line.group, line.name) if line.kind == "head" else current
            if line.kind and current == (group, kind) and self._stays_head(line, group):
                found = place
        return found

    def _stays_head(self, line: Line, group: str) -> bool:
        return line.kind != "head" or group in self._after


def _host_line(text: str, changed: Mapping[str, Any], gone: set[str]) -> str:
    """Return the line of a host with other variables; its other words and its comment stay as they are."""
    found, place, done = "", 0, set()
    first = True
    while (token := _TOKEN.match(text, place)) is not None:
        raw = token[0]
        key = "" if first else shlex.split(token[1])[0].partition("=")[0]
        if first and PORT in changed and _PORT.match(token[1]):
            raw = raw[: raw.rindex(":") + 1] + str(changed[PORT])
            done.add(PORT)
        elif key in changed:
            raw = raw[: len(raw) - len(token[1])] + _assigned(key, changed[key])
            done.add(key)
        found += "" if key in gone else raw
        place, first = token.end(), False
    new = "".join(f" {_assigned(key, value)}" for key, value in changed.items() if key not in done)
    return found + new + text[place:]


def _assigned(key: str, value: Any) -> str:
    return f"{key}={shlex.quote(text_of(value, key))}"
