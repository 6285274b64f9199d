# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""After all places are compared: an object that is on both sides, with another parent or name, is one object and one difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..dataset.dataset import Dataset
from ..model.comparison import Comparison
from ..model.identity import ObjectRef
from .diff import Diff, DiffElement, Tally
from .lookalike import hints

if TYPE_CHECKING:
    from .counterparts import Counterparts
    from .moves import Lone, Renamed
    from .renames import MatchKey


class Joining:
    """The objects that may have another place or another name on the other side.

    Args:
        source: the dataset with the desired state; not changed.
        target: the dataset to change; not changed.
        tally: the counts of the comparison; a move is counted as one object.
    """

    def __init__(self, source: Dataset, target: Dataset, tally: Tally) -> None:
        self._source, self._target, self._tally = source, target, tally
        self._counterparts: Counterparts | None = None

    def counterparts(self) -> Counterparts:
        """Return the pairs of objects of both sides that are the same object with another name, compared or not."""
        if self._counterparts is None:
            from .counterparts import Counterparts  # only here, since few comparisons need it

            keys = {model: match for model in self._target.models() if (match := self._match_of(model))}
            self._counterparts = Counterparts(self._source, self._target, keys)
        return self._counterparts

    def protect_partial_moves(self, lone: Iterable[DiffElement]) -> None:
        """Protect each of these objects, which is deleted or created in one place, if the other side has it in a place that was
        not compared: a delete would lose the object, a create would conflict with it."""
        held = []
        for element in lone:
            other = self._source if element.source_attrs is None else self._target
            if other.store.find(element.type, element.uid) is not None:
                held.append((element, other.name))
        places = Counter((element.type, element.uid) for element, _other in held)
        for element, other_name in held:
            if places[element.type, element.uid] == 1:
                element.protected, element.spared = (
                    f"protected: {other_name} has it in another place, which was not compared",
                    False,
                )

    def join(
        self, diff: Diff, lone: Sequence[DiffElement], comparisons: Mapping[str, Mapping[str, Comparison]], keep_unchanged: bool
    ) -> list[str]:
        """Merge the two elements of each object that has another parent or name in the source.

        Args:
            diff: the differences of all places; changed.
            lone: the elements of objects that are on one side only.
            comparisons: model → identifier → how it is declared to compare.
            keep_unchanged: whether elements without a difference stay.

        Returns:
            A warning for each other pair that looks alike.
        """
        total, keys = self._tally.total(), self._match_keys(lone)
        if not keys and not (total["create"] and total["delete"] and _any_moved(lone)):
            return [*hints(lone, comparisons)]
        from .moves import join_moves, lone_places, ref_of_element  # only here, since few comparisons need it

        places = lone_places(diff)
        renamed = self._renamed(*places, keys, lone) if keys else {}
        paired = {*renamed, *(one.old for one in renamed.values())}
        left = [element for element in lone if ref_of_element(element) not in paired] if paired else lone
        warnings = [*hints(left, comparisons)]
        join_moves(diff, places, renamed, self._target, self._tally, keep_unchanged)
        return warnings

    def _renamed(
        self, old: Lone, new: Lone, keys: Mapping[str, tuple[MatchKey, ...]], lone: Sequence[DiffElement]
    ) -> Mapping[ObjectRef, Renamed]:
        """Return the objects of the source that are objects of the target with another name, and protect those whose counterpart
        was not compared."""
        from .renames import Renames  # only here, since few models have match keys

        only_old = {ref: place for ref, place in old.items() if self._source.store.find(*ref) is None}
        only_new = {ref: place for ref, place in new.items() if self._target.store.find(*ref) is None}
        classes = {model: kind for model, kind in self._target.models().items() if kind._moves}
        renamed = Renames(only_old, only_new, classes, keys).found()
        if self._tally.total()["skip"]:
            self.counterparts().protect_partial_renames(lone, renamed)
        return renamed

    def _match_keys(self, lone: Sequence[DiffElement]) -> dict[str, tuple[MatchKey, ...]]:
        """Return model → match keys of the models with objects on one side only, or, if there are any, with objects that were not
        compared."""
        models: Iterable[str] = dict.fromkeys(element.type for element in lone)
        if lone and self._tally.total()["skip"]:
            models = self._target.models()
        return {model: match for model in models if (match := self._match_of(model))}

    def _match_of(self, model: str) -> tuple[MatchKey, ...]:
        """Return the match keys of a model: those of the target, or else those of the source."""
        kinds = [kind for one in (self._target, self._source) if (kind := one.models().get(model)) is not None]
        declared = next((kind._declaration.match for kind in kinds if kind._declaration.match), ())
        spellings = self._target.equal_spellings(model)
        if not (declared or spellings) or not all(kind._moves for kind in kinds):
            return ()
        from .renames import match_keys  # only here, since few models have match keys

        return match_keys(declared, kinds[-1]._declaration.comparisons, kinds[0]._identifiers, spellings)


def _any_moved(lone: Sequence[DiffElement]) -> bool:
    """Return whether any object is on both sides, in different places."""
    created = {(element.type, element.uid) for element in lone if element.dest_attrs is None}
    return any(element.source_attrs is None and (element.type, element.uid) in created for element in lone)
