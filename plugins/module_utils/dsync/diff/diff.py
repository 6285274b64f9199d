# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The result of a comparison: a tree with one element for every object that differs or has a differing descendant."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .._util.redaction import masked
from ..exceptions import ObjectAlreadyExists
from ..flags import DSyncAction, DSyncModelFlags
from ..model.identity import SEPARATOR, ObjectRef
from ..model.values import same_value
from .text import outline

if TYPE_CHECKING:
    from ..model.declaration import Unique
    from ..model.references import References

Dict = dict  # the classes below have methods called dict and str
Text = str

_NONE: frozenset[Text] = frozenset()

_NO_REASONS: Mapping[Text, Text] = MappingProxyType({})

SUMMARY_KEYS = ("create", "update", "move", "delete", "no-change", "skip")
"""The categories in which a comparison counts objects, each object once."""

COUNTERS = MappingProxyType(dict(zip(SUMMARY_KEYS, ("creates", "updates", "moves", "deletes", "unchanged", "skipped"))))
"""Category → its name in results and reports. A template reads each of them with a dot; ``update`` is a method of dictionaries."""


class Tally:
    """Counts of objects by model and category."""

    def __init__(self) -> None:
        self.by_model: Dict[Text, Dict[Text, int]] = {}

    def count(self, modelname: Text, key: Text, number: int = 1) -> None:
        """Add ``number`` objects of a model to the category ``key``, one of :data:`SUMMARY_KEYS`."""
        counts = self.by_model.get(modelname)
        if counts is None:
            counts = self.by_model[modelname] = Dict.fromkeys(SUMMARY_KEYS, 0)
        counts[key] += number

    def total(self) -> Dict[Text, int]:
        """Return a new dict of the counts of all models together."""
        return {key: sum(counts[key] for counts in self.by_model.values()) for key in SUMMARY_KEYS}


class Name(NamedTuple):
    """The name of an object.

    Attributes:
        uid: its unique id.
        keys: the identifiers' values.
        short: its short name.
    """

    uid: Text
    keys: Dict[Text, Any]
    short: Text


class Move(NamedTuple):
    """The old and new parents and names of an object that has another parent, another name, or both in the source.

    Attributes:
        before: its parent in the target, None at the top level; with its name in the source if that differs.
        after: its parent in the source, None at the top level.
        risen: the objects that are below it in the target and above it in the source; it can only move if they do.
        was: its name in the target, None if it is the same.
        named_after: whether it is renamed because an object above it is renamed, and keeps its place.
        along: whether the system itself does that when it renames the object above.
    """

    before: ObjectRef | None
    after: ObjectRef | None
    risen: tuple[ObjectRef, ...] = ()
    was: Name | None = None
    named_after: bool = False
    along: bool = False


class Carried(NamedTuple):
    """An object that moves, or moves along with another one, in a comparison with a move that the system cannot make:
    the moved object is then deleted and created again, with all objects below it.

    Attributes:
        element: the object in the comparison.
        place: its parent in the target.
        create_only: create-only attributes → the source's value.
        moves_itself: whether the system itself can move and rename it.
    """

    element: DiffElement
    place: ObjectRef | None
    create_only: Dict[Text, Any]
    moves_itself: bool


