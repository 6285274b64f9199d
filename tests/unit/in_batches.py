# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Models with batch methods for tests: each makes one object after the other, by the method for one object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dsync import DSyncModel


def in_batches(kind: type[DSyncModel]) -> Any:
    """Return a model that has batch methods too.

    An exception is the result of its object. An adapter with a list ``calls`` has the number of objects of each call in it.
    """
    makers: dict[str, Callable[[Any, Any, Any], Any]] = {
        "create_many": lambda cls, dsync, item: cls.create(dsync, item.ids, item.attrs),
        "update_many": lambda cls, dsync, item: item.obj.update(item.attrs),
        "delete_many": lambda cls, dsync, item: item.delete(),
    }
    return type(kind.__name__, (kind,), {name: _each(make) for name, make in makers.items()})


def _each(make: Callable[[Any, Any, Any], Any]) -> Any:
    def method(cls: Any, dsync: Any, items: Sequence[Any]) -> list[Any]:
        getattr(dsync, "calls", []).append(len(items))
        return [_result(make, cls, dsync, item) for item in items]

    return classmethod(method)


def _result(make: Callable[[Any, Any, Any], Any], *args: Any) -> Any:
    try:
        return make(*args)
    except Exception as error:
        return error
