# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The order of changes: one dependency graph for the tree, moves, references and unique values, and one sort.

An object moves after the changes that its new place needs, and before any object above its old place is deleted. In a system that
cannot move it, it is deleted and created again with all objects below it: objects that leave it, and changes that drop a
reference to it, come first; changes that add a reference to it come after. If that results in a cycle, objects that cannot leave
first move along and leave later.

An object is created after what it refers to, and deleted before it. What takes a unique value comes after what gives it up. Where
objects take such values from one another in a circle, one of them has its value set to null first, where that is possible.

Where objects refer to one another in a circle, an optional reference in it is cut: the object is created without it and updated
at the end, or has it taken away by an update before it is deleted. Which one is cut is decided by kind: rather one that refers to
a model which is declared later than its own (a device's primary address, not an address's interface), and then the one of which
the circle has the fewest. An update that ends a reference has the reference taken away by another update before it. An object
that moves and refers to what can only be created after that gets the reference by an update.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..diff.diff import Carried
from ..diff.moves import remaking
from ..flags import DSyncAction
from ..model.identity import ObjectRef
from ..model.references import Named, References
from .change import Change, ChangeKey, ref_of
from .cycles import Graph, Link, MoreLinks, break_cycle, cut
from .graph import circles, in_order
from .together import gathered
from .uniqueness import Handover

_CREATE, _UPDATE, _MOVE, _DELETE = DSyncAction.CREATE, DSyncAction.UPDATE, DSyncAction.MOVE, DSyncAction.DELETE


def arranged(
    changes: Sequence[Change],
    references: References | None = None,
    carried: Mapping[ObjectRef, Carried] | None = None,
    handovers: Iterable[Handover] = (),
) -> list[Change]:
    """Return the changes of a plan in an order that respects moves, references and unique values, otherwise in the given order.

    Args:
        changes: in the order of the tree; not changed.
        references: the fields that refer to other objects; None for none.
        carried: the objects that move or move along, if a system cannot move one of them.
        handovers: the changes that take unique values that others release.

    Returns:
        The changes, with their requirements; a change that is made in two steps is two changes.

    Raises:
        ReferenceCycle: there is a cycle without an optional reference, or a cycle of unique values; the message prints it.
    """
    nodes = {change.key: change for change in changes}
    links = {} if references is None else _links(changes, references)
    graph: Graph = {key: {**dict.fromkeys(change.requires), **links.get(key, {})} for key, change in nodes.items()}
    for gone, move in _old_places(changes):
        graph[gone].setdefault(move, None)
    for taker, giver, link in _takings(changes, handovers):
        graph[taker].setdefault(giver, link)
    ranks = _ranks(changes)
    wishes = list(_wishes(changes, references, carried or {}))
    more = _more_links(graph, wishes)
    _grant(graph, wishes)
    for key in [key for key in graph if key in graph[key]]:
        cut(nodes, graph, [(key, key)], more)
    for circle in circles(graph):
        break_cycle(nodes, graph, circle, more)
    _rank_steps(ranks, nodes)
    order = list(in_order(graph, ranks))
    for wish in wishes:
        if wish.loose:
            graph[wish.key].pop(wish.need, None)
    _keep_in_order(graph, wishes, order)
    return gathered([_requiring(nodes[key], graph[key]) for key in order])


class _Wish(NamedTuple):
    """A change that should follow another one, if possible.

    Attributes:
        key: the change.
        need: what it should come after.
        instead: a change that has to wait for ``key`` only if the wish cannot be granted: the delete of an object that leaves one
            which goes, too.
        loose: whether ``key`` is made all the same if ``need`` fails.
        link: the reference because of which it should, to an object that is deleted and created again.
    """

    key: ChangeKey
    need: ChangeKey
    instead: ChangeKey | None = None
    loose: bool = False
    link: Link | None = None


