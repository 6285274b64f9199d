# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes that failed: the library's own reasons, and what exceptions say."""

from __future__ import annotations

import traceback

from .._util.pydantic import ValidationError
from ..exceptions import DSyncException
from ..model.construction import problems_of


class Failure(DSyncException):
    """A failed change, described by the library itself.

    Attributes:
        maybe: whether it may have been made nevertheless.
    """

    def __init__(self, message: str, maybe: bool = False) -> None:
        super().__init__(message)
        self.maybe = maybe


def may_be_made(error: BaseException) -> bool:
    """Return whether a change that failed may have been made nevertheless, according to the exception."""
    return bool(getattr(error, "maybe", False))


def all_messages(error: BaseException) -> str:
    """Return the messages of an exception and of its causes."""
    return "".join(traceback.format_exception(type(error), error, error.__traceback__, limit=0))


def explain(error: BaseException) -> str:
    """Return a message about what went wrong; it may contain sensitive values."""
    if isinstance(error, ValidationError):
        return "; ".join(problems_of(error))
    if isinstance(error, DSyncException):
        return str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
