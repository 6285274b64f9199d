# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The namespaces of addresses, of which Nautobot reports only the prefix around an address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..identity import Natives, ServerId
from ..outside import MOST, chunks
from .kinds import NAMESPACE, NAMESPACES, PREFIXES


class Namespaces:
    """Finds the namespace of addresses; may be used by several threads.

    Args:
        listed: returns the objects at an endpoint, with parameters.
        usual: returns the server's id of the namespace of an address that is sent without one.
    """

    def __init__(self, listed: Callable[[str, Mapping[str, Any]], Natives], usual: Callable[[], ServerId]) -> None:
        self._listed, self._usual = listed, usual
        self._lock = threading.RLock()
        self._spaces: dict[ServerId, Any] = {}
        self._of_prefixes: dict[ServerId, Any] = {}
        self._only: Any = None
        self._known = False

    def tell(self, natives: Natives) -> None:
        """Put the namespace into each of some addresses, as Nautobot lists them."""
        with self._lock:
            around = {native["id"]: (native.get("parent") or {}).get("id", "") for native in natives}
            self._read({*around.values()} - {""})
            for native in natives:
                native[NAMESPACE] = self._spaces[native["id"]] = self._only or self._of_prefixes.get(around[native["id"]])

    def note(self, natives: Natives) -> None:
        """Take note of the namespaces of addresses that have them already."""
        with self._lock:
            self._spaces.update((native["id"], native.get(NAMESPACE)) for native in natives)

    def tell_changed(self, natives: Natives, bodies: Sequence[Mapping[str, Any]]) -> None:
        """Put the namespace into each of some addresses, as Nautobot answers a change.

        Args:
            natives: the addresses.
            bodies: what was sent for new ones; empty for others.
        """
        with self._lock:
            for native, body in zip(natives, bodies):
                space = body[NAMESPACE]
                self._spaces[native["id"]] = self._usual() if isinstance(space, Mapping) else space
            for native in natives:
                native[NAMESPACE] = self._spaces.get(native["id"])

    def _read(self, prefixes: set[ServerId]) -> None:
        """Read in which namespaces prefixes are, unless there is only one."""
        if not self._known:
            spaces = self._listed(NAMESPACES, {"depth": 0})
            self._known, self._only = True, spaces[0] if len(spaces) == 1 else None
        new = sorted(prefixes - self._of_prefixes.keys(), key=str)
        some = list(chunks(new))
        for parameters in () if self._only else [{"id": chunk} for chunk in some] if len(some) <= MOST else [{}]:
            found = self._listed(PREFIXES, {"depth": 0, "exclude_m2m": "true", **parameters})
            self._of_prefixes.update((prefix["id"], prefix[NAMESPACE]) for prefix in found)
