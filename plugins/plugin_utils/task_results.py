# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters and tests read of the registered results of dsync_diff, dsync_sync and dsync_plan_info."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from . import suggestions

ACTIONS = ("create", "update", "move", "delete")
STATUSES = ("done", "already_done", "failed", "refused", "not_attempted")
COMPARED = {"changes": Sequence, "outcomes": Mapping, "summary": Mapping, "source": Mapping, "target": Mapping}
"""What a result has once both datasets were loaded and compared."""

MODULES = "dsync.core.dsync_diff, dsync.core.dsync_sync or dsync.core.dsync_plan_info"


def results_of(value: Any, asking: str) -> list[Mapping[str, Any]]:
    """Return the results that a registered variable holds: one, or in a loop one an item.

    Args:
        value: the variable.
        asking: the name of the filter or test, for messages.

    Raises:
        AnsibleFilterError: it is no result of a task that can be used here.
    """
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"{asking}: a registered result of {MODULES} is wanted, not {_kind(value)}.")
    if isinstance(value.get("results"), Sequence) and not is_compared(value):
        return [result for item in value["results"] for result in results_of(item, asking)]
    if value.get("skipped"):
        raise AnsibleFilterError(f"{asking}: the task was skipped, so it compared nothing; ask only when it is not.")
    if not is_compared(value) and not value.get("failed"):
        raise AnsibleFilterError(f"{asking}: a registered result of {MODULES} is wanted, and this one has no changes and outcomes.")
    return [value]


def compared(value: Any, asking: str) -> list[Mapping[str, Any]]:
    """Return the same as :func:`results_of`, each of a task that came as far as to compare its datasets."""
    results = results_of(value, asking)
    for result in results:
        if not is_compared(result):
            raise AnsibleFilterError(f"{asking}: the task failed before it had compared anything: {result.get('msg', '')}")
    return results


def is_compared(result: Mapping[str, Any]) -> bool:
    """Return whether a result tells of a comparison."""
    has_all = all(isinstance(result.get(name), kind) for name, kind in COMPARED.items())
    return has_all and isinstance(result["summary"].get("by_model"), Mapping)


def records_of(value: Any, asking: str) -> tuple[list[Mapping[str, Any]], int]:
    """Return the change records of a registered result, or of a list of such records, and how many more changes there are.

    Raises:
        AnsibleFilterError: it is neither.
    """
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for record in value:
            if not isinstance(record, Mapping) or not {"action", "model", "id", "status"} <= record.keys():
                raise AnsibleFilterError(f"{asking}: a list of changes is wanted, and it has {_kind(record)} that is none.")
        return list(value), 0
    results = compared(value, asking)
    return [record for result in results for record in result["changes"]], sum(map(omitted, results))


def omitted(result: Mapping[str, Any]) -> int:
    """Return how many more changes there are than a result holds."""
    return int(result.get("changes_truncated", 0))


def texts(said: Any, known: Sequence[str], place: str) -> set[str]:
    """Return the names that an argument gives, as one text or as a list; none of them if it is not given.

    Args:
        said: the argument.
        known: what it may name; empty for anything.
        place: what it is called, for messages.

    Raises:
        AnsibleFilterError: it names something else.
    """
    return set(_texts(said, known, place))


def _texts(said: Any, known: Sequence[str], place: str) -> Iterator[str]:
    for name in () if said is None else [said] if isinstance(said, str) else said:
        if known and name not in known:
            raise AnsibleFilterError(f"{place}: there is no {name!r}{suggestions.known(str(name), known)}.")
        yield str(name)


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "a truth value", int: "a number", list: "a list", dict: "a dictionary", type(None): "nothing"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), f"a {type(value).__name__}")
