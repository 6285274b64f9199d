# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Integers of an inventory as its YAML files have them: ansible-inventory reports 20 for ``0024``, and a number for a MAC address.

Such a value stays the number that Ansible reads, and its string is the text in the file. Where two files write the same number of
the same variable in different ways, it is not known which of them counts, and the number stays a plain one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...exceptions import RecordProblem
from ..documents.yaml_format import YamlFormat
from .listing import Inventory

_NUMBER = re.compile(r"(?<![\w.:])[-+]?(?:0[\dxXbB_][\w:]*|\d+(?::[0-5]?\d)+|\d[\d_]*_[\d_]*|(?<=\+)\d+)(?![\w.])")
"""Matches a number that is not written in plain decimal digits."""

_ENDS = ("", ".yml", ".yaml")

Written = dict[str, dict[int, set[str]]]
"""Name of a variable, or of a field in one → number → how it is written."""


class AnsibleNumber(int):
    """The number that Ansible reads; its string is what is written.

    Attributes:
        text: as in the file.
    """

    text: str

    def __str__(self) -> str:
        return self.text


def restore(inventory: Inventory, sources: Sequence[str]) -> None:
    """Give the integers of an inventory the spelling that its files have.

    Args:
        inventory: changed.
        sources: files and directories that it was read from; others, such as lists of hosts, are ignored.
    """
    written: Written = {}
    for path in _files(Path(source) for source in sources):
        for name, value in _numbers(path):
            written.setdefault(name, {}).setdefault(int(value), set()).add(str(value))
    if not written:
        return
    for host, variables in inventory.hosts.items():
        inventory.hosts[host] = _restored(variables, "", written)
    for group in inventory.groups.values():
        group.variables = _restored(group.variables, "", written)


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        folder = source if source.is_dir() else source.parent
        found = [source] if source.is_file() else list(folder.glob("*")) if source.is_dir() else []
        if source.exists():
            found += [path for part in ("group_vars", "host_vars") for path in (folder / part).rglob("*")]
        yield from (path for path in found if path.suffix in _ENDS and path.is_file())


def _numbers(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the integers in a YAML file with the keys that they are behind; nothing for a file that is not one."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = YamlFormat().read(text, str(path)) if _NUMBER.search(text) else None
    except (OSError, UnicodeDecodeError, RecordProblem):  # ansible-inventory has said what is wrong, if anything
        return
    yield from _walked(tree, "")


def _walked(value: Any, name: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _walked(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _walked(item, name)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield name, value


def _restored(value: Any, name: str, written: Written) -> Any:
    if isinstance(value, dict):
        return {key: _restored(item, str(key), written) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item, name, written) for item in value]
    texts = written.get(name, {}).get(value, set()) if value.__class__ is int else set()
    if len(texts) != 1 or str(value) in texts:
        return value
    made = AnsibleNumber(value)
    (made.text,) = texts
    return made
