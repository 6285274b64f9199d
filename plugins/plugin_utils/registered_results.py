# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the registered results of dsync_diff, dsync_sync, dsync_plan_info and dsync_journal_info, for filters and tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ansible.errors import AnsibleFilterError

from . import suggestions

Parts = Mapping[str, type]
"""The name of a part of a result → its type."""

ACTIONS = ("create", "update", "move", "delete")
COUNTERS = MappingProxyType({action: f"{action}s" for action in ACTIONS})
"""Action → the name of the number of such changes."""

STATUSES = ("done", "maybe", "already_done", "failed", "refused", "not_attempted")
"""Statuses of changes; ``maybe`` is in results of dsync_journal_info only."""

COUNTED: Parts = MappingProxyType({"changes": Sequence, "outcomes": Mapping, "summary": Mapping})
"""The parts of a result with changes."""

COMPARED: Parts = MappingProxyType({**COUNTED, "source": Mapping, "target": Mapping})
"""The parts of a result after both datasets were loaded and compared."""

MODULES = "dsync.core.dsync_diff, dsync.core.dsync_sync or dsync.core.dsync_plan_info"


def results_of(value: Any, asking: str, parts: Parts = COMPARED) -> list[Mapping[str, Any]]:
    """Return the results in a registered variable: one, or for a loop one for each item that was not skipped.

    Args:
        value: the variable.
        asking: the name of the filter or test, for messages.
        parts: the parts that a result needs, unless its task failed.

    Raises:
        AnsibleFilterError: it is not such a result, or the task, or each item of its loop, was skipped.
    """
    modules = MODULES if parts is COMPARED else f"{MODULES.replace(' or', ',')} or dsync.core.dsync_journal_info"
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"{asking}: expected a registered result of {modules}, not {_kind(value)}.")
    if isinstance(value.get("results"), Sequence) and not has_parts(value, parts):
        items = value["results"]
        ran = [item for item in items if not (isinstance(item, Mapping) and item.get("skipped"))]
        if items and not ran:
            raise AnsibleFilterError(
                f"{asking}: every item of the loop was skipped, so there is no result; guard this with 'is not skipped'."
            )
        return [result for item in ran for result in results_of(item, asking, parts)]
    if value.get("skipped"):
        raise AnsibleFilterError(f"{asking}: the task was skipped, so there is no result; guard this with 'is not skipped'.")
    if not has_parts(value, parts) and not value.get("failed"):
        missing = ", ".join(_missing(value, parts))
        raise AnsibleFilterError(f"{asking}: expected a registered result of {modules}, but this one has no {missing}.")
    return [value]


def compared_results(value: Any, asking: str, parts: Parts = COMPARED) -> list[Mapping[str, Any]]:
    """Return the results as :func:`results_of` does. Raises AnsibleFilterError if a task failed before its comparison."""
    results = results_of(value, asking, parts)
    for result in results:
        if not has_parts(result, parts):
            raise AnsibleFilterError(f"{asking}: the task failed before it had compared anything: {result.get('msg', '')}")
    return results


def has_parts(result: Mapping[str, Any], parts: Parts = COMPARED) -> bool:
    """Return whether a result has all of some parts."""
    return not any(_missing(result, parts))


def _missing(result: Mapping[str, Any], parts: Parts) -> Iterator[str]:
    yield from (name for name, kind in parts.items() if not isinstance(result.get(name), kind))
    summary = result.get("summary")
    if isinstance(summary, Mapping) and not isinstance(summary.get("by_model"), Mapping):
        yield "summary.by_model"


def change_records(value: Any, asking: str) -> tuple[list[Mapping[str, Any]], int]:
    """Return the change records in a registered result, or a list of such records as it is, and the number of omitted changes.

    Raises:
        AnsibleFilterError: it is neither.
    """
    if _is_list(value):
        for record in value:
            if not isinstance(record, Mapping) or not {"action", "model", "id", "status"} <= record.keys():
                raise AnsibleFilterError(f"{asking}: expected a list of changes, but it contains {_kind(record)} that is not one.")
        return list(value), 0
    results = compared_results(value, asking, COUNTED)
    return [record for result in results for record in result["changes"]], sum(map(omitted, results))


def models_of(value: Any, asking: str) -> set[str]:
    """Return the names of all models in a registered result; an empty set if it does not contain them."""
    results = [] if _is_list(value) else compared_results(value, asking, COUNTED)
    named = [result.get("models") for result in results]
    return {name for one in named if one for name in one} if all(named) else set()


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def omitted(result: Mapping[str, Any]) -> int:
    """Return the number of changes that are not in a result."""
    return int(result.get("changes_truncated", 0))


def checked_names(said: Any, known: Sequence[str], place: str) -> set[str] | None:
    """Return the names in an argument, which is a string or a list; None if it is not given.

    Args:
        said: the argument.
        known: the allowed names; empty for any.
        place: the name of the argument, for messages.

    Raises:
        AnsibleFilterError: a name is not allowed, or the argument has another type.
    """
    if said is None:
        return None
    listed = [said] if isinstance(said, str) or not isinstance(said, Sequence) else said
    for name in listed:
        if not isinstance(name, str):
            raise AnsibleFilterError(f"{place} should be a name or a list of names, and is {said!r}.")
        if known and name not in known:
            raise AnsibleFilterError(f"{place}: there is no {name!r}{suggestions.known(name, known)}.")
    return {str(name) for name in listed}


def _kind(value: Any) -> str:
    kinds = {str: "a string", bool: "a boolean", int: "a number", list: "a list", dict: "a dictionary", type(None): "null"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), f"a {type(value).__name__}")
