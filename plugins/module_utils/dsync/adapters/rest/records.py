# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The records of an answer: a list, the values of a dictionary, one alone, or none."""

from __future__ import annotations

from typing import Any

from ..._util.suggestions import known
from ...exceptions import RecordProblem
from ...records.path import EVERY, MISSING, Path, read, text_of_path, walk, write
from ..http.answers import Answer
from .endpoint import Endpoint

_NO_CONTENT = 204
_COUNTS = ("count", "total", "totalCount", "total_count", "totalItems", "total_items", "totalResults")


def records_of(endpoint: Endpoint, key: Path | None, answer: Answer, later: bool = False) -> list[dict[str, Any]]:
    """Return the records of an answer.

    There are none in an answer 204, where there is null in the place of the list, and where the list is absent although it may be:
    behind the first page, where the endpoint has ``records_optional``, and where the answer itself counts 0 records.

    Args:
        endpoint: describes where they are.
        key: the field that gets the name of a record which is a value of a dictionary; None where there is a list.
        answer: the answer.
        later: whether it is another page than the first.

    Raises:
        RecordProblem: there is no list of them.
    """
    if answer.status == _NO_CONTENT:
        return []
    value, path = answer.json(), endpoint.records
    there = read(value, path) if EVERY not in path else None
    complaint = answer.complaint() if there is MISSING and EVERY not in path else ""
    if complaint:
        raise RecordProblem(f"{answer.said}: the server answers {answer.status}, and reports an error: {complaint}")
    if EVERY not in path and (there is None or (there is MISSING and _may_be_absent(endpoint, value, later))):
        return []
    if endpoint.pairs is not None and isinstance(there, dict):
        return [{endpoint.pairs[0]: name, endpoint.pairs[1]: one} for name, one in there.items()]
    if EVERY in path or (key is not None and isinstance(there, dict)):
        found = [(way[-1], record) for way, record in walk(value, path if path[-1:] == (EVERY,) else (*path, EVERY))]
    elif isinstance(there, list):
        found = [(None, record) for record in there]
    elif path and isinstance(there, dict) and read(there, endpoint.key) is not MISSING:
        found = [(None, there)]
    else:
        raise RecordProblem(f"{answer.said}: {_no_list(value, path, endpoint)}")
    for number, (_name, record) in enumerate(found, 1):
        if not isinstance(record, dict):
            raise RecordProblem(f"{answer.said}: record {number} is a {type(record).__name__}, and should be a dictionary")
    if key is not None:
        for name, record in found:
            if isinstance(name, str):
                write(record, key, name)
    return [record for _name, record in found]


def _may_be_absent(endpoint: Endpoint, value: Any, later: bool) -> bool:
    counted = isinstance(value, dict) and any(value.get(name) == 0 and value.get(name) is not False for name in _COUNTS)
    return later or endpoint.records_optional or counted


def _no_list(value: Any, path: Path, endpoint: Endpoint) -> str:
    """Return why there are no records in an answer."""
    if not isinstance(value, dict):
        return f"the answer is a {type(value).__name__}" + (
            f', and has no "{text_of_path(path)}"' if path else ", and should be a list"
        )
    if not path:
        keys = ", ".join(list(value)[:12])
        return f'the answer is a dictionary, and should be a list; name the key of the list with "records" ({keys})'
    place = text_of_path(path)
    if isinstance(read(value, path), dict):
        return f'there is a dictionary at "{place}", and should be a list, or one record that has "{text_of_path(endpoint.key)}"'
    if read(value, path) is not MISSING:
        return f'there is a {type(read(value, path)).__name__} at "{place}", and should be a list'
    hint = "" if endpoint.records_optional else "; if it is absent where there are no records, set records_optional: true"
    return f'the answer has no list at "{place}"{known(path[0], value)}{hint}'
