# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Parts of a dataset that consist of whole trees, chosen by the object at the top of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b, sha256

from ..model.identity import ObjectRef
from .dataset import Dataset
from .tree import children_of

DIGEST_SIZE = 10
"""Bytes of a digest: two of ten million identities have the same one with a probability of 1 to 24 billion."""

HASH_DIGITS = 6
"""Hexadecimal digits at the beginning of the SHA-256 digest of a unique id, which databases can compute as well: the number that
decides to which shard a tree belongs."""


def digest_of(*texts: str) -> bytes:
    """Return a digest of some strings, :data:`DIGEST_SIZE` bytes, the same in every process."""
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=DIGEST_SIZE).digest()


def hash_of(uid: str) -> int:
    """Return the number of a unique id that decides to which shard its tree belongs."""
    return int.from_bytes(sha256(uid.encode("utf-8", "surrogatepass")).digest()[: HASH_DIGITS // 2], "big")


class Shard:
    """A part of a dataset: certain trees, each with its top and all objects below it.

    Args:
        number: the number of the shard, from 0.
        of: the number of shards; each tree belongs to one of them, by a digest of the unique id of its top.
        tops: the tops of the trees that belong to the part; None for all.
    """

    def __init__(self, number: int = 0, of: int = 1, tops: Iterable[ObjectRef] | None = None) -> None:
        if not 0 <= number < of:
            raise ValueError(f"there is no shard {number} of {of}; the first one is 0")
        self.number, self.of = number, of
        self.tops = None if tops is None else frozenset(tops)

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}" if self.tops is None else f"{len(self.tops)} trees"

    def holds(self, top: ObjectRef) -> bool:
        """Return whether the tree below an object belongs to the part.

        Args:
            top: an object that is no child of another one.
        """
        return bool(self.places(top.model, [top.id]))

    def places(self, model: str, uids: Sequence[str]) -> Sequence[int]:
        """Return the positions of the objects whose trees belong to the part.

        Args:
            model: the model of some objects that are no children of others.
            uids: their unique ids.
        """
        found: Sequence[int] = range(len(uids))
        if self.tops is not None:
            found = [at for at, uid in enumerate(uids) if (model, uid) in self.tops]
        if self.of == 1:
            return found
        number, of, width = self.number, self.of, HASH_DIGITS // 2
        digests = ((at, sha256(uids[at].encode("utf-8", "surrogatepass")).digest()) for at in found)
        return [at for at, digest in digests if int.from_bytes(digest[:width], "big") % of == number]


def trees(dataset: Dataset) -> Iterator[tuple[ObjectRef, list[ObjectRef]]]:
    """Yield every object that is no child of another one, and its tree: the object itself and all objects below it.

    An object that has two parents is in both trees. Objects that are nested in a cycle are below no such object; each of them is
    yielded like one.

    Args:
        dataset: not changed.
    """
    store = dataset.store
    parents = {model for model in store.model_names() if any(kind._children for kind in store.kinds(model))}
    nested: dict[str, set[str]] = {}
    for model in parents:
        for obj in store.objects(model):
            for child in children_of(obj):
                nested.setdefault(child.model, set()).add(child.id)
    unseen = {model: set(uids) for model, uids in nested.items()}
    for model in store.model_names():
        inside = nested.get(model, ())
        for uid in store.uids(model):
            if uid not in inside:
                top = ObjectRef(model, uid)
                tree = _tree_of(dataset, top, parents) if model in parents else [top]
                for ref in tree[1:]:
                    unseen[ref.model].discard(ref.id)
                yield top, tree
    for model, uids in unseen.items():
        for uid in uids:
            yield ObjectRef(model, uid), _tree_of(dataset, ObjectRef(model, uid), parents)


def _tree_of(dataset: Dataset, top: ObjectRef, parents: set[str]) -> list[ObjectRef]:
    found, waiting = {top: None}, [top]
    while waiting:
        ref = waiting.pop()
        obj = dataset.store.find(*ref) if ref.model in parents else None
        for child in () if obj is None else children_of(obj):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return list(found)


def keep(dataset: Dataset, shard: Shard) -> None:
    """Remove all objects from a dataset that do not belong to a part of it.

    Args:
        dataset: changed in place.
        shard: the part.
    """
    kept: dict[str, set[str]] = {}
    for top, tree in trees(dataset):
        for ref in tree if shard.holds(top) else ():
            kept.setdefault(ref.model, set()).add(ref.id)
    for model in dataset.store.model_names():
        mine = kept.get(model, ())
        for uid in dataset.store.uids(model):
            if uid not in mine:
                dataset.store.discard(model, uid)
