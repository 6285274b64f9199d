# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""DSync: one dataset, as a user declares it, and its comparison and synchronisation with another."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from ._util.gc import relaxed_collector, relaxed_gc
from .apply.target import Target
from .diff.compare import compare
from .diff.diff import Diff
from .diff.scope import Scope
from .exceptions import DiffClassMismatch
from .flags import DSyncFlags
from .guard.protection import protect
from .plan.change import ChangeKey
from .plan.outcome import Verdict, verdicts_of
from .plan.plan import Plan
from .plan.result import Result

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, how many objects or changes are done, and how many there are."""


class DSync(Target):
    """A dataset: base class of every adapter.

    A subclass names its model classes as class attributes, says which of them to begin with, and fills itself in :meth:`load`::

        class Backend(DSync):
            site = Site
            device = Device
            top_level = ["site"]

            def load(self):
                self.add(self.site(name="nyc"))

    Args:
        name: what the dataset is called in messages; the class's ``type`` if it is not given.
        internal_storage_engine: a store, or the class of one, for the loaded objects.
    """

    def diff_from(
        self,
        source: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        scope: Scope | None = None,
    ) -> Diff:
        """Return what has to change in this dataset for it to be like ``source``. Changes neither.

        Args:
            source: the dataset to compare with.
            diff_class: Diff or a subclass of it.
            flags: which differences to leave aside.
            callback: called as ``callback("diff", done, total)``.
            scope: which objects and attributes to look at; None for all.

        Returns:
            A diff in which is marked as protected what the models declare so, what would touch something out of scope, and each
            object that the other dataset has in a place that was not compared: it is neither deleted nor created again.

        Raises:
            DiffException: the datasets cannot be compared.
            ObjectStoreException: a dataset contradicts itself.
        """
        with relaxed_collector():
            diff, models = compare(source, self, flags, diff_class, callback, scope), self.models()
            if any(model._protected for model in models.values()) or any(element.protected for element in diff.walk()):
                protect(diff, (), models)
            return diff

    def diff_to(
        self,
        target: DSync,
        diff_class: builtins.type[Diff] = Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        callback: Progress | None = None,
        scope: Scope | None = None,
    ) -> Diff:
        """Return what has to change in ``target`` for it to be like this dataset; otherwise as :meth:`diff_from`."""
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
        """Make this dataset like ``source`` and return the diff that was applied.

        Args:
            source: the dataset to become like.
            diff_class: Diff or a subclass of it.
            flags: which differences to leave aside, and whether to go on after a failure.
            callback: called as ``callback(stage, done, total)`` with the stages "diff" and "sync".
            diff: an existing diff to apply instead of comparing.

        Raises:
            DiffClassMismatch: ``diff`` is not a ``diff_class``.
            ObjectCrudException: an object failed, and CONTINUE_ON_FAILURE is not set; ``result`` says what was done.
            DiffException: the datasets cannot be compared.
            ObjectStoreException: a dataset contradicts itself.
            ReferenceCycle: objects refer to one another in a circle that cannot be cut.
            MissingReference: an object would refer to one that is not there; with CONTINUE_ON_FAILURE only it is left out.
            TargetNotWritable: an object would be created of a model with a required attribute that is read-only.

        Whatever else ends the run, such as Ctrl-C or what ``sync_complete`` raises, has ``result`` too.
        """
        if diff is None:
            diff = self.diff_from(source, diff_class, flags, callback)
        elif not isinstance(diff, diff_class):
            raise DiffClassMismatch(f"the diff that was given is a {diff.__class__.__name__}, not a {diff_class.__name__}")
        plan = Plan.from_diff(diff)
        self._check_creatable(plan)
        verdicts = self._reference_verdicts(plan, diff, flags)
        self.apply(plan, source, flags=flags, diff=diff, callback=callback, verdicts=verdicts).raise_for_end()
        return diff

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
        """Make ``target`` like this dataset; otherwise as :meth:`sync_from`."""
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
        """Make the changes of a plan in this dataset and return how each of them ended.

        Args:
            plan: the changes.
            source: handed to :meth:`sync_complete`.
            flags: CONTINUE_ON_FAILURE and LOG_UNCHANGED_RECORDS matter here.
            diff: the plan's own diff, if there is one.
            callback: called as ``callback("sync", done, total)``.
            watch: what else :func:`.apply.apply` takes: ``verdicts``, ``journal``, ``retry``, ``hidden``,
                ``workers``, ``stop`` and ``held_back``.

        Raises:
            PlanNotReady: the plan comes from a file and was not prepared; nothing was attempted.
            ValueError: ``workers`` is less than 1, or more and this dataset is not thread-safe.
        """
        with relaxed_collector():
            from .apply.apply import apply  # only here, since a comparison needs none of it

            return apply(plan, source, self, flags, diff, callback, **watch)


DSync._reserved = frozenset(name for base in DSync.__mro__[:-1] for name in (*vars(base), *base.__annotations__))
