# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Sorted digests of the names of objects, ten bytes each, so that a name can be looked up among the objects of all shards."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence

from ..dataset.shard import DIGEST_SIZE

_LOOK_UP = 20
"""So many times fewer digests are looked for than there are, before each is looked up instead of reading all."""


class Keys:
    """A set of digests, as sorted bytes.

    Args:
        digests: any number of digests, each of :data:`.dataset.shard.DIGEST_SIZE` bytes.
    """

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        self.data = b"".join(sorted(set(digests)))

    @classmethod
    def of_data(cls, data: bytes) -> Keys:
        """Return the set whose ``data`` these bytes are."""
        made = cls()
        made.data = data
        return made

    def __len__(self) -> int:
        return len(self.data) // DIGEST_SIZE

    def __iter__(self) -> Iterator[bytes]:
        return self._between(0, len(self))

    def _between(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start * DIGEST_SIZE, end * DIGEST_SIZE, DIGEST_SIZE):
            yield self.data[at : at + DIGEST_SIZE]

    def _place(self, digest: bytes) -> int:
        return bisect_left(range(len(self)), digest, key=lambda at: self.data[at * DIGEST_SIZE : (at + 1) * DIGEST_SIZE])

    def beginning_with(self, byte: int) -> Iterator[bytes]:
        """Yield the digests that begin with a byte."""
        end = len(self) if byte == 255 else self._place(bytes([byte + 1]))
        return self._between(self._place(bytes([byte])), end)

    def common(self, wanted: Collection[bytes]) -> set[bytes]:
        """Return the digests of ``wanted``, a set, that are in this set."""
        if len(wanted) * _LOOK_UP > len(self):
            return {digest for digest in self if digest in wanted}
        found = set()
        for digest in wanted:
            at = self._place(digest) * DIGEST_SIZE
            if self.data[at : at + DIGEST_SIZE] == digest:
                found.add(digest)
        return found


def in_several(sets: Sequence[Keys]) -> set[bytes]:
    """Return the digests that are in more than one of some sets."""
    found: set[bytes] = set()
    for byte in range(256):
        seen: set[bytes] = set()
        for keys in sets:
            for digest in keys.beginning_with(byte):
                if digest in seen:
                    found.add(digest)
                seen.add(digest)
    return found