def _grant(graph: Graph, wishes: Iterable[_Wish]) -> None:
    """Add the wishes to the graph, except those that would result in a cycle that no optional reference to an object that is away
    for a moment can break."""
    granted = [wish for wish in wishes if wish.need not in graph[wish.key]]
    for wish in granted:
        graph[wish.key].setdefault(wish.need, wish.link)
        if wish.instead is not None:
            graph[wish.instead].pop(wish.key, None)
    while granted and (found := circles(_firm(graph))):
        kept: list[_Wish] = []
        refused: list[_Wish] = []
        for wish in granted:
            inside = not _may_be_cut(wish.link) and any(wish.key in circle and wish.need in circle for circle in found)
            (refused if inside else kept).append(wish)
        if not refused:
            return
        granted = kept
        for wish in refused:
            graph[wish.key].pop(wish.need, None)
            if wish.instead is not None:
                graph[wish.instead][wish.key] = None


def _more_links(graph: Graph, wishes: Iterable[_Wish]) -> MoreLinks:
    """Return the references that are not the first reason for the order of two changes."""
    found: MoreLinks = defaultdict(list)
    for wish in wishes:
        if wish.link is not None and _may_be_cut(wish.link):
            found[wish.key, wish.need].append(wish.link)
    return {(key, need): links if need in graph[key] else links[1:] for (key, need), links in found.items()}


def _may_be_cut(link: Link | None) -> bool:
    """Return whether a reference to an object that is deleted and created again can be set later, or taken away before."""
    return link is not None and link.away and link.optional


def _firm(graph: Graph) -> dict[ChangeKey, list[ChangeKey]]:
    return {key: [need for need, link in needs.items() if not _may_be_cut(link)] for key, needs in graph.items()}


def _keep_in_order(graph: Graph, wishes: Iterable[_Wish], order: Sequence[ChangeKey]) -> None:
    """Make a change require the changes that it follows because of a wish, even if another order is possible: an object that
    should leave one that is deleted and created again, and could not, must not be lost with it."""
    places = {key: place for place, key in enumerate(order)}
    for wish in wishes:
        if wish.instead is None and not wish.loose and places[wish.need] < places[wish.key]:
            graph[wish.key].setdefault(wish.need, None)


def _wishes(changes: Sequence[Change], references: References | None, carried: Mapping[ObjectRef, Carried]) -> Iterator[_Wish]:
    """Yield the wishes for objects that are moved by deleting and creating them again."""
    nodes = {change.key: change for change in changes}
    created = {ref_of(change): change for change in changes if change.action == _CREATE}
    deleted = {ref_of(change): change for change in changes if change.action == _DELETE}
    for ref, change in deleted.items():
        if ref in created:
            yield from _of_a_pair(nodes, change, created[ref])
    yield from _before_renames(nodes, deleted)
    moves = {ref: remaking(carried, ref) for ref in carried}
    remade = {ref: ChangeKey(_MOVE, move.type, move.uid) for ref, move in moves.items() if move is not None and not move.protected}
    remade.update((ObjectRef(ref.model, carried[ref].element.before_uid), move) for ref, move in [*remade.items()])
    remaking_moves = frozenset(remade.values())
    for change in changes if remade else ():
        if change.protected:
            continue
        leaves = change.parent if change.action == _DELETE else change.before_parent
        while leaves is not None and (leaves in deleted or leaves in carried):
            move = ChangeKey(_MOVE, *leaves)
            if move in remaking_moves:
                yield _Wish(move, change.key)
            leaves = deleted[leaves].parent if leaves in deleted else carried[leaves].place
        if references is not None:
            yield from _of_references(nodes, change, references, remade)


def _of_references(
    nodes: Mapping[ChangeKey, Change], change: Change, references: References, remade: Mapping[ObjectRef, ChangeKey]
) -> Iterator[_Wish]:
    """Yield that a change adds references to an object that is deleted and created again after that, and drops them before."""
    whole = change.action in (_CREATE, _DELETE)
    for values, gains in ((change.after, True), (change.before, False)):
        for named in references.named(change.model, change.ids if whole and values is not None else None, values):
            for ref in named.choices:
                move = remade.get(ref, change.key)
                if move != change.key:
                    link = _link(change, change, named, gains, away=True)
                    if nodes[move].before_id is not None:
                        link = link._replace(optional=False)
                    yield _Wish(change.key, move, link=link) if gains else _Wish(move, change.key, link=link)


