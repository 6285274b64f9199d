# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""A dataset, described so that another process can make it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..adapter import DSync
from ..exceptions import DiffException


class Side(NamedTuple):
    """How to make a dataset in any process.

    Attributes:
        factory: a function or adapter class that returns a new dataset that is not loaded, as ``"module:name"``. Every worker
            imports it.
        arguments: its keyword arguments: values of JSON. They are sent to the workers as they are, so they name the place of a
            secret, such as an environment variable, and never hold one.
    """

    factory: str
    arguments: Mapping[str, Any] = MappingProxyType({})

    def make(self) -> DSync:
        """Return a new dataset that is not loaded.

        Raises:
            DiffException: the factory cannot be imported, or returns something else.
        """
        module, _colon, name = self.factory.partition(":")
        try:
            factory = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise DiffException(
                f'the factory "{self.factory}" cannot be imported ({error}); write it as "module:name", and install the module '
                "wherever shards are compared"
            ) from error
        made = factory(**self.arguments)
        if not isinstance(made, DSync) or len(made):
            raise DiffException(
                f'the factory "{self.factory}" returned {made!r}; it has to return a new dataset that is not loaded'
            )
        return made
