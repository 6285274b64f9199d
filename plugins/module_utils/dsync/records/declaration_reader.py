# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading a user's declarations piece by piece, so that every error names its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from .._util.suggestions import known
from ..exceptions import DefinitionError


class Declared:
    """A piece of a declaration and its place, such as ``models.device.attributes.mtu``.

    Args:
        value: the declared value.
        place: its place, as the user finds it in the declaration.
    """

    __slots__ = ("place", "value")

    def __init__(self, value: Any, place: str) -> None:
        self.value, self.place = value, place

    def wrong(self, sentence: str, file: str = "") -> NoReturn:
        """Raise DefinitionError: the place, and what is wrong there; ``file`` is the absolute path in it of a file at fault."""
        error = DefinitionError(f"{self.place}: {sentence}")
        error.file = file
        raise error

    def at(self, key: object) -> Declared:
        """Return the piece under a key or a position; its value is None if there is none."""
        if isinstance(key, int):
            return Declared(self.value[key], f"{self.place}[{key}]")
        found = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Declared(found, f"{self.place}.{key}" if self.place else str(key))

    def has(self, key: str) -> bool:
        """Return whether a key exists, even if its value is null."""
        return isinstance(self.value, Mapping) and key in self.value

    def mapping(self, keys: Iterable[str] | None = None, hint: str = "") -> Iterator[tuple[str, Declared]]:
        """Return the pieces of a dictionary with their keys, in order.

        Args:
            keys: the allowed keys; None for any string.
            hint: ends the message about a key that is not allowed.

        Raises:
            DefinitionError: it is not a dictionary, or a key is not a string, or not one of ``keys``.
        """
        if not isinstance(self.value, Mapping):
            self.wrong(f"this should be a dictionary, and is {self.shown()}.")
        allowed = None if keys is None else list(keys)
        for key in self.value:
            if not isinstance(key, str):
                self.wrong(f"the key {key!r} should be a string; put it in quotation marks.")
            if allowed is not None and key not in allowed:
                self.wrong(f'there is no key "{key}" here{known(key, allowed)}{hint}.')
        return iter([(key, self.at(key)) for key in self.value])

    def items(self) -> list[Declared]:
        """Return the pieces of a list. Raises DefinitionError if it is not one."""
        if not isinstance(self.value, (list, tuple)):
            single = f"; write [{self.value}]" if isinstance(self.value, str) else ""
            self.wrong(f"this should be a list, and is {self.shown()}{single}.")
        return [self.at(place) for place in range(len(self.value))]

    def text(self) -> str:
        """Return the string. Raises DefinitionError if it is not one, or is empty."""
        if not isinstance(self.value, str) or not self.value:
            self.wrong(f"this should be a string, and is {self.shown()}.")
        return self.value

    def truth(self) -> bool:
        """Return the boolean. Raises DefinitionError if it is not one."""
        if not isinstance(self.value, bool):
            self.wrong(f"this should be true or false, and is {self.shown()}.")
        return self.value

    def number(self, least: int = 0) -> int:
        """Return the integer. Raises DefinitionError if it is not one, or less than ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            self.wrong(f"this should be a whole number of {least} or more, and is {self.shown()}.")
        return self.value

    def names(self) -> list[str]:
        """Return the strings of a list without duplicates. Raises DefinitionError if it is something else."""
        found: list[str] = []
        for item in self.items():
            name = item.text()
            if name in found:
                item.wrong(f'"{name}" is named twice.')
            found.append(name)
        return found

    def one_of(self, choices: Iterable[str]) -> str:
        """Return the string. Raises DefinitionError if it is not one of ``choices``."""
        allowed = list(choices)
        if not isinstance(self.value, str) or self.value not in allowed:
            self.wrong(f"{self.shown()} is not possible here{known(self.value, allowed)}.")
        return self.value

    def shown(self) -> str:
        """Return the value in a form for messages."""
        if self.value is None:
            return "empty"
        if isinstance(self.value, (Mapping, list, tuple)):
            return "a dictionary" if isinstance(self.value, Mapping) else "a list"
        text = repr(self.value)
        return text if len(text) <= 60 else f"{text[:57]}…"
