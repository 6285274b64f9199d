# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The namespaces of addresses, of which Nautobot tells only the prefix around an address."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..names import Native, Natives, ServerId
from .kinds import NAMESPACE, NAMESPACES, PREFIXES


class Namespaces:
    """Tells in which namespace addresses are; may be used by several threads.

    Args:
        listed: returns the objects at an endpoint, with parameters.
        usual: returns the server's id of the namespace of an address that is sent without one.
    """

    def __init__(self, listed: Callable[[str, Mapping[str, Any]], Natives], usual: Callable[[], ServerId]) -> None:
        self._listed, self._usual = listed, usual
        self._lock = threading.RLock()
        self._spaces: dict[ServerId, Any] = {}
        self._of_prefixes: dict[ServerId, Any] | None = None
        self._only: Any = None

    def tell(self, natives: Natives) -> None:
        """Put the namespace into each of some addresses, as Nautobot lists them."""
        with self._lock:
            for native in natives:
                native[NAMESPACE] = self._spaces[native["id"]] = self._around(native)

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

    def _around(self, native: Native) -> Any:
        if self._of_prefixes is None:
            spaces = self._listed(NAMESPACES, {"depth": 0})
            prefixes = self._listed(PREFIXES, {"depth": 0, "exclude_m2m": "true"}) if len(spaces) > 1 else ()
            self._only = spaces[0] if len(spaces) == 1 else None
            self._of_prefixes = {prefix["id"]: prefix[NAMESPACE] for prefix in prefixes}
        around: Mapping[str, Any] = native.get("parent") or {}
        return self._only or self._of_prefixes.get(around.get("id", ""))