def _before_renames(nodes: Mapping[ChangeKey, Change], deleted: Mapping[ObjectRef, Change]) -> Iterator[_Wish]:
    """Yield that what is deleted below an object that is renamed goes before, by the name that it has."""
    for change in deleted.values():
        above, seen = change.parent, set[ObjectRef]()
        while above is not None and above not in seen and not (change.protected or change.cascade):
            seen.add(above)
            rename = nodes.get(ChangeKey(_MOVE, *above))
            if rename is not None and rename.before_id is not None and not rename.protected:
                yield _Wish(rename.key, change.key, loose=True)
            above = rename.before_parent if rename is not None else deleted[above].parent if above in deleted else None


def _old_places(changes: Sequence[Change]) -> Iterator[tuple[ChangeKey, ChangeKey]]:
    """Yield (delete, move) for each deleted object and the moves of objects below it, which must come first."""
    deleted = {ref_of(change): change for change in changes if change.action == _DELETE}
    for change in changes if deleted else ():
        above = change.before_parent if change.action == _MOVE and not change.protected else None
        while above in deleted:
            yield deleted[above].key, change.key
            above = deleted[above].parent


def _of_a_pair(nodes: Mapping[ChangeKey, Change], delete: Change, create: Change) -> Iterator[_Wish]:
    """Yield the wishes for an object that is moved by two changes: it is created right after it is deleted, after the changes that
    the new place needs, and before any object above its old place is deleted. There are none for a protected object."""
    if delete.protected or create.protected:
        return
    for need in _of_the_place(nodes, create):
        yield _Wish(delete.key, need)
    above, seen = delete.parent, set[ObjectRef]()
    while above is not None and above not in seen:
        seen.add(above)
        gone = nodes.get(ChangeKey(_DELETE, *above))
        if gone is None:
            return
        if gone.key not in delete.requires:
            yield _Wish(gone.key, create.key)
        elif not delete.cascade and create.parent != above:
            yield _Wish(gone.key, create.key, instead=delete.key)
        above = gone.parent


def _of_the_place(nodes: Mapping[ChangeKey, Change], create: Change) -> Iterator[ChangeKey]:
    """Yield the changes that the new place of a moved object needs; if it moves along with its parent, those of the parent."""
    for need in create.requires:
        if need.action == _CREATE and ChangeKey(_DELETE, need.model, need.id) in nodes:
            yield from _of_the_place(nodes, nodes[need])
        elif need != ChangeKey(_DELETE, create.model, create.id) and need in nodes:
            yield need


def _requiring(change: Change, needs: Iterable[ChangeKey]) -> Change:
    required = tuple(needs)
    return change if required == change.requires else replace(change, requires=required)


# ---------------------------------------------------------------------- the dependency graph


def _links(changes: Sequence[Change], references: References) -> dict[ChangeKey, dict[ChangeKey, Link]]:
    created = {ref_of(change): change for change in changes if change.action == _CREATE or change.before_id is not None}
    deleted = {ref_of(change): change for change in changes if change.action == _DELETE}
    links: dict[ChangeKey, dict[ChangeKey, Link]] = defaultdict(dict)
    for change in changes:
        if change.action != _DELETE:
            for named, other in _targets(references.named(change.model, change.ids, change.after), created):
                if other.key != change.key or named.reference.optional:
                    links[change.key].setdefault(other.key, _link(change, change, named, gains=True))
        if change.action != _CREATE:
            holder = _remover(change, deleted)
            old_ids = change.ids if change.before_ids is None else change.before_ids
            for named, other in _targets(references.named(change.model, old_ids, change.before), deleted):
                gone = _remover(other, deleted)
                to_itself = other is change and not change.cascade and named.reference.optional
                if (gone.key != holder.key or to_itself) and not (change.action == _UPDATE and ref_of(other) in created):
                    links[gone.key].setdefault(holder.key, _link(change, holder, named, gains=False))
    for change, other, named in _tied(changes, references):
        if change.action == _DELETE:
            links[change.key].setdefault(other.key, _link(change, change, named, gains=False)._replace(optional=False))
        if named.value in (change.before or {}).values():
            links[other.key].setdefault(change.key, _link(change, change, named, gains=False))
        else:
            links[change.key].setdefault(other.key, _link(change, change, named, gains=True))
    return links


