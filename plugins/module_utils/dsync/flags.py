# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Flags of a comparison and of a model, actions of a change, states of an object."""

from __future__ import annotations

import enum


class DSyncFlags(enum.Flag):
    """How one comparison or synchronisation behaves."""

    NONE = 0

    CONTINUE_ON_FAILURE = 0b1
    """Go on with the other objects when one of them fails. Without it the run stops at the first failure. Either way the failures
    are in :attr:`.result.Result.failures`, with the changes that were refused other than by the user."""

    SKIP_UNMATCHED_SRC = 0b10
    """Leave aside what only the source has: nothing is created in the target."""

    SKIP_UNMATCHED_DST = 0b100
    """Leave aside what only the target has: nothing is deleted from it."""

    SKIP_UNMATCHED_BOTH = SKIP_UNMATCHED_SRC | SKIP_UNMATCHED_DST

    LOG_UNCHANGED_RECORDS = 0b1000
    """Keep an element for every unchanged object in the diff, and log each of them (at debug level) when synchronising."""


class DSyncModelFlags(enum.Flag):
    """How objects of one model, or one single object, take part in a comparison."""

    NONE = 0

    IGNORE = 0b1
    """Leave the object and everything below it aside, whichever side carries the flag."""

    SKIP_CHILDREN_ON_DELETE = 0b10
    """Deleting the object deletes its children in the remote system too: no delete is called for them."""

    SKIP_UNMATCHED_SRC = 0b100
    """Leave the object aside when only the source has it."""

    SKIP_UNMATCHED_DST = 0b1000
    """Leave the object aside when only the target has it."""

    SKIP_UNMATCHED_BOTH = SKIP_UNMATCHED_SRC | SKIP_UNMATCHED_DST

    NATURAL_DELETION_ORDER = 0b10000
    """Delete the children before the object itself; keep the object when a child could not be deleted."""


class DSyncStatus(enum.Enum):
    """State an object reports of its own last create, update, move or delete."""

    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"
    UNKNOWN = "unknown"


class DSyncAction(str, enum.Enum):
    """What is to be done to one object of the target."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DELETE = "delete"

    __str__ = str.__str__
