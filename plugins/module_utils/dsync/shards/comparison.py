# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The coordinator: has shards compared, loads the trees that may differ, and compares these as always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Set
from functools import partial
from typing import NamedTuple

from ..adapter import DSync, Progress
from ..dataset.shard import Shard, digest_of, trees
from ..diff.diff import Diff
from ..exceptions import DiffException
from ..flags import DSyncAction, DSyncFlags
from ..model.identity import ObjectRef
from ..model.references import References
from .keys import in_several
from .messages import Answer, Question, Task, Unmanaged
from .naming import Naming
from .side import Side
from .work import Workers, answers_of

_MOST_ROUNDS = 8
"""Number of times that both datasets are loaded, before they are taken for datasets that change all the time."""


class Comparison(NamedTuple):
    """Two datasets that were compared in shards.

    Attributes:
        source: the source, with the objects of the trees that differ; the number of all others is in its ``unread``.
        target: the target, with the same trees; changes are applied to it.
        diff: the differences.
    """

    source: DSync
    target: DSync
    diff: Diff


def compare(
    workers: Workers,
    source: Side,
    target: Side,
    shards: int,
    flags: DSyncFlags = DSyncFlags.NONE,
    callback: Progress | None = None,
) -> Comparison:
    """Compare two datasets in shards, by several processes, and return the differences as one diff.

    The diff, a plan that is made from it, its digest, and the limits are the same as without shards. The workers return names and
    digests of objects, and no values; what differs is loaded here again, and compared here. Only this process writes.

    ::

        with ProcessPoolExecutor(4) as pool:
            found = compare(pool, Side("estate:Inventory"), Side("estate:Network", {"url": "…"}), shards=64)
        found.target.sync_from(found.source, diff=found.diff)

    Args:
        workers: an executor whose workers can import the factories; or a function that returns a new one, and is called again if a
            worker dies.
        source: how the dataset with the desired state is made.
        target: how the dataset to change is made.
        shards: the number of parts, from 1: at least the number of workers, and so many that a worker has room for one.
        flags: the differences to ignore.
        callback: called as ``callback("shards", done, total)`` whenever a shard was compared.

    Raises:
        DiffException: the datasets cannot be compared, or changed while they were compared.
        DSyncException: what loading or comparing raised, here or in a worker.
        concurrent.futures.BrokenExecutor: a worker died, and ``workers`` is no function, or it happened too often.
        ValueError: ``shards`` is less than 1.
    """
    if shards < 1:
        raise ValueError(f"shards is {shards}; it should be 1 or more")
    return _Coordinator(workers, (source, target), shards, flags, callback).comparison()


class _Asked:
    """What was asked of one shard so far."""

    def __init__(self) -> None:
        self.wanted: set[bytes] = set()
        self.referring: set[bytes] = set()

    def add(self, wanted: Set[bytes], referring: Set[bytes]) -> bool:
        """Add digests; return whether any was not asked for before."""
        new = not self.wanted.issuperset(wanted) or not self.referring.issuperset(referring)
        self.wanted |= wanted
        self.referring |= referring
        return new


