# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scope, protection and limits of a task, and the minimum size of its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...dsync import Diff, DSync, DSyncFlags, Plan
from ...dsync.diff.scope import Scope
from ...dsync.diff.selectors import check_known, classes_by_model, selecting, selectors
from ...dsync.exceptions import Refused, RefusedChanges, SelectorError
from ...dsync.guard.limits import limits, over_limits, percentage
from ...dsync.guard.mass_deletes import mass_deletes
from ...dsync.guard.protection import protect
from ...dsync.guard.source_size import empty_source, shrunken_source
from ...dsync.plan.change import Change, ChangeKey
from ...dsync.plan.outcome import Verdict, verdicts_of
from ...dsync.storage.baseline import read_baseline
from ..errors import TaskFailure
from ..output.messages import error_context


class Guards:
    """The scope, protection and limits of a task, checked against the models of its datasets.

    Args:
        params: the task's arguments.
        source: the source, which need not be loaded.
        target: the target, which need not be loaded.

    Raises:
        TaskFailure: an argument names something that does not exist.
    """

    def __init__(self, params: Mapping[str, Any], source: DSync, target: DSync) -> None:
        self._source, self._target, self._params = source, target, params
        self._before: dict[str, int] | None = None
        models = classes_by_model(source, target)
        self.scope = scope_in(params, source, target)
        with _selector_errors():
            self._protected = selectors(params["protect"] or (), "protect", models)
            self._limits = limits(params["limits"], models)
            if params["max_shrink"] is not None:
                percentage(params["max_shrink"], "max_shrink")

    def judge(self, source: DSync, target: DSync) -> None:
        """Judge by these datasets from now on, which are of the same classes."""
        self._source, self._target = source, target

    def read_baseline(self) -> None:
        """Read the size of the source at the last successful run, if the task has a baseline. Raises TaskFailure."""
        if self._params["baseline"]:
            with error_context("reading the baseline"):
                self._before = read_baseline(self._params["baseline"], self._source.name)

    @property
    def first_run(self) -> bool:
        """Whether the task has a baseline whose file does not exist yet."""
        return bool(self._params["baseline"]) and self._before is None

    def protect(self, diff: Diff) -> None:
        """Mark protected differences."""
        if self._protected:
            protect(diff, self._protected, self._target.models())

    def protected(self, changes: Iterable[Change]) -> list[Refused]:
        """Return why changes that reverse a run are refused: they were planned without the protection of this task."""
        found = []
        for change in changes:
            sides = (None if values is None else {**change.ids, **values} for values in (change.before, change.after))
            chosen = selecting(self._protected, change.model, change.id, change.action, *sides)
            if chosen is not None:
                found.append((change, f"protected by {chosen.text(change.sensitive)}"))
        if not found:
            return []
        (first, why), *others = found
        more = f", and {len(others)} more" if others else ""
        return [RefusedChanges(f"{first!r} is {why}{more}; omit protect to undo it all the same", found)]

    def references(self, plan: Plan, flags: DSyncFlags) -> tuple[dict[ChangeKey, Verdict], list[Refused]]:
        """Return verdicts and refusals for changes that would leave a reference to a missing object: with continue_on_failure only
        these changes are refused, otherwise the whole run."""
        references = self._target.references_with(self._source)
        if references is None:
            return {}, []
        from ...dsync.guard.references import missing_references, refusal  # only here, since few models have references

        found = missing_references(plan, self._target, references)
        if not found:
            return {}, []
        return (verdicts_of(found), []) if flags & DSyncFlags.CONTINUE_ON_FAILURE else ({}, [refusal(found, len(plan))])

    def refusals(self, plan: Plan, undoes: bool = False) -> list[Refused]:
        """Return why a run of a plan is refused; an empty list if it is not.

        Args:
            plan: the changes.
            undoes: whether the plan reverses an earlier run, so that the source is not the desired state.
        """
        found: list[Refused] = list(over_limits(plan, self._limits, self._source, self._target))
        if undoes:
            return found
        found += mass_deletes(plan, self._limits, self._source, self._target)
        if self._params["empty_source"] == "fail":
            found += empty_source(plan, self._source, self._target)
        if self._before is not None and self._params["max_shrink"] is not None:
            found += shrunken_source(self._source, self._before, self._params["max_shrink"])
        return found


def scope_in(params: Mapping[str, Any], source: DSync, target: DSync, attributes: str = "compare_attributes") -> Scope:
    """Return the scope of a task; ``attributes`` is the name of its argument that lists attributes.

    Raises:
        TaskFailure: an argument names something that does not exist.
    """
    with _selector_errors():
        return Scope.of(
            source,
            target,
            _names(params["only_models"], classes_by_model(source, target)),
            params["only"],
            params["exclude"] or (),
            _attributes(params[attributes], attributes),
        )


def _names(said: Any, models: Mapping[str, Any]) -> Any:
    """Return the argument ``only_models``, after a check that the models exist."""
    if said == []:
        raise SelectorError("only_models is empty, so there is nothing to compare; omit it to compare all models")
    for position, name in enumerate(said or ()):
        check_known(name, models, f"only_models[{position}]", "model")
    return said


def _attributes(said: Any, place: str) -> Any:
    """Return an argument that is a list of names of attributes or a dict of such lists."""
    if said is None or _is_names(said) or (isinstance(said, dict) and all(map(_is_names, said.values()))):
        return said
    raise SelectorError(f"{place}: expected a list of attributes, or a dictionary of model to list, not {said!r}")


def _is_names(said: Any) -> bool:
    return isinstance(said, list) and all(isinstance(name, str) for name in said)


@contextmanager
def _selector_errors() -> Iterator[None]:
    try:
        yield
    except SelectorError as error:
        raise TaskFailure(f"{error}.") from error