class Diff:
    """The differences between two datasets, or between the children of two objects.

    A subclass may override :meth:`complete`, and define the order of elements in a method ``order_children_<model>`` or
    ``order_children_default``, which receives the dict of name → element of one model and yields the elements.

    Attributes:
        children: model name → name → element.
        warnings: sentences about objects that the comparison ignored.
        source_name: name of the dataset with the desired state.
        dest_name: name of the dataset to change.
        references: the fields that refer to other objects; None if no model has such fields.
        carried: the objects that move or move along, parents first, if a system cannot move one of them.
        unique: model → groups of fields whose values must be unique in the target.
        may_be_protected: False if the comparison protected no element.
    """

    may_be_protected = True
    carried: Mapping[ObjectRef, Carried] = MappingProxyType({})
    unique: Mapping[Text, tuple[Unique, ...]] = MappingProxyType({})

    def __init__(self) -> None:
        self.references: References | None = None
        self.children: Dict[Text, Dict[Text, DiffElement]] = {}
        self.warnings: list[Text] = []
        self.source_name = "source"
        self.dest_name = "dest"
        self._tally: Tally | None = None

    def __len__(self) -> int:
        """Number of elements in the whole tree."""
        return sum(map(len, self.get_children()))

    def __bool__(self) -> bool:
        """A diff is always true, even if it is empty; use :meth:`has_diffs`."""
        return True

    def complete(self) -> None:
        """Called once at the end of the comparison. The base class does nothing."""

    def groups(self) -> list[Text]:
        """Return the model names of the elements, in order."""
        return list(self.children)

    def add(self, element: DiffElement) -> None:
        """Add an element. If another object already has its name, for example because an object is replaced by one with the same
        short name, the element is named by its unique id.

        Raises:
            ObjectAlreadyExists: there is an element with that model and unique id.
        """
        group = self.children.setdefault(element.type, {})
        if element.name in group and group[element.name].uid != element.uid:
            element.name = element.uid
        if element.name in group:
            raise ObjectAlreadyExists(
                f'the diff has an element {element.type} "{element.name}" already', group[element.name], element
            )
        group[element.name] = element
        self._tally = None

    def discard(self, element: DiffElement) -> None:
        """Remove an element of this tree itself, not one below its elements; the counts are unchanged."""
        group = self.children[element.type]
        del group[element.name]
        if not group:
            del self.children[element.type]

    def set_tally(self, tally: Tally) -> None:
        """Set the counts of the comparison, so that a summary needs no second traversal."""
        self._tally = tally

    def count_unchanged(self, counts: Mapping[Text, int]) -> None:
        """Add numbers of unchanged objects, by model, which were not compared here."""
        for model, number in counts.items():
            self._counted().count(model, "no-change", number)

    def has_diffs(self) -> bool:
        """Return whether any element of the tree differs."""
        return any(element.has_diffs() for group in self.children.values() for element in group.values())

    def get_children(self) -> Iterator[DiffElement]:
        """Yield the top elements of this tree, model by model, in the order of their ``order_children`` methods."""
        for group, elements in self.children.items():
            order = getattr(self, f"order_children_{group}", self.order_children_default)
            yield from order(elements)

    @classmethod
    def order_children_default(cls, children: Mapping[Text, DiffElement]) -> Iterator[DiffElement]:
        """Yield the elements of one model in the order in which they were added."""
        yield from children.values()

    def summary(self) -> Dict[Text, int]:
        """Return the numbers of objects to create, update, move and delete, of unchanged objects (``no-change``), and of skipped
        objects (``skip``); each object of either side counts once."""
        return self._counted().total()

    def summary_by_model(self) -> Dict[Text, Dict[Text, int]]:
        """Return the :meth:`summary` of each model that was compared, by its name."""
        return {model: Dict(counts) for model, counts in self._counted().by_model.items()}

    def _counted(self) -> Tally:
        if self._tally is not None:
            return self._tally
        tally = Tally()
        for element in self.walk():
            tally.count(element.type, element.action or "no-change")
        return tally

    def moves(self) -> Iterator[DiffElement]:
        """Yield the elements of the objects that have another parent or name in the source, in their new places."""
        return (element for element in self.walk() if element.move is not None)

    def walk(self) -> Iterator[DiffElement]:
        """Yield every element of the tree, parents before their children."""
        for element in self.get_children():
            yield element
            yield from element.walk_children()

    def print_detailed(self) -> None:
        """Print :meth:`str` to standard output."""
        sys.stdout.write(f"{self.str()}\n")

    def __str__(self) -> Text:
        return self.str()

    def dict(self) -> Dict[Text, Dict[Text, Dict[Text, Any]]]:
        """Return ``{model: {name: {"+": new values, "-": old values, child model: …}}}``, sensitive values masked."""
        result: Dict[Text, Dict[Text, Dict[Text, Any]]] = {}
        for element in self.get_children():
            data = element.dict()
            if data:
                result.setdefault(element.type, {})[element.name] = data
        return result

    def str(self, indent: int = 0) -> Text:
        """Return the differences as indented text, sensitive values masked.

        Args:
            indent: spaces in front of every line.
        """
        return outline(self, indent)


