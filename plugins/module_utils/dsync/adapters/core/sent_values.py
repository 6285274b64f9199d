# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values that a system takes and never shows, such as passwords: they are compared by keyed digests of what was last sent.

The file of the digests holds no value. Its key is a passphrase that the task gives and the file does not hold
(:mod:`...storage.digests` describes what that protects from). A value that somebody else changed in the system cannot be noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..._util.plain_json import text_of
from ...exceptions import RecordError, RecordProblem
from ...storage.digests import SecretDigester, new_salt
from ...storage.files import replacing

NOT_SHOWN = "(not shown)"
"""What an attribute holds whose value the system never shows, and that is not known to be the one of the source."""

_FORMAT = 1


class SentValues:
    """The digests of the values that were last sent to a system; a file that several systems can share.

    Args:
        path: the file, absolute; it is created with the first value, with the mode 0600.
        key: the passphrase.
        system: the name of the system.

    Raises:
        RecordProblem: the file cannot be read, or was written with another key.
    """

    def __init__(self, path: str, key: str, system: str) -> None:
        self._path, self._system = Path(path), system
        content = self._content()
        self._digester = SecretDigester(content["salt"] if content else new_salt(), key)
        if content and content["check"] != self._digester.check:
            raise RecordProblem(
                f"{path} was written with another sent_key; give that key, or remove the file to send every value again"
            )
        self._digests: dict[str, str] = dict(content["digests"]) if content else {}
        self._changed: dict[str, str] = {}

    def knows(self, model: str, uid: str, place: str, value: Any) -> bool:
        """Return whether a value is the one that was last sent.

        Args:
            model: name of the object's model.
            uid: the object's unique id.
            place: the attribute, with the keys of a value in it after dots.
            value: plain.
        """
        return self._digests.get(self._name(model, uid, place)) == self._digester.digest(model, uid, place, value)

    def note(self, model: str, uid: str, place: str, value: Any) -> None:
        """Remember a value, and each that is in it, as sent, until :meth:`save` writes it down. The arguments are those of
        :meth:`knows`."""
        for inner, one in pieces(place, value):
            self._changed[self._name(model, uid, inner)] = self._digester.digest(model, uid, inner, one)

    def save(self) -> None:
        """Write down what was noted, into the file as it is now. Raises RecordProblem."""
        if not self._changed:
            return
        there = self._content()
        self._digests = {**(there["digests"] if there else {}), **self._changed}
        self._changed = {}
        try:
            with replacing(self._path) as stream:
                content = {"format": _FORMAT, "salt": self._digester.salt, "check": self._digester.check, "digests": self._digests}
                json.dump(content, stream, indent=1, sort_keys=True)
        except RecordError as error:
            raise RecordProblem(str(error)) from error

    def _name(self, model: str, uid: str, place: str) -> str:
        return text_of([self._system, model, uid, place])

    def _content(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            return {**found, "salt": str(found["salt"]), "digests": dict(found["digests"]), "check": found["check"]}
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RecordProblem(f"{self._path} cannot be read as a file of sent values: {error}") from error


def pieces(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield a value, and each value in it, with its place."""
    yield place, value
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, one in items:
        yield from pieces(f"{place}.{name}", one)


def same(sent: SentValues | None, model: str, uid: str, place: str, shown: Any, wanted: Any, concealed: str | None) -> bool:
    """Return whether what a system shows can be what is wanted: equal, and what it conceals was sent last.

    Args:
        sent: what was last sent; None if unknown, so that it counts as the same.
        model: as for :meth:`SentValues.knows`; so are ``uid`` and ``place``.
        uid: as there.
        place: as there.
        shown: what the system shows, plain.
        wanted: the value of the source, plain.
        concealed: what the system shows in the place of a value; None if it shows nothing at all.
    """
    if concealed is None or shown == concealed:
        return wanted == concealed or sent is None or sent.knows(model, uid, place, wanted)
    if isinstance(shown, Mapping) and isinstance(wanted, Mapping):
        return shown.keys() == wanted.keys() and all(
            same(sent, model, uid, f"{place}.{name}", shown[name], wanted[name], concealed) for name in shown
        )
    if isinstance(shown, list) and isinstance(wanted, list):
        return len(shown) == len(wanted) and all(
            same(sent, model, uid, f"{place}.{number}", *both, concealed) for number, both in enumerate(zip(shown, wanted))
        )
    return bool(shown == wanted)
