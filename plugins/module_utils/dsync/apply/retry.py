# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Retrying a change that failed with a transient error."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..exceptions import LibraryMissing

LIBRARY = "tenacity"
"""The library that waits between attempts; it is required only if changes are retried."""

_DOUBLINGS = 32
"""How many times a wait is doubled at most; any bound on it is reached long before."""


def retrying(
    attempts: int,
    is_transient: Callable[[BaseException], bool],
    first_wait: float = 0.5,
    max_wait: float = 30.0,
) -> Callable[[Callable[[], str]], str]:
    """Return what :func:`.apply.apply` takes as ``retry``.

    Between two attempts it waits ``first_wait`` seconds, twice as long each time, and up to ``first_wait`` more at random, but
    never more than ``max_wait``. Ctrl-C and SystemExit are never retried, and end a wait at once.

    Args:
        attempts: maximum number of attempts for a change; 1 means that nothing is retried.
        is_transient: whether an exception is transient, such as :meth:`.target.Target.is_transient` of the target.
        first_wait: seconds before the second attempt.
        max_wait: the longest wait in seconds.

    Returns:
        A function that calls its argument until it succeeds, and returns or raises its last result.

    Raises:
        ValueError: ``attempts`` is less than 1, or a wait is negative.
        LibraryMissing: tenacity is not installed, and ``attempts`` is more than 1.
    """
    if attempts < 1 or first_wait < 0 or max_wait < 0:
        raise ValueError("there must be at least 1 attempt, and no wait can be negative")
    if attempts == 1:
        return lambda make: make()
    try:
        import tenacity
    except ImportError:
        raise LibraryMissing("retries require the Python library tenacity, which is not installed", LIBRARY) from None
    retry = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(attempts),
        wait=lambda state: min(max_wait, first_wait * (2 ** min(state.attempt_number - 1, _DOUBLINGS) + random.random())),
        retry=tenacity.retry_if_exception(lambda error: isinstance(error, Exception) and is_transient(error)),
        reraise=True,
    )
    return retry.__call__
