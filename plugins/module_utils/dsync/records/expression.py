# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Expressions over records: Jinja2's, without its braces, in its sandbox, with Python's own values as results."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..exceptions import LibraryMissing, RecordProblem
from ..model.identity import SEPARATOR, escape_part
from .declaration_reader import Declared

Evaluate = Callable[[Mapping[str, Any]], Any]
"""Returns the value of an expression, given the values of the names in it."""

_FILTERS = "available are those of Jinja, regex_replace, regex_search, split, and unique_id"


def compiled(declared: Declared) -> Evaluate:
    """Return a function that evaluates the declared expression.

    It raises RecordProblem, with a message that names the expression, if a name in it is undefined or the evaluation fails.

    Raises:
        DefinitionError: it is not a valid expression.
        LibraryMissing: jinja2 is not installed.
    """
    text = declared.text()
    if "{{" in text or "{%" in text:
        declared.wrong("write this expression without braces; Ansible would evaluate braces before the task starts.")
    evaluate, undefined, errors = _environment()[:3]
    try:
        expression = evaluate(text)
    except errors as error:
        way_out = f" ({_FILTERS})" if str(error).startswith("No filter named ") else ""
        declared.wrong(f'"{text}" is not a valid expression: {" ".join(str(error).split()).removesuffix(".")}{way_out}.')

    def value_of(names: Mapping[str, Any]) -> Any:
        try:
            value = expression(names)
            if isinstance(value, undefined):
                value._fail_with_undefined_error()
        except Exception as error:  # whatever a filter or an operator raises about the record's values
            raise RecordProblem(f'the expression "{text}" fails: {" ".join(str(error).split()) or type(error).__name__}') from error
        return value

    return value_of


@lru_cache(maxsize=1)
def _environment() -> Any:
    try:
        import jinja2
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise LibraryMissing("the mapping has expressions", "jinja2") from error
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for name in environment.globals.keys() - {"range"}:  # such a name is undefined where a record does not have it
        del environment.globals[name]
    environment.filters.update(
        from_json=_from_json,
        regex_replace=_regex_replace,
        regex_search=_regex_search,
        split=_split,
        to_json=_to_json,
        unique_id=_unique_id,
    )

    def evaluate(text: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash before another character is literal
            return environment.compile_expression(text, undefined_to_none=False)

    return evaluate, jinja2.Undefined, jinja2.TemplateError


def _from_json(value: Any) -> Any:
    return json.loads(value)


def _to_json(value: Any) -> str:
    return json.dumps(value)


def _flags(ignorecase: bool, multiline: bool) -> re.RegexFlag:
    return (re.IGNORECASE if ignorecase else re.RegexFlag(0)) | (re.MULTILINE if multiline else re.RegexFlag(0))


def _regex_replace(
    value: Any, pattern: str, replacement: str = "", ignorecase: bool = False, multiline: bool = False, count: int = 0
) -> str:
    return re.sub(pattern, replacement, str(value), count=count, flags=_flags(ignorecase, multiline))


def _regex_search(value: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> str | None:
    found = re.search(pattern, str(value), _flags(ignorecase, multiline))
    return None if found is None else found.group(found.lastindex or 0)


def _split(value: Any, separator: str | None = None) -> list[str]:
    return str(value).split(separator)


def _unique_id(values: Sequence[Any]) -> str:
    """Return the unique id of an object that has these identifiers, in order, which are strings."""
    return str(values[0]) if len(values) == 1 else SEPARATOR.join(escape_part(str(value)) for value in values)
