# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""How errors name files: by an absolute path, because the start of a relative path is not obvious."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, TypeVar


class _AboutFile(Protocol):
    file: str


_Error = TypeVar("_Error", bound=_AboutFile)


def absolute(path: str | os.PathLike[str]) -> str:
    """Return a path as errors name it: absolute, with links unresolved."""
    return os.path.abspath(os.fspath(path))  # noqa: PTH100  # Path.absolute() keeps ".."


def file_error(kind: Callable[[str], _Error], path: str | os.PathLike[str], problem: str) -> _Error:
    """Return an exception about a file.

    Args:
        kind: its class, or a function that creates it from its message.
        path: the file; the message begins with its absolute path, which is also the exception's ``file``.
        problem: the rest of the message, such as ``is a directory``.
    """
    named = absolute(path)
    error = kind(f"{named} {problem}")
    error.file = named
    return error


def same_file(error: _Error, cause: object) -> _Error:
    """Return an exception that is about the file that another one is about, if that is about any."""
    error.file = getattr(cause, "file", "")
    return error
