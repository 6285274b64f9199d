# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constructs an adapter from the options and secrets of a task."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Mapping
from typing import Any

from ...dsync import DSync
from ...dsync._util.suggestions import known
from ...dsync.exceptions import DefinitionError
from ..errors import TaskFailure
from ..output.messages import error_context

OPTIONS = "Options"
"""The attribute of an adapter's class that holds the pydantic model of its options, if it declares one."""


def construct(adapter: type[DSync], options: Mapping[str, Any], secrets: Mapping[str, Any], name: str | None) -> DSync:
    """Return a new adapter.

    Args:
        adapter: its class.
        options: keyword arguments of the class.
        secrets: more of them.
        name: the name of the dataset; None for the adapter's own name.

    Raises:
        TaskFailure: the class takes other arguments, or rejects these.
    """
    both = sorted(options.keys() & secrets.keys())
    if both:
        raise TaskFailure(f"{both[0]} is given in options and in secrets; give it in one of them.")
    given = {**options, **secrets}
    parameters = Parameters(adapter)
    if not _checks_options(adapter):
        parameters.check(given)
    with error_context(f"making {adapter.__name__}"):
        try:
            dataset = adapter(**given)
        except DefinitionError as error:
            raise TaskFailure(str(error)) from error
        except TypeError as error:
            raise parameters.with_options(error, given) from error
    if name:
        dataset.name = name
    return dataset


def _checks_options(adapter: type[DSync]) -> bool:
    """Return whether an adapter checks all that it is given by its ``Options``: it or an ancestor declares them, and nothing below
    that ancestor has an ``__init__`` of its own."""
    first = next(one for one in adapter.__mro__ if "__init__" in vars(one))
    declaring = next((one for one in adapter.__mro__ if OPTIONS in vars(one)), None)
    return declaring is not None and issubclass(declaring, first)


class Parameters:
    """The keyword arguments of an adapter's class, read from its signature, those of its base classes, and their ``Options``."""

    def __init__(self, adapter: type[DSync]) -> None:
        self._adapter = adapter.__name__
        self._required: dict[str, bool] = {}
        self._takes_others = True
        for ancestor in _ancestors(adapter):
            if self._takes_others and OPTIONS in vars(ancestor):
                self._note({one.name: one.required for one in vars(ancestor)[OPTIONS].described()})
                self._takes_others = False
            elif self._takes_others and "__init__" in vars(ancestor):
                self._add(inspect.signature(vars(ancestor)["__init__"]))
        if self._takes_others:
            self._required.setdefault("name", False)

    def _add(self, signature: inspect.Signature) -> None:
        """Add the parameters of one ``__init__``; keyword arguments that it does not name may go to the next one."""
        _self, *parameters = signature.parameters.values()
        named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        self._note({one.name: one.default is one.empty for one in named})
        self._takes_others = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)

    def _note(self, required: Mapping[str, bool]) -> None:
        """Note parameters, and whether they are required; an ``__init__`` may itself give some of the next one's."""
        is_first = not self._required
        for name, one in required.items():
            self._required.setdefault(name, is_first and one)

    def check(self, given: Mapping[str, Any]) -> None:
        """Raise TaskFailure if an argument is missing, or if the class does not take it for certain."""
        missing = [name for name, required in self._required.items() if required and name not in given]
        unknown = self._unknown(given)
        if missing and unknown and difflib.get_close_matches(unknown[0], missing):
            raise TaskFailure(f"{self._adapter} takes no option {unknown[0]}{self._names(unknown[0])}")
        if missing:
            raise TaskFailure(f"{self._adapter} needs the option {missing[0]}; give it in options, or in secrets.")
        if unknown and not self._takes_others:
            raise TaskFailure(f"{self._adapter} takes no option {unknown[0]}{self._names(unknown[0])}")

    def with_options(self, error: TypeError, given: Mapping[str, Any]) -> Exception:
        """Return the exception to raise for a TypeError of the class: one that lists its options, if others were given."""
        unknown = self._unknown(given)
        if not unknown:
            return error
        return TaskFailure(f"{self._adapter} does not take these options: {error}{self._names(unknown[0])}")

    def _unknown(self, given: Mapping[str, Any]) -> list[str]:
        return [name for name in given if name not in self._required]

    def _names(self, wrong: str) -> str:
        return f"{known(wrong, self._required)}."


def _ancestors(adapter: type[DSync]) -> tuple[type, ...]:
    """Return the class of an adapter, or of the DiffSync adapter behind a bridge, and its base classes below DSync or Adapter."""
    written: type[Any] = adapter
    base: type[Any] | None = DSync
    if "diffsync" in sys.modules:
        from ...dsync.adapters.diffsync.bridge import (  # only here, since most tasks do without DiffSync
            DiffSyncBridge,
            base_of_diffsync,
        )

        if issubclass(adapter, DiffSyncBridge):
            written, base = adapter.original_class, base_of_diffsync()
    return written.__mro__[: written.__mro__.index(base)] if base in written.__mro__ else written.__mro__