def _tied(changes: Sequence[Change], references: References) -> Iterator[tuple[Change, Change, Named]]:
    """Yield (change that makes or ends a reference, change of the fields of the object on which it depends, the reference)."""
    placing: dict[ObjectRef, Change] = {}
    for change in changes if references.tied else ():
        if change.action in (_UPDATE, _MOVE) and not change.protected:
            placing[ref_of(change)] = placing[ObjectRef(change.model, change.before_id or change.id)] = change
    for change in changes if placing else ():
        for named, other in _targets(references.named(change.model, change.before, change.after), placing):
            fields = references.tied.get((change.model, named.reference.field), frozenset())
            if other.key != change.key and fields & (other.after or {}).keys():
                yield change, other, named


def _targets(named: Iterable[Named], changed: Mapping[ObjectRef, Change]) -> Iterator[tuple[Named, Change]]:
    for one in named:
        for ref in one.choices:
            if ref in changed:
                yield one, changed[ref]


def _link(change: Change, holder: Change, named: Named, gains: bool, away: bool = False) -> Link:
    """Return the link of a change whose values refer to an object, a reference that it ``gains`` or loses. If its holder is a
    delete that is made together with another one, the reference cannot be cleared first; a move can be made first and the
    reference set later. One to an object that is ``away`` for a moment can be cleared before a move, too."""
    if change.action == _MOVE and (gains or not away):
        optional = gains and not change.protected and named.reference.field in (change.after or {})
    else:
        lasting = gains and change.action == _UPDATE
        optional = named.reference.optional and not lasting and not change.protected and holder is change
    nullable = named.reference.optional
    return Link(holder.key, named.reference.field, named.value, named.later, optional, away=away, nullable=nullable)


def _takings(changes: Sequence[Change], handovers: Iterable[Handover]) -> Iterator[tuple[ChangeKey, ChangeKey, Link]]:
    """Yield (change that takes unique values, change by which the remote system frees them, why)."""
    deleted = {ref_of(change): change for change in changes if change.action == _DELETE}
    for taker, giver, fields, field, value in handovers:
        gone = deleted.get(ObjectRef(giver.model, giver.id)) if giver.action == _DELETE else None
        freed = giver if gone is None else _remover(gone, deleted).key
        if freed != taker:
            yield taker, freed, Link(giver, field, value, False, bool(field), unique=fields)


def _remover(change: Change, deleted: Mapping[ObjectRef, Change]) -> Change:
    """Return the delete by which the remote system removes an object: its own, or that of an object above it."""
    while change.cascade and change.parent is not None and change.parent in deleted:
        change = deleted[change.parent]
    return change


def _ranks(changes: Sequence[Change]) -> dict[ChangeKey, tuple[int, int]]:
    """Return the preferred position of each change: the given order, except that the delete of an object that is moved by two
    changes comes right before its create, deletes that go with a deleted object right after that, and deletes of other objects
    below such an object right after its create."""
    ranks = {change.key: (place, 1) for place, change in enumerate(changes)}
    created = {ref_of(change): change for change in changes if change.action == _CREATE}
    deleted = {ref_of(change): change for change in changes if change.action == _DELETE}
    places = {key: place for key, (place, _step) in ranks.items()}
    for change in deleted.values():
        gone = _remover(change, deleted)
        if ref_of(gone) in created:
            ranks[change.key] = (places[created[ref_of(gone)].key], 0)
            continue
        ranks[change.key] = (places[gone.key], 1)
        above, seen = gone.parent, set[ObjectRef]()
        while above in deleted and above not in seen:
            if above in created:
                ranks[change.key] = (places[created[above].key], 2)
                break
            seen.add(above)
            above = deleted[above].parent
    return ranks


def _rank_steps(ranks: dict[ChangeKey, tuple[int, int]], nodes: Mapping[ChangeKey, Change]) -> None:
    """Add the places of the changes that were made by cutting circles: those that take a value away right before the delete, update
    or move of the object, those that complete a create or a move at the end."""
    last = len(ranks)
    for key in nodes:
        if key not in ranks:
            others = [ChangeKey(action, key.model, key.id) for action in (_DELETE, _UPDATE, _MOVE, _CREATE)]
            places = {other.action: ranks[other][0] for other in others if other in ranks}
            before = next((places[other] for other in places if other == _DELETE or key.step), None)
            ranks[key] = (last, next(iter(places.values()), 0)) if before is None else (before, 0)