class _Coordinator:
    """The state of one comparison in shards."""

    def __init__(
        self, workers: Workers, sides: tuple[Side, Side], shards: int, flags: DSyncFlags, callback: Progress | None
    ) -> None:
        self._workers, self._sides, self._shards, self._flags = workers, sides, shards, flags
        self._callback = callback
        self._asked = [_Asked() for _number in range(shards)]
        self._unmanaged: Unmanaged | None = None
        self._answers: dict[int, Answer] = {}
        self._others: set[ObjectRef] = set()  # the tops of trees that are the same on both sides, and loaded nevertheless

    def comparison(self) -> Comparison:
        """Return the comparison."""
        self._ask(range(self._shards))
        self._agree_on_unmanaged()
        twice = in_several([answer.keys for answer in self._answers.values()])
        self._ask_for(twice, set())
        for _round in range(_MOST_ROUNDS):
            found = self._loaded()
            if found is not None:
                return found
        raise DiffException(f"{self._sides[0].factory} or {self._sides[1].factory} changed while they were compared; run it again")

    # ------------------------------------------------------------------ the shards

    def _ask(self, numbers: Iterable[int]) -> None:
        tasks = {
            number: Task(
                *self._sides,
                number,
                self._shards,
                self._flags,
                Question(frozenset(asked.wanted), frozenset(asked.referring), self._unmanaged),
            )
            for number in numbers
            for asked in [self._asked[number]]
        }
        self._answers.update(answers_of(self._workers, tasks, partial(self._tell, len(tasks))))

    def _tell(self, total: int, done: int) -> None:
        if self._callback is not None:
            self._callback("shards", done, total)

    def _agree_on_unmanaged(self) -> None:
        """Ask the shards again of which the source says nothing of an attribute of which another shard says something."""
        answers = self._answers.values()
        self._unmanaged = {}
        for model in {model for answer in answers for model in answer.unmanaged}:
            said = [answer.unmanaged.get(model, frozenset()) for answer in answers if model in answer.held]
            self._unmanaged[model] = frozenset.intersection(*said) if said else frozenset()
        self._ask([number for number, answer in self._answers.items() if self._is_misled(answer, self._unmanaged)])

    @staticmethod
    def _is_misled(answer: Answer, agreed: Unmanaged) -> bool:
        return any(answer.unmanaged.get(model, names) != names for model, names in agreed.items() if model in answer.held)

    def _ask_for(self, wanted: Set[bytes], referring: Set[bytes]) -> bool:
        """Have the trees selected that contain, or refer to, objects with these digests; return whether any was new."""
        numbers = []
        for number, answer in self._answers.items():
            here, there = answer.keys.common(wanted), answer.referred.common(referring)
            if (here or there) and self._asked[number].add(here, there):
                numbers.append(number)
        self._ask(numbers)
        return bool(numbers)

    # ------------------------------------------------------------------ the trees that may differ

    def _loaded(self) -> Comparison | None:
        """Load the trees that may differ, and compare them; None if others have to be loaded as well."""
        tops = {top for answer in self._answers.values() for top in answer.tops}
        part = Shard(tops=tops | self._others)
        source, target = (side.make() for side in self._sides)
        for at, side in enumerate((source, target)):
            side.load_shard(part)
            said = (sentence for answer in self._answers.values() for sentence in answer.warnings[at])
            side.load_warnings = [*dict.fromkeys([*said, *side.load_warnings])]
        source.unmanaged = {**source.unmanaged, **(self._unmanaged or {})}
        if self._ask_for(self._conflicts(source, target, tops), set()):
            return None
        source.unread = target.unread = self._unread(target, tops)
        diff = target.diff_from(source, flags=self._flags)
        return None if self._look_for_references(target, diff) else Comparison(source, target, diff)

    def _known(self, digests: Set[bytes]) -> set[bytes]:
        """Return those of some digests that name objects in trees which a shard found the same on both sides."""
        return {digest for answer in self._answers.values() for digest in answer.keys.common(digests)}

    def _conflicts(self, source: DSync, target: DSync, tops: Set[ObjectRef]) -> set[bytes]:
        """Return digests of the objects in trees that may differ which have the name of an object in another tree."""
        naming = Naming(source, target, None)
        loaded = {key for side in (source, target) for top, tree in trees(side) if top in tops for key in naming.names(top, tree)}
        return self._known(loaded)

    def _unread(self, target: DSync, tops: Set[ObjectRef]) -> dict[str, int]:
        """Return model → number of objects that are not loaded."""
        equal = Counter[str]()
        for answer in self._answers.values():
            equal.update(answer.equal)
        others = [ref for top, tree in trees(target) if top not in tops for ref in tree] if self._others else []
        known = self._known({digest_of(*ref) for ref in others})
        equal.subtract(ref.model for ref in others if digest_of(*ref) in known)
        return {model: number for model, number in equal.items() if number > 0}

    # ------------------------------------------------------------------ references

    def _look_for_references(self, target: DSync, diff: Diff) -> bool:
        """Have the trees loaded that hold objects to which changes refer, and those that refer to deleted objects; return whether
        there are any."""
        references = diff.references
        if references is None:
            return False
        missing = {ref for ref in _referred(diff, references) if target.store.find(*ref) is None}
        known = self._known({digest_of(*ref) for ref in missing})
        there = {ref for ref in missing if digest_of(*ref) in known}
        tops = {ref for ref in there if _is_top(target, ref.model)} - self._others
        self._others |= tops
        inner = {digest_of(*ref) for ref in there if not _is_top(target, ref.model)}
        gone = {digest_of(*ref) for ref in _deleted(diff) if ref.model in references.referred}
        return self._ask_for(inner, gone) or bool(tops)


def _is_top(dataset: DSync, model: str) -> bool:
    """Return whether the objects of a model are never children of others."""
    return all(model not in kind._children for kind in dataset.models().values())


def _referred(diff: Diff, references: References) -> Iterator[ObjectRef]:
    """Yield the objects to which the new values of changes refer."""
    for element in diff.walk():
        new = element.get_attrs_diffs().get("+")
        if new is not None and element.action is not None:
            keys = element.keys if element.dest_attrs is None else None
            for named in references.named(element.type, keys, new):
                yield from named.choices


def _deleted(diff: Diff) -> Iterator[ObjectRef]:
    return (ObjectRef(element.type, element.uid) for element in diff.walk() if element.action == DSyncAction.DELETE)
