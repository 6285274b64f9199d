# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reading what a user declared, piece by piece, so that whatever is wrong is named by its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from .._util.suggestions import known
from ..exceptions import DefinitionError


class Declared:
    """A piece of a declaration and its place, such as ``models.device.attributes.mtu``.

    Args:
        value: what was declared there.
        place: its place, in words that the user finds in what he wrote.
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
        """Return the piece under a key or a position; its value is None where there is nothing."""
        if isinstance(key, int):
            return Declared(self.value[key], f"{self.place}[{key}]")
        found = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Declared(found, f"{self.place}.{key}" if self.place else str(key))

    def has(self, key: str) -> bool:
        """Return whether there is something under a key, be it nothing."""
        return isinstance(self.value, Mapping) and key in self.value

    def mapping(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Declared]]:
        """Return the pieces of a dictionary with their keys, in order.

        Args:
            keys: those that there may be; None for any text.

        Raises:
            DefinitionError: it is no dictionary, or a key is no text, or none of ``keys``.
        """
        if not isinstance(self.value, Mapping):
            self.wrong(f"this should be a dictionary, and is {self.shown()}.")
        allowed = None if keys is None else list(keys)
        for key in self.value:
            if not isinstance(key, str):
                self.wrong(f"the key {key!r} should be a text; put it in quotation marks.")
            if allowed is not None and key not in allowed:
                self.wrong(f'there is no key "{key}" here{known(key, allowed)}.')
        return iter([(key, self.at(key)) for key in self.value])

    def items(self) -> list[Declared]:
        """Return the pieces of a list. Raises DefinitionError when it is none."""
        if not isinstance(self.value, (list, tuple)):
            single = f"; write [{self.value}]" if isinstance(self.value, str) else ""
            self.wrong(f"this should be a list, and is {self.shown()}{single}.")
        return [self.at(place) for place in range(len(self.value))]

    def text(self) -> str:
        """Return the text that it is. Raises DefinitionError when it is none, or is empty."""
        if not isinstance(self.value, str) or not self.value:
            self.wrong(f"this should be a text, and is {self.shown()}.")
        return self.value

    def truth(self) -> bool:
        """Return the truth value that it is. Raises DefinitionError when it is none."""
        if not isinstance(self.value, bool):
            self.wrong(f"this should be true or false, and is {self.shown()}.")
        return self.value

    def number(self, least: int = 0) -> int:
        """Return the whole number that it is. Raises DefinitionError when it is none, or smaller than ``least``."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < least:
            self.wrong(f"this should be a whole number of {least} or more, and is {self.shown()}.")
        return self.value

    def names(self) -> list[str]:
        """Return the texts of a list in which none is twice. Raises DefinitionError when it is something else."""
        found: list[str] = []
        for item in self.items():
            name = item.text()
            if name in found:
                item.wrong(f'"{name}" is named twice.')
            found.append(name)
        return found

    def one_of(self, choices: Iterable[str]) -> str:
        """Return the text that it is. Raises DefinitionError when it is none of ``choices``."""
        allowed = list(choices)
        if not isinstance(self.value, str) or self.value not in allowed:
            self.wrong(f"{self.shown()} is not possible here{known(self.value, allowed)}.")
        return self.value

    def shown(self) -> str:
        """Return the value as a sentence can show it."""
        if self.value is None:
            return "empty"
        if isinstance(self.value, (Mapping, list, tuple)):
            return "a dictionary" if isinstance(self.value, Mapping) else "a list"
        text = repr(self.value)
        return text if len(text) <= 60 else f"{text[:57]}…"
