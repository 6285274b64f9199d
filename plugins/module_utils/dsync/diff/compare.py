# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of two datasets: pure, without I/O; neither is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import cast

from ..dataset.dataset import Dataset
from ..exceptions import DiffException, ModelMismatch
from ..flags import DSyncAction, DSyncFlags, DSyncModelFlags
from ..model.identity import ObjectRef
from ..model.model import DSyncModel
from ..model.references import References
from .columns import column_filter
from .diff import Diff, DiffElement, Tally
from .joining import Joining
from .leaves import Leaves
from .matching import FieldComparison, Matching, matching_of
from .scope import Scope, Stance
from .siblings import NO_SIBLINGS, Siblings, action_of, aligned, refuse_same_name
from .traversal import Side

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the number of objects that are done, and the total."""


def compare(
    source: Dataset,
    target: Dataset,
    flags: DSyncFlags = DSyncFlags.NONE,
    diff_class: type[Diff] = Diff,
    callback: Progress | None = None,
    scope: Scope | None = None,
) -> Diff:
    """Compare two datasets and return the differences that bring the target in line with the source.

    Args:
        source: the dataset with the desired state; not changed.
        target: the dataset to change; not changed here.
        flags: the differences to ignore.
        diff_class: the class of the result and of its subtrees.
        callback: called as ``callback("diff", done, total)`` during the comparison, and with ``done == total`` at the end.
        scope: the objects and attributes to compare; None for all.

    Raises:
        ModelMismatch: the two have no model in common, a model is declared in ways that cannot be compared, or objects are
            nested in a cycle.
        ObjectNotFound: an object lists a child that was never added.
        AmbiguousMatch: several objects of one side have the same match key, which an object of the other side has, too.
        ObjectAlreadyExists: an object has two parents, or two siblings have the same short name.
        DiffException: objects are nested too deeply.
    """
    comparison = _Comparison(source, target, flags, diff_class, callback, scope or None)
    diff = comparison.places()
    diff.warnings.extend(comparison.warnings())
    diff.set_tally(comparison.tally)
    diff.warnings.extend(comparison.join(diff))
    comparison.finish()
    diff.complete()
    diff.may_be_protected = comparison.protects() or diff_class.complete is not Diff.complete
    return diff


def compare_places(source: Dataset, target: Dataset, flags: DSyncFlags = DSyncFlags.NONE) -> tuple[Diff, bool]:
    """Compare two datasets place by place: an object with another parent or name is two differences, a create and a delete.

    Args:
        source: the dataset with the desired state; not changed.
        target: the dataset to change; not changed.
        flags: the differences to ignore.

    Returns:
        The differences, and whether every object of both sides was compared.

    Raises:
        DiffException, ObjectStoreException: as :func:`compare`, for what it raises before it looks for moves.
    """
    comparison = _Comparison(source, target, flags, Diff, None, None)
    diff = comparison.places()
    return diff, comparison.is_whole()


class _Comparison:
    """The state of one comparison, and its counts."""

    def __init__(
        self,
        source: Dataset,
        target: Dataset,
        flags: DSyncFlags,
        diff_class: type[Diff],
        callback: Progress | None,
        scope: Scope | None,
    ) -> None:
        self.source, self.target = Side(source), Side(target)
        self.diff_class = diff_class
        self.tally = Tally()
        self.lone: list[DiffElement] = []  # the elements of objects that are on one side only
        self._matchings: dict[str, Matching] = {}
        self._leaves: dict[str, Leaves | None] = {}
        self._joining = Joining(source, target, self.tally)
        self._skip_source = bool(flags & DSyncFlags.SKIP_UNMATCHED_SRC)
        self._skip_target = bool(flags & DSyncFlags.SKIP_UNMATCHED_DST)
        self._keep_unchanged = bool(flags & DSyncFlags.LOG_UNCHANGED_RECORDS)
        self._callback, self._scope = callback, scope
        self._kept = (0, "")  # how many objects that were not compared keep those above them, and why the last of them does
        self._total = len(source) + len(target)
        self._notes: list[str] = []

    # ------------------------------------------------------------------ the walk

    def places(self) -> Diff:
        """Return the differences of all places, and check both datasets."""
        source, target = self.source.dataset, self.target.dataset
        diff, models = self.diff_class(), target.models()
        diff.source_name, diff.dest_name = source.name, target.name
        diff.references = References.of({**source.models(), **models})
        diff.unique = {model: unique for model in models if (unique := tuple(target.unique_fields(model)))}
        try:
            for element in self.top_level():
                diff.add(element)
        except RecursionError:
            self.check()
            raise DiffException(f"the objects of {source.name} or {target.name} are nested too deeply to be compared") from None
        self.check()
        return diff

    def is_whole(self) -> bool:
        """Return whether every object of both sides was visited, and none was skipped."""
        return self._done() == self._total and not self.tally.total()["skip"]

    def top_level(self) -> Iterator[DiffElement]:
        """Yield the elements of the top-level models that both sides have, in the order of the target's ``top_level``."""
        source, target = self.source.dataset, self.target.dataset
        common = [model for model in target.top_level if model in source.top_level]
        if not common:
            raise ModelMismatch(
                f"no top-level model is common to {source.name} ({', '.join(source.top_level) or 'none'}) "
                f"and {target.name} ({', '.join(target.top_level) or 'none'}), so there is nothing to compare"
            )
        for side, other in ((self.source, self.target), (self.target, self.source)):
            for model in side.dataset.top_level:
                if model not in common:
                    self._skip(side, side.top(model)[1])
                    self._note(f"{model} is a top-level model of {side.dataset.name} only, not of {other.dataset.name}: ignored")
        for model in common:
            yield from self._siblings(self._matching(model), self.source.top(model), self.target.top(model), None, False)
            self._progress()

    def _siblings(
        self, matching: Matching, source: Siblings, target: Siblings, parent: DSyncModel | None, inside: bool
    ) -> Iterable[DiffElement]:
        """Return the elements of one parent's children of one model; ``inside`` as for :meth:`.Scope.stance`."""
        leaves = self._leaves_of(matching.model)
        if leaves is None or not leaves.have_distinct_names(source, target):
            self._check_names(matching, source, target, parent)
        if leaves is not None:
            return self._elements(leaves, source, target)
        return filter(None, (self._pair(matching, left, right, parent, inside) for left, right in aligned(source, target)))

    def _elements(self, leaves: Leaves, source: Siblings, target: Siblings) -> list[DiffElement]:
        """Return the elements of siblings without children."""
        matching, elements = leaves.matching, []
        unlike, same = leaves.differing(source, target)
        may_exclude = self._may_exclude(matching)
        for left, right in unlike:
            if may_exclude and self._is_excluded(matching, left, right):
                self._skip_pair(matching.model, left, right)
            else:
                self.tally.count(matching.model, action_of(left, right))
                elements.append(self._element(matching, left, right, True))
        if same:
            self.tally.count(matching.model, "no-change", same)
        return elements

    def _leaves_of(self, model: str) -> Leaves | None:
        """Return the comparison of a model's objects if these have no children, and if equal attributes need no further check."""
        if model not in self._leaves:
            matching, found = self._matching(model), None
            if isinstance(matching.by, FieldComparison) and self._is_decided_by_attributes(matching):
                columns = column_filter(matching, matching.by.names, self.source, self.target)
                found = Leaves(matching, matching.by, columns)
            self._leaves[model] = found
        return self._leaves[model]

    def _are_same(self, model: str, uids: Sequence[str], others: Sequence[str]) -> bool:
        """Return whether the children of an object that have these ids are equal by their columns, and count them then."""
        leaves = self._leaves_of(model)
        if leaves is None or leaves.columns is None or not leaves.columns.are_same(uids, others):
            return False
        self.tally.count(model, "no-change", len(uids))
        self._progress()
        return True

    def _is_decided_by_attributes(self, matching: Matching) -> bool:
        """Return whether objects with equal attributes need no further check."""
        if matching.by.exact or matching.flags_matter or self._keep_unchanged or self._scope is not None:
            return False
        return matching.children.is_leaf

    def _pair(
        self,
        matching: Matching,
        source: DSyncModel | None,
        target: DSyncModel | None,
        parent: DSyncModel | None,
        inside: bool,
    ) -> DiffElement | None:
        """Return the element of one identity; None if it and all below it are unchanged or ignored."""
        differs = source is None or target is None or matching.by.differ(source, target)
        action = action_of(source, target) if differs else None
        excluded = self._may_exclude(matching) and self._is_excluded(matching, source, target)
        stance = Stance.OUT if excluded else Stance.IN
        if self._scope is not None and stance is Stance.IN:
            stance, inside = self._stance(self._scope, matching, action, source, target, parent, inside)
            if stance is Stance.OUT and target is not None:
                self._keep(f"{target!r} below it is out of scope")
        if stance is Stance.OUT:
            self._skip_pair(matching.model, source, target)
            return None
        compared = stance is Stance.IN
        element = self._element(matching, source, target, compared) if compared and (differs or self._keep_unchanged) else None
        self.tally.count(matching.model, (action or "no-change") if compared else "skip")
        kept = self._kept
        for child in () if matching.children.is_leaf else self._children(matching, source, target, inside):
            if element is None:
                element = self._element(matching, source, target, compared)
            element.add_child(child)
        if element is not None and source is None and self._kept != kept:
            element.protected, element.spared = f"protected: {self._kept[1]}", True
        return element

    def _stance(
        self,
        scope: Scope,
        matching: Matching,
        action: DSyncAction | None,
        source: DSyncModel | None,
        target: DSyncModel | None,
        parent: DSyncModel | None,
        inside: bool,
    ) -> tuple[Stance, bool]:
        """Return how an object is treated; for an object on one side only, together with its counterpart on the other side, which
        has another place or another name."""
        if source is not None and target is not None:
            return scope.stance(matching.model, action, source, target, inside, alone=False)
        obj, pairs = cast(DSyncModel, source or target), self._joining.counterparts()
        other = (pairs.in_target if target is None else pairs.in_source).get(ObjectRef(matching.model, obj.get_unique_id()))
        if other is not None:
            return scope.stance(matching.model, DSyncAction.MOVE, source or other, target or other, inside, alone=True)
        whole = self._with_other_place(matching, action, source, target, parent)
        return scope.stance(matching.model, *whole, inside, alone=True)

    def _with_other_place(
        self,
        matching: Matching,
        action: DSyncAction | None,
        source: DSyncModel | None,
        target: DSyncModel | None,
        parent: DSyncModel | None,
    ) -> tuple[DSyncAction | None, DSyncModel | None, DSyncModel | None]:
        """Return what is to be done to an object that is on one side at its place, and the objects of both sides: the other one may
        be at another place, from which it moves, or moves along with what is above it."""
        obj, store = cast(DSyncModel, source or target), (self.target if target is None else self.source).dataset.store
        other = store.find(matching.model, obj.get_unique_id())
        if other is None or not self._moves(matching.model):
            return action, source, target
        both = (source or other, target or other)
        above = None if parent is None else store.find(parent.get_type(), parent.get_unique_id())
        field = None if above is None else above.get_children_mapping().get(matching.model)
        if field is None or other.get_unique_id() not in (getattr(above, field) or ()):
            return DSyncAction.MOVE, *both
        return DSyncAction.UPDATE if matching.by.differ(*both) else None, *both

    def _moves(self, model: str) -> bool:
        kind = self.target.dataset.models().get(model)
        return kind is not None and kind._moves

    def _children(
        self, matching: Matching, source: DSyncModel | None, target: DSyncModel | None, inside: bool
    ) -> list[DiffElement]:
        elements: list[DiffElement] = []
        for model, source_field, target_field in matching.children.common:
            uids = None if source is None else getattr(source, source_field)
            others = None if target is None else getattr(target, target_field)
            if (uids and others and self._are_same(model, uids, others)) or not (uids or others):
                continue
            left = self.source.children(source, model, uids) if source is not None and uids else NO_SIBLINGS
            right = self.target.children(target, model, others) if target is not None and others else NO_SIBLINGS
            elements += self._siblings(self._matching(model), left, right, source or target, inside)
            self._progress()
        if matching.children.source_only and source is not None:
            self._skip_children(self.source, source, matching.model, matching.children.source_only)
        if matching.children.target_only and target is not None:
            self._skip_children(self.target, target, matching.model, matching.children.target_only)
        return elements

    def _skip_children(self, side: Side, obj: DSyncModel, parent: str, kinds: Iterable[tuple[str, str]]) -> None:
        """Skip the children of an object whose models are not children of its model on the other side."""
        for model, field in kinds:
            self._skip(side, side.children(obj, model, getattr(obj, field))[1])
            self._note(f"{model} is a child of {parent} in {side.dataset.name} only: ignored")

    def _element(self, matching: Matching, source: DSyncModel | None, target: DSyncModel | None, compared: bool) -> DiffElement:
        obj = cast(DSyncModel, target if source is None else source)
        reading = matching.target if source is None else matching.source
        element = DiffElement(
            matching.model,
            reading.name(obj),
            reading.identifiers(obj),
            self.source.dataset.name,
            self.target.dataset.name,
            self.diff_class,
            uid=obj.get_unique_id(),
            sensitive=matching.sensitive,
            exact=matching.by.exact,
            flags=target.model_flags if target is not None and matching.uses_flags else DSyncModelFlags.NONE,
        )
        if matching.read_only:
            element.read_only = matching.read_only
        if matching.narrowed or not compared:
            element.compared = frozenset(matching.by.names if compared else ())
        if matching.unknown or matching.kept:
            self._note_single_values(matching, element)
        if source is not None:
            element.source_attrs = matching.source.attributes(source)
        if target is not None:
            element.dest_attrs = matching.target.attributes(target)
        if source is None or target is None:
            self.lone.append(element)
            return element
        if compared and matching.times:
            self._note_zones(matching, element)
        if element.read_only:
            element.protect_read_only()
            for name in element.differing if element.kept and not element.protected else ():
                if name in element.kept:
                    self._note(f'{element.type} "{element.uid}": {element.kept[name]}')
        return element

    def _note_single_values(self, matching: Matching, element: DiffElement) -> None:
        """Let an element compare no attribute of the object whose value is not known, and change none that must be kept."""
        element.kept = matching.kept.get(element.uid, {})
        element.read_only = element.read_only.union(element.kept)
        unknown = matching.unknown.get(element.uid)
        if unknown:
            element.compared = frozenset(matching.by.names if element.compared is None else element.compared) - unknown

    def _note_zones(self, matching: Matching, element: DiffElement) -> None:
        """Warn about attributes whose times have a zone on one side only, since no two of these are ever equal."""
        new, old = element.source_attrs or {}, element.dest_attrs or {}
        for name in matching.times:
            here, there = new.get(name), old.get(name)
            if not isinstance(here, datetime) or not isinstance(there, datetime):
                continue
            sides = [self.source.dataset.name, self.target.dataset.name]
            if (here.utcoffset() is None) is not (there.utcoffset() is None):
                has, lacks = sides if there.utcoffset() is None else reversed(sides)
                self._note(
                    f"{matching.model}.{name} has a time zone in {has} and none in {lacks}, so its values are never equal; declare "
                    "its timezone in the model"
                )

    def _matching(self, model: str) -> Matching:
        if model not in self._matchings:
            only = None if self._scope is None else self._scope.attributes.get(model)
            self._matchings[model] = matching_of(model, self.source.dataset, self.target.dataset, only)
            self._note_unmanaged(model)
        return self._matchings[model]

    def _note_unmanaged(self, model: str) -> None:
        """Add warnings about attributes that are not changed in the target because no object of the source has a field for them."""
        source, target = self.source.dataset, self.target.dataset
        for name in sorted(source.unmanaged.get(model, ())):
            if any(value is not None for value in target.store.values(model, name)):
                self._note(
                    f"no {model} of {source.name} has a field for {name}, so it is not compared; "
                    "set a default to define its absence"
                )

    # ------------------------------------------------------------------ ignored objects

    def join(self, diff: Diff) -> list[str]:
        """Make one difference of each object that has another parent or name in the source; return warnings about pairs that look
        alike."""
        if not self.is_whole():
            self._joining.protect_partial_moves(self.lone)
        comparisons = {model: matching.comparisons for model, matching in self._matchings.items()}
        return self._joining.join(diff, self.lone, comparisons, self._keep_unchanged)

    def protects(self) -> bool:
        """Return whether an element may be protected: one of an object on one side only, or one with attributes that cannot be
        written."""
        known = any(matching.read_only or matching.kept for matching in self._matchings.values())
        return known or any(one.protected for one in self.lone)

    def _source_has(self, obj: DSyncModel) -> bool:
        return self.source.dataset.store.find(obj.get_type(), obj.get_unique_id()) is not None

    def _keep(self, why: str) -> None:
        """Record that an object of the target that is not compared must not be deleted together with those above it."""
        self._kept = (self._kept[0] + 1, why)

    def _may_exclude(self, matching: Matching) -> bool:
        """Return whether flags may exclude objects of a model."""
        return matching.flags_matter or self._skip_source or self._skip_target

    def _is_excluded(self, matching: Matching, source: DSyncModel | None, target: DSyncModel | None) -> bool:
        """Return whether flags exclude an object."""
        left = (target is None and self._skip_source) or (source is None and self._skip_target)
        for obj, alone, unmatched in (
            (source, target is None, DSyncModelFlags.SKIP_UNMATCHED_SRC),
            (target, source is None, DSyncModelFlags.SKIP_UNMATCHED_DST),
        ):
            if matching.flags_matter and obj is not None:
                left = left or bool(obj.model_flags & DSyncModelFlags.IGNORE or (alone and obj.model_flags & unmatched))
        return left

    def _skip_pair(self, model: str, source: DSyncModel | None, target: DSyncModel | None) -> None:
        """Count one identity, and each one below it on either side, as skipped; objects that the source has are not deleted."""
        self.tally.count(model, "skip")
        if source is None and target is not None and self._source_has(target):
            self._keep(f"{target!r} below it is in {self.source.dataset.name}, and was not compared")
        kinds = {**(source.get_children_mapping() if source is not None else {})}
        kinds.update(target.get_children_mapping() if target is not None else {})
        for kind in kinds:
            left, right = self._below(self.source, source, kind), self._below(self.target, target, kind)
            for uid in {**left, **right}:
                self._skip_pair(kind, left.get(uid), right.get(uid))

    @staticmethod
    def _below(side: Side, obj: DSyncModel | None, kind: str) -> dict[str, DSyncModel]:
        field = obj.get_children_mapping().get(kind) if obj is not None else None
        if obj is None or field is None:
            return {}
        return dict(zip(*side.children(obj, kind, getattr(obj, field))))

    def _skip(self, side: Side, objs: Sequence[DSyncModel]) -> None:
        """Count objects of one side only, and each one below them, as skipped."""
        for obj in objs:
            self._skip_pair(obj.get_type(), *((obj, None) if side is self.source else (None, obj)))

    # ------------------------------------------------------------------ checks, progress, warnings

    def _check_names(self, matching: Matching, source: Siblings, target: Siblings, parent: DSyncModel | None) -> None:
        """Raise ObjectAlreadyExists if two siblings on one side have the same short name."""
        for side, shortnames, siblings in (
            (self.source, matching.source.shortnames, source),
            (self.target, matching.target.shortnames, target),
        ):
            if shortnames is not None and not shortnames.are_distinct(*siblings):
                refuse_same_name(side, matching.model, shortnames, siblings[1], parent)

    def _done(self) -> int:
        return self.source.met() + self.target.met()

    def _progress(self) -> None:
        if self._callback is not None and self._done() < self._total:
            self._callback("diff", self._done(), self._total)

    def finish(self) -> None:
        """Report that every object is done."""
        if self._callback is not None:
            self._callback("diff", self._total, self._total)

    def _note(self, sentence: str) -> None:
        if sentence not in self._notes:
            self._notes.append(sentence)

    def check(self) -> None:
        """Raise an exception if a dataset is inconsistent."""
        self.source.check()
        self.target.check()

    def warnings(self) -> list[str]:
        """Return warnings about objects that were not loaded, or not compared although no flag excludes them."""
        sides = (self.source, self.target)
        loading = (sentence for side in sides for sentence in side.dataset.load_warnings)
        return [*loading, *self._notes, *(sentence for side in sides for sentence in side.orphans())]
