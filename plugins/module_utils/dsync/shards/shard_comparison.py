# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of one shard: which trees may differ, and what the coordinator has to know of all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..dataset.dataset import Dataset
from ..dataset.shard import trees
from ..diff.compare import compare_places
from ..exceptions import DiffException
from ..flags import DSyncFlags
from ..model.identity import ObjectRef
from .keys import Keys
from .messages import Answer, Question
from .naming import Naming


def compare_shard(source: Dataset, target: Dataset, flags: DSyncFlags, question: Question) -> Answer:
    """Compare the loaded shards of two datasets.

    Args:
        source: the shard of the source; only its ``unmanaged`` may be changed.
        target: the same shard of the target; not changed.
        flags: the differences to ignore.
        question: what else is asked.

    Raises:
        DiffException, ObjectStoreException: the datasets cannot be compared.
    """
    for side in (source, target):
        _check_classes(side)
    if question.unmanaged is not None:
        source.unmanaged = dict(question.unmanaged)
    diff, whole = compare_places(source, target, flags)
    tops = {ObjectRef(element.type, element.uid) for element in diff.get_children()}
    if not whole:
        tops.update(_not_compared(source, target, flags))
    naming = Naming(source, target, diff.references)
    witnesses, is_asked = set(_witnesses(source, target)), bool(question.wanted or question.referring)
    equal: Counter[str] = Counter()
    keys: list[bytes] = []
    referred: set[bytes] = set()
    for top, tree in trees(target):
        if top in tops:
            continue
        names, others = naming.names(top, tree), naming.referred(tree)
        if is_asked and not (question.wanted.isdisjoint(names) and question.referring.isdisjoint(others)):
            tops.add(top)
            continue
        if witnesses and not witnesses.isdisjoint(tree):
            tops.add(top)
            continue
        for ref in tree:
            equal[ref.model] += 1
        keys += names
        if others:
            referred.update(others)
    return Answer(
        frozenset(tops),
        equal,
        Keys(keys),
        Keys(referred),
        frozenset(source.store.model_names()),
        {model: frozenset(names) for model, names in source.unmanaged.items()},
        (tuple(source.load_warnings), tuple(target.load_warnings)),
    )


def _check_classes(dataset: Dataset) -> None:
    models = dataset.models()
    for model in dataset.store.model_names():
        for kind in dataset.store.kinds(model) - {models.get(model)}:
            raise DiffException(
                f"{dataset.name} has {model} objects of class {kind.__name__}, which it does not declare; datasets that are "
                "compared in shards have objects of their declared classes only"
            )


def _not_compared(source: Dataset, target: Dataset, flags: DSyncFlags) -> Iterator[ObjectRef]:
    """Yield the tops of the trees with objects that were not compared: a comparison of everything may have to know of them."""
    elements = [*compare_places(source, target, flags | DSyncFlags.LOG_UNCHANGED_RECORDS)[0].walk()]
    for side, compared in (
        (source, {ObjectRef(one.type, one.uid) for one in elements if one.source_attrs is not None}),
        (target, {ObjectRef(one.type, one.uid) for one in elements if one.dest_attrs is not None}),
    ):
        yield from (top for top, tree in trees(side) if not compared.issuperset(tree))


def _witnesses(source: Dataset, target: Dataset) -> Iterator[ObjectRef]:
    """Yield, for each attribute of which the source says nothing, an object of the target with a value for it, since a comparison
    warns of it."""
    for model, names in source.unmanaged.items():
        for name in names:
            pairs = zip(target.store.uids(model), target.store.values(model, name))
            yield from (
                ObjectRef(model, uid) for uid in [next((uid for uid, value in pairs if value is not None), None)] if uid is not None
            )
