# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Addresses and the prefixes around them: no field of an address names its prefix, and Nautobot keeps no address without one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ....dataset.dataset import Dataset
from ....diff.diff import Diff
from ....model.declaration import Reference
from ....model.identity import ObjectRef
from ....model.references import Named
from ..order import Implied, Typed, WithImplied
from .kinds import GLOBAL

_Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


@dataclass(frozen=True)
class Place:
    """Where a model keeps what an address or a prefix is.

    Attributes:
        model: the model's name.
        value: its field for the address or the prefix.
        namespace: its field for the namespace; None if it has none.
    """

    model: str
    value: str
    namespace: str | None

    def of(self, values: Mapping[str, Any]) -> tuple[str, _Network] | None:
        """Return the namespace and the network that the values of an object contain; None if they contain none."""
        try:
            interface = ipaddress.ip_interface(str(values[self.value]))
        except (KeyError, ValueError):
            return None
        space = values.get(self.namespace) if self.namespace else None
        return str(space or GLOBAL), interface.network


class WithPrefixes(WithImplied):
    """References that also know that an address needs a prefix around it.

    Args:
        kinds: as of :class:`....model.references.References`.
        addresses: the model of addresses.
        prefixes: the model of prefixes.
        moving: the prefixes that are created or deleted: their values and unique ids.
        staying: the values of all prefixes that are there, and stay.
        implied: as of :class:`..order.WithImplied`, with what returns the models of a type.
    """

    def __init__(
        self,
        kinds: Mapping[str, Any],
        addresses: Place,
        prefixes: Place,
        moving: Iterable[tuple[Mapping[str, Any], str]],
        staying: Iterable[Mapping[str, Any]],
        implied: tuple[Mapping[str, Sequence[Implied]], Typed],
    ) -> None:
        super().__init__(kinds, *implied)
        self._addresses = addresses
        self._reference = Reference(addresses.value, (prefixes.model,), False)
        self._moving: dict[tuple[str, _Network], ObjectRef] = {}
        for values, uid in moving:
            place = prefixes.of(values)
            if place is not None:
                self._moving[place] = ObjectRef(prefixes.model, uid)
        self._staying = {place for values in staying if (place := prefixes.of(values)) is not None}

    def named(self, model: str, *values: Mapping[str, Any] | None) -> Iterator[Named]:
        yield from super().named(model, *values)
        if model == self._addresses.model:
            place = self._addresses.of({name: value for some in values for name, value in (some or {}).items()})
            around = () if place is None else tuple(self._around(*place))
            if around:
                yield Named(self._reference, around[0].id, False, around)

    def _around(self, namespace: str, network: _Network) -> Iterator[ObjectRef]:
        """Yield the prefixes that come or go around an address, unless another one is there all the time."""
        outward = [network.supernet(new_prefix=length) for length in range(network.prefixlen, -1, -1)]
        if not any((namespace, outer) in self._staying for outer in outward):
            yield from (self._moving[namespace, outer] for outer in outward if (namespace, outer) in self._moving)


def with_prefixes(
    kinds: Mapping[str, Any],
    addresses: Place,
    prefixes: Place,
    diff: Diff,
    target: Dataset,
    implied: tuple[Mapping[str, Sequence[Implied]], Typed],
) -> WithPrefixes:
    """Return references that know of the prefixes that a diff creates and deletes around addresses.

    Args:
        kinds: as of :class:`....model.references.References`.
        addresses: the model of addresses.
        prefixes: the model of prefixes.
        diff: what has to change.
        target: the objects that are there.
        implied: as of :class:`WithPrefixes`.
    """
    moving = [
        ({**element.keys, **(attrs or {})}, element.uid)
        for element in diff.walk()
        if element.type == prefixes.model and (element.source_attrs is None or element.dest_attrs is None)
        for attrs in [element.source_attrs if element.dest_attrs is None else element.dest_attrs]
    ]
    gone = {uid for _values, uid in moving}
    staying = [
        {**obj.get_identifiers(), **obj.get_attrs()} for obj in target.get_all(prefixes.model) if obj.get_unique_id() not in gone
    ]
    return WithPrefixes(kinds, addresses, prefixes, moving, staying, implied)
