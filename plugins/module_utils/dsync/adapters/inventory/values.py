# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Values of variables: copies of them, and what Ansible would evaluate in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from ...exceptions import RecordProblem
from ...records.path import Path as FieldPath
from ..documents.yaml_format import Tagged

_TEMPLATE = re.compile(r"\{[{%#]")


def copied(value: Any) -> Any:
    """Return a copy in which no list or dictionary is shared with the original, or is there twice."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def plain_copy(value: Any, variable: str) -> Any:
    """Return a copy of a group's variable, to be written at a host.

    Raises:
        RecordProblem: a part of it is encrypted, or a template.
    """
    if isinstance(value, dict):
        return {key: plain_copy(item, variable) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_copy(item, variable) for item in value]
    if value is not None and not isinstance(value, (str, int, float)):
        raise RecordProblem(f'"{variable}" is defined for a group and has a value of Ansible Vault in it, so it cannot be copied')
    if has_template(value):
        raise RecordProblem(f'"{variable}" is defined for a group and has a template in it, so it cannot be copied')
    return value


def has_template(value: Any, unsafe: Collection[str] = ()) -> bool:
    """Return whether Ansible evaluates a value of a file, or something in it.

    Args:
        value: of a variable.
        unsafe: strings that Ansible does not evaluate, since they are marked so.
    """
    return any(True for _text in templates_in(value, unsafe))


def templates_in(value: Any, unsafe: Collection[str] = ()) -> Iterator[str]:
    """Yield the strings that Ansible evaluates in a value; otherwise as :func:`has_template`."""
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from templates_in(item, unsafe)
    elif isinstance(value, str) and value not in unsafe and _TEMPLATE.search(value):
        yield value


def value_at(value: Any, path: FieldPath) -> Any:
    """Return what is at a path in nested dictionaries; None where there is nothing."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def without_templates(value: Any) -> Any:
    """Return a value for YAML in which Ansible never evaluates a string, whoever wrote it."""
    if isinstance(value, dict):
        return {key: without_templates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_templates(item) for item in value]
    return Tagged("!unsafe", value) if has_template(value) else value


def same(left: Any, right: Any) -> bool:
    """Return whether two values of a file are the same, in their types as well."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)
