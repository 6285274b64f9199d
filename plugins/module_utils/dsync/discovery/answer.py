# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The endpoint that one answer of an API shows: where it has its records, and how they are divided into pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..exceptions import DefinitionError
from .openapi import LISTS

_KEYS = ("id", "uuid", "_id", "key", "slug", "name")


def endpoint_of_answer(path: str, answer: Any, has_link: bool) -> dict[str, Any]:
    """Return the description of an endpoint that is only read, as in ``endpoints``.

    Args:
        path: that was asked for.
        answer: the JSON of the answer; not changed.
        has_link: whether the header ``Link`` of the answer has the address of a next page.

    Raises:
        DefinitionError: it has no list of records.
    """
    place, records = _list_in(path, answer)
    endpoint: dict[str, Any] = {"list": path, **({"records": place} if place else {})}
    following = answer.get("next") if isinstance(answer, Mapping) else None
    if has_link:
        endpoint["pagination"] = {"type": "link"}
    elif isinstance(following, str) and following.startswith(("http://", "https://", "/")):
        endpoint["pagination"] = {"type": "next"}
    key = next((name for name in _KEYS if records and all(name in one for one in records)), "id")
    return {**endpoint, **({"key": key} if key != "id" else {}), "create": False, "update": False, "delete": False}


def _list_in(path: str, answer: Any) -> tuple[str, Sequence[Mapping[str, Any]]]:
    if _is_list(answer):
        return "", answer
    lists = {name: one for name, one in answer.items() if _is_list(one)} if isinstance(answer, Mapping) else {}
    filled = [name for name, one in lists.items() if one]
    usual = [name for name in LISTS if name in lists]
    name = usual[0] if usual else filled[0] if len(filled) == 1 else None
    if name is None:
        several = f"several lists, {', '.join(filled)}" if filled else "no list of records"
        raise DefinitionError(f"{path}: the answer has {several}; a preset of your own can say where they are.")
    return name, lists[name]


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)
