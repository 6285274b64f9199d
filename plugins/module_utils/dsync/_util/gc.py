# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Fewer passes of Python's garbage collector while many objects are created.

The collector scans all objects repeatedly while their number grows, although objects of a dataset hardly ever become
garbage: creating 300,000 objects took a third less time with higher thresholds. So the collector waits longer between its passes
over old objects while a dataset is loaded, compared or changed; it is never switched off. The wait for a pass over young objects is
long as well: a comparison creates few objects, but lists of all objects, through which each pass goes, and many passes while
a dataset is loaded are followed by one over all that was loaded as soon as the comparison ends. With a pass for each 5,000 new
objects instead of 100,000, comparing 100,000 per side took a fifth more time.
"""

from __future__ import annotations

import functools
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])

PATIENT = (100_000, 50, 100)
"""Thresholds of the collector's generations meanwhile (Python's own are 700 or 2000, 10, 10 or 0)."""

_lock = threading.Lock()
_inside = 0
_before = gc.get_threshold()


@contextmanager
def relaxed_collector() -> Iterator[None]:
    """Make the garbage collector wait longer between passes; may be nested, also across threads."""
    global _inside, _before
    with _lock:
        if _inside == 0:
            _before = gc.get_threshold()
            if _before[0] > 0:  # 0 switches it off
                gc.set_threshold(*map(max, _before, PATIENT))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                gc.set_threshold(*_before)


def relaxed_gc(function: _Function) -> _Function:
    """Return ``function`` so that it runs under :func:`relaxed_collector`."""

    @functools.wraps(function)
    def patient(*args: Any, **kwargs: Any) -> Any:
        with relaxed_collector():
            return function(*args, **kwargs)

    return cast(_Function, patient)
