# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Which parameters NetBox ignores: it lists all objects for an unknown filter, and reports no error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ...http.answers import HttpProblem

Count = Callable[[Mapping[str, Any]], int]
"""Returns how many objects the server lists with some parameters. Raises HttpProblem where it refuses them."""

_NOBODYS = "dsync-no-such-value"
"""A value that no object has."""

_NEGATED = re.compile(r"__n(ic|isw|iew|ie)?$")
"""How names of filters end that let through what the filter without it does not; docs.netbox.dev, REST API, filtering."""

_BAD_REQUEST = 400


def ignored(filters: Mapping[str, Any], count: Count) -> str | None:
    """Return the name of a filter that changes nothing about what the server lists, whatever its value; None if there is none.

    It asks about each filter by itself: with the value that is given, and only where that lets everything through, with one that
    no object has, and, for filters that are true or false, with both.

    Args:
        filters: name → value, or list of values.
        count: asks the server.

    Raises:
        HttpProblem: the server cannot be asked.
    """
    total = count({}) if filters else 0
    if total == 0:
        return None
    return next((name for name, value in filters.items() if not _counts(name, value, total, count)), None)


def _counts(name: str, value: Any, total: int, count: Count) -> bool:
    base = _NEGATED.sub(lambda found: f"__{found.group(1)}" if found.group(1) else "", name)
    probes = [{name: value}, {base: _NOBODYS}, {base: "true"}, {base: "false"}]
    return any(_differs(probe, total, count) for probe in probes)


def _differs(probe: Mapping[str, Any], total: int, count: Count) -> bool:
    try:
        return count(probe) != total
    except HttpProblem as problem:
        if problem.status == _BAD_REQUEST:
            return True
        raise