class DiffElement:
    """One object of a comparison.

    Attributes:
        type: the model's name.
        name: the object's short name, unique among its siblings.
        keys: the identifiers' values.
        uid: the unique id.
        source_attrs: attributes of the source's object, None if there is none.
        dest_attrs: attributes of the target's object, None if there is none.
        sensitive: attributes that are never shown.
        exact: attributes in which ``1`` and ``True`` differ.
        flags: the flags of the target's object.
        compared: names of the attributes that are compared; None for all that both sides have.
        read_only: attributes that are compared and shown, and cannot be written.
        kept: those of them that only this object must keep → why.
        protected: the reason why the difference must not be applied; empty if it may be.
        move: the old and new parents and names, if the object has another parent or name in the source.
        spared: whether a delete is protected only because of an object below it; other objects below it are not protected.
    """

    __slots__ = (
        "_child_diff", "_diff_class", "_differing", "compared", "dest_attrs", "dest_name", "exact", "flags", "kept", "keys", "move",
        "name", "protected", "read_only", "sensitive", "source_attrs", "source_name", "spared", "type", "uid",
    )  # fmt: skip

    def __init__(
        self,
        obj_type: Text,
        name: Text,
        keys: Dict[Text, Any],
        source_name: Text = "source",
        dest_name: Text = "dest",
        diff_class: type[Diff] = Diff,
        *,
        uid: Text | None = None,
        sensitive: Iterable[Text] = frozenset(),
        exact: frozenset[Text] = frozenset(),
        flags: DSyncModelFlags = DSyncModelFlags.NONE,
    ) -> None:
        self.type = obj_type
        self.name = name
        self.keys = keys
        self.uid = SEPARATOR.join(map(Text, keys.values())) if uid is None else uid
        self.source_name = source_name
        self.dest_name = dest_name
        self.source_attrs: Dict[Text, Any] | None = None
        self.dest_attrs: Dict[Text, Any] | None = None
        self._diff_class = diff_class
        self._child_diff: Diff | None = None
        self._differing: tuple[Text, ...] | None = None
        self.sensitive = frozenset(sensitive)
        self.exact = exact
        self.flags = flags
        self.compared: frozenset[Text] | None = None
        self.read_only: frozenset[Text] = _NONE
        self.kept: Mapping[Text, Text] = _NO_REASONS
        self.move: Move | None = None
        self.protected = ""
        self.spared = False

    @property
    def child_diff(self) -> Diff:
        """The differences among the children; created on first access."""
        if self._child_diff is None:
            self._child_diff = self._diff_class()
        return self._child_diff

    def __repr__(self) -> Text:
        return f'{self.type} "{self.uid}": {self.action or "no-change"}'

    def __len__(self) -> int:
        """Number of elements: this one and all below it."""
        return 1 + (0 if self._child_diff is None else len(self._child_diff))

    def __bool__(self) -> bool:
        return True

    def __lt__(self, other: DiffElement) -> bool:
        return (self.type, self.name) < (other.type, other.name)

    @property
    def before_uid(self) -> Text:
        """The object's unique id in the target if it is renamed, otherwise its unique id."""
        return self.uid if self.move is None or self.move.was is None else self.move.was.uid

    @property
    def before_keys(self) -> Dict[Text, Any]:
        """The object's identifiers in the target if it is renamed, otherwise its identifiers."""
        return self.keys if self.move is None or self.move.was is None else self.move.was.keys

    @property
    def action(self) -> DSyncAction | None:
        """The action for the object; None if it is unchanged."""
        if self.dest_attrs is None:
            return None if self.source_attrs is None else DSyncAction.CREATE
        if self.source_attrs is None:
            return DSyncAction.DELETE
        if self.move is not None:
            return DSyncAction.MOVE
        return DSyncAction.UPDATE if self.differing else None

    def add_attrs(self, source: Dict[Text, Any] | None = None, dest: Dict[Text, Any] | None = None) -> None:
        """Set the attributes of one or both sides; None leaves a side unchanged."""
        self._differing = None
        if source is not None:
            self.source_attrs = source
        if dest is not None:
            self.dest_attrs = dest

    def get_attrs_keys(self) -> list[Text]:
        """Return the names of the attributes, in the order of the source; only those that are compared if there are two sides."""
        if self.source_attrs is not None and self.dest_attrs is not None:
            common = [name for name in self.source_attrs if name in self.dest_attrs]
            return common if self.compared is None else [name for name in common if name in self.compared]
        return list(self.source_attrs or self.dest_attrs or ())

    @property
    def differing(self) -> tuple[Text, ...]:
        """Names of the attributes that differ, in the order of the source, where there are two sides; worked out once."""
        if self._differing is None:
            source, dest, exact = self.source_attrs, self.dest_attrs, self.exact
            if source is None or dest is None:
                return ()
            different = [name for name in self.get_attrs_keys() if not same_value(source[name], dest[name], name in exact)]
            self._differing = tuple(different)
        return self._differing

    def get_attrs_diffs(self) -> Dict[Text, Dict[Text, Any]]:
        """Return ``{"+": new values, "-": old values}`` of the attributes that differ, sensitive ones not masked; for an object on
        one side only, all its attributes under the one key that applies."""
        if self.source_attrs is not None and self.dest_attrs is not None:
            names, old, new = self.differing, self.dest_attrs, self.source_attrs
            return {"-": {name: old[name] for name in names}, "+": {name: new[name] for name in names}}
        if self.dest_attrs is not None:
            return {"-": Dict(self.dest_attrs)}
        return {} if self.source_attrs is None else {"+": Dict(self.source_attrs)}

    def protect_read_only(self) -> None:
        """Protect an object on both sides that differs only in attributes that cannot be written."""
        differing = self.differing if self.read_only else ()
        if differing and self.read_only.issuperset(differing):
            plain = [name for name in differing if name not in self.kept]
            reasons = [self.kept[name] for name in differing if name in self.kept]
            if plain:
                reasons.append(f"{', '.join(plain)} {'is' if len(plain) == 1 else 'are'} read-only in {self.dest_name}")
            self.protected = f"protected: {'; '.join(reasons)}"

    def add_child(self, element: DiffElement) -> None:
        """Add the element of a child."""
        self.child_diff.add(element)

    def get_children(self) -> Iterator[DiffElement]:
        """Yield the children's elements in order."""
        return iter(()) if self._child_diff is None else self._child_diff.get_children()

    def walk_children(self) -> Iterator[DiffElement]:
        """Yield every element below this one, parents before their children."""
        return iter(()) if self._child_diff is None else self._child_diff.walk()

    def has_diffs(self, include_children: bool = True) -> bool:
        """Return whether the object differs, or, with ``include_children``, anything below it."""
        below = self._child_diff if include_children else None
        return self.action is not None or (below is not None and below.has_diffs())

    def summary(self) -> Dict[Text, int]:
        """Return the counts of this element and all below it, as :meth:`Diff.summary` does."""
        counts = self.child_diff.summary()
        counts[self.action or "no-change"] += 1
        return counts

    def __str__(self) -> Text:
        return self.str()

    def dict(self) -> Dict[Text, Any]:
        """Return ``{"+": new values, "-": old values, child model: {name: …}}``, sensitive values masked; of an object that moves
        also ``{">": {"from": place, "to": place}}``, each with ``id``, ``ids`` and ``parent``, which is model and id, or None at
        the top level."""
        diffs, result = self.get_attrs_diffs(), {}
        if self.action is not None:
            result = {sign: masked(values, self.sensitive) for sign, values in diffs.items()}
        if self.move is not None:
            now = Name(self.uid, self.keys, self.name)
            both = (("from", self.move.was or now, self.move.before), ("to", now, self.move.after))
            places = ((side, {"id": name.uid, "ids": Dict(name.keys), "parent": ref and ref._asdict()}) for side, name, ref in both)
            result[">"] = Dict(places)
        if self._child_diff is not None:
            result.update(self._child_diff.dict())
        return result

    def str(self, indent: int = 0) -> Text:
        """Return this element and all below it as indented text, sensitive values masked."""
        return outline(self, indent)
