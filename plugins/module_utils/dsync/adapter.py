# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""DSync: the base class of user-defined datasets, with comparison and synchronisation."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from ._util.gc import relaxed_collector, relaxed_gc
from .apply.target import Target
from .dataset.dataset import Dataset
from .dataset.shard import Shard, keep
from .diff.compare import compare
from .diff.diff import Diff
from .diff.scope import Scope
from .exceptions import DiffClassMismatch, DiffException
from .flags import DSyncFlags
from .guard.protection import protect, protect_unclear, protect_unknown
from .model.references import References
from .plan.change import ChangeKey
from .plan.outcome import Verdict, verdicts_of
from .plan.plan import Plan
from .plan.result import Result

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, the number of objects or changes that are done, and the total."""


class DSync(Target):
    """A dataset: base class of every adapter.

    A subclass names its model classes as class attributes, lists the root models, and adds its objects in :meth:`load`::

        class Backend(DSync):
            site = Site
            device = Device
            top_level = ["site"]

            def load(self):
                self.add(self.site(name="nyc"))

    Args:
        name: display name of the dataset in messages. Defaults to the class's ``type``.
        internal_storage_engine: a store, or the class of one, for the loaded objects.
    """

    def narrow(self, source: DSync) -> list[str]:
        """Let the next :meth:`load` of this dataset, and that of ``source``, leave out the objects that both have and that the
        systems themselves find the same, if they can. Their numbers are in :attr:`unread`.

        A dataset that was loaded so can only be compared with the other one, as a whole.

        Args:
            source: the dataset to compare with; it is changed, too.

        Returns:
            For each model that will be loaded completely, a sentence that says why.
        """
        return [f"{self.name} is loaded completely: the adapter {self.type} cannot compare objects in its system"]

    def load_shard(self, shard: Shard) -> None:
        """Load a part of the dataset: some of its trees, each with all objects below its top.

        The base class loads everything and removes the rest. An adapter that can ask its system for a part overrides this. It must
        load every object of the trees that belong to the part, and may remove others with :func:`.dataset.shard.keep`.

        Args:
            shard: the part; its ``holds`` decides about each top-level object.
        """
        self.load()
        keep(self, shard)

    def diff_from(
        self,
        source: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        scope: Scope | None = None,
    ) -> Diff:
        """Return the differences that bring this dataset in line with ``source``. Neither is changed.

        Args:
            source: the dataset to compare with.
            diff_class: Diff or a subclass of it.
            flags: the differences to ignore.
            callback: called as ``callback("diff", done, total)``.
            scope: the objects and attributes to compare; None for all.

        Returns:
            A diff. Differences are marked as protected if the models declare it, if they would affect an object out of scope, or if
            the other dataset has the object in a place that was not compared: it is neither deleted nor created again.

        Raises:
            DiffException: the datasets cannot be compared.
            ObjectStoreException: a dataset is inconsistent.
        """
        if self.unread != source.unread:
            raise DiffException(f"{self} and {source} were not loaded together, and lack different objects; load both again")
        with relaxed_collector():
            left, right, same = self._narrowed(source, flags, scope)
            diff, models = compare(left, right, flags, diff_class, callback, scope), self.models()
            diff.count_unchanged(same)
            diff.count_unchanged(self.unread)
            protect_unclear(diff, source, self)
            protect_unknown(diff, source)
            if diff.may_be_protected or any(model._protected for model in models.values()):
                protect(diff, (), models)
            return diff

    def _narrowed(self, source: DSync, flags: DSyncFlags, scope: Scope | None) -> tuple[Dataset, Dataset, Mapping[str, int]]:
        """Return source and target to compare, and the numbers of objects that both lack because they are certainly the same."""
        if self.store.is_on_disk and source.store.is_on_disk and not scope and not flags & DSyncFlags.LOG_UNCHANGED_RECORDS:
            from .storage.disk.comparison import narrowed  # only here, since few datasets are on disk

            return narrowed(source, self) or (source, self, {})
        return source, self, {}

    def diff_to(
        self,
        target: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        scope: Scope | None = None,
    ) -> Diff:
        """Return the differences that bring ``target`` in line with this dataset; otherwise as :meth:`diff_from`."""
        return target.diff_from(self, diff_class, flags, callback, scope)

    @relaxed_gc
    def sync_from(
        self,
        source: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        diff: Diff | None = None,
    ) -> Diff:
        """Bring this dataset in line with ``source`` and return the diff that was applied.

        Args:
            source: the dataset with the desired state.
            diff_class: Diff or a subclass of it.
            flags: the differences to ignore, and whether to continue after a failure.
            callback: called as ``callback(stage, done, total)`` with the stages "diff" and "sync".
            diff: an existing diff to apply instead of comparing.

        Raises:
            DiffClassMismatch: ``diff`` is not a ``diff_class``.
            ObjectCrudException: an object failed, and CONTINUE_ON_FAILURE is not set; ``result`` lists what was done.
            DiffException: the datasets cannot be compared.
            ObjectStoreException: a dataset is inconsistent.
            ReferenceCycle: objects refer to one another in a cycle without an optional reference.
            MissingReference: an object would refer to a missing one; with CONTINUE_ON_FAILURE only that change is refused.
            TargetNotWritable: an object of a model with a required read-only attribute would be created.

        Any other exception that ends the run, such as after Ctrl-C or from ``sync_complete``, has ``result`` too.
        """
        if diff is None:
            diff = self.diff_from(source, diff_class, flags, callback)
        elif not isinstance(diff, diff_class):
            raise DiffClassMismatch(f"the diff that was given is a {diff.__class__.__name__}, not a {diff_class.__name__}")
        plan = Plan.from_diff(diff)
        self._check_creatable(plan)
        verdicts = self._reference_verdicts(plan, diff, flags)
        result = self.apply(plan, source, flags=flags, diff=diff, callback=callback, verdicts=verdicts)
        result.raise_for_end()
        if not result.failures:
            self.publish()
        return diff

    def references_with(self, source: DSync) -> References | None:
        """Return the fields of the models of a run that refer to other objects, or None if there are none.

        An adapter whose system has references that no model declares overrides this.

        Args:
            source: the other dataset of the run; not changed.
        """
        return References.of({**source.models(), **self.models()})

    def _check_creatable(self, plan: Plan) -> None:
        if any(model.uncreatable() for model in self.models().values()):
            from .guard.writability import not_writable, refusal_of  # only here, since few models have such attributes

            found = not_writable(plan, self)
            if found:
                raise refusal_of(found, len(plan))

    def _reference_verdicts(self, plan: Plan, diff: Diff, flags: DSyncFlags) -> dict[ChangeKey, Verdict]:
        if diff.references is None:
            return {}
        from .guard.references import missing_references, refusal  # only here, since few models have references

        found = missing_references(plan, self, diff.references)
        if found and not flags & DSyncFlags.CONTINUE_ON_FAILURE:
            raise refusal(found, len(plan))
        return verdicts_of(found)

    def sync_to(
        self,
        target: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        diff: Diff | None = None,
    ) -> Diff:
        """Bring ``target`` in line with this dataset; otherwise as :meth:`sync_from`."""
        return target.sync_from(self, diff_class, flags, callback, diff)

    def apply(
        self,
        plan: Plan,
        source: DSync,
        flags: DSyncFlags = DSyncFlags.NONE,
        diff: Diff | None = None,
        callback: Progress | None = None,
        **watch: Any,
    ) -> Result:
        """Make the changes of a plan in this dataset and return the outcome of each.

        Args:
            plan: the changes.
            source: passed to :meth:`sync_complete`.
            flags: CONTINUE_ON_FAILURE and LOG_UNCHANGED_RECORDS are used here.
            diff: the plan's own diff, if there is one.
            callback: called as ``callback("sync", done, total)``.
            watch: the other arguments of :func:`.apply.apply`: ``verdicts``, ``journal``, ``retry``, ``hidden``,
                ``workers``, ``stop`` and ``held_back``.

        Raises:
            PlanNotReady: the plan comes from a file and was not prepared; nothing was attempted.
            ValueError: ``workers`` is less than 1, or more and this dataset is not thread-safe.
        """
        with relaxed_collector():
            from .apply.apply import apply  # only here, since a comparison needs none of it

            return apply(plan, source, self, flags, diff, callback, **watch)


DSync._reserved = frozenset(name for base in DSync.__mro__[:-1] for name in (*vars(base), *base.__annotations__))
