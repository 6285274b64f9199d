# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Flags of a comparison and of a model, actions of a change, states of an object."""

from __future__ import annotations

import enum


class DSyncFlags(enum.Flag):
    """Flags of one comparison or synchronisation."""

    NONE = 0

    CONTINUE_ON_FAILURE = 0b1
    """Continue with the other objects if one of them fails. Without it the run stops at the first failure. In either case the
    failures are in :attr:`.result.Result.failures`, with the changes that were refused other than by the user."""

    SKIP_UNMATCHED_SRC = 0b10
    """Ignore objects that only the source has: nothing is created in the target."""

    SKIP_UNMATCHED_DST = 0b100
    """Ignore objects that only the target has: nothing is deleted from it."""

    SKIP_UNMATCHED_BOTH = SKIP_UNMATCHED_SRC | SKIP_UNMATCHED_DST

    LOG_UNCHANGED_RECORDS = 0b1000
    """Keep an element for every unchanged object in the diff, and log each of them (at debug level) during a synchronisation."""


class DSyncModelFlags(enum.Flag):
    """Flags of the objects of one model, or of a single object."""

    NONE = 0

    IGNORE = 0b1
    """Ignore the object and everything below it, whichever side has the flag."""

    SKIP_CHILDREN_ON_DELETE = 0b10
    """The remote system deletes the children together with the object: no delete is called for them."""

    SKIP_UNMATCHED_SRC = 0b100
    """Ignore the object if only the source has it."""

    SKIP_UNMATCHED_DST = 0b1000
    """Ignore the object if only the target has it."""

    SKIP_UNMATCHED_BOTH = SKIP_UNMATCHED_SRC | SKIP_UNMATCHED_DST

    NATURAL_DELETION_ORDER = 0b10000
    """Delete the children before the object itself; do not delete the object if a child could not be deleted."""


class DSyncStatus(enum.Enum):
    """The status of an object after its last create, update, move or delete."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    UNKNOWN = "unknown"


class DSyncAction(str, enum.Enum):
    """The action for one object of the target."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DELETE = "delete"

    __str__ = str.__str__
