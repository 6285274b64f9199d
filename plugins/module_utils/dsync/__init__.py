# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare two datasets through a shared model and synchronise them in either direction."""

from __future__ import annotations

from .adapter import DSync
from .diff.diff import Diff, DiffElement
from .exceptions import (
    DeclarationError,
    DiffClassMismatch,
    DiffException,
    DSyncException,
    ModelMismatch,
    ObjectAlreadyExists,
    ObjectCrudException,
    ObjectNotCreated,
    ObjectNotDeleted,
    ObjectNotFound,
    ObjectNotUpdated,
    ObjectStoreException,
    ObjectStoreWrongType,
    PydanticMissing,
    RecordError,
    Refused,
    SelectorError,
    TransientError,
)
from .flags import DSyncAction, DSyncFlags, DSyncModelFlags, DSyncStatus
from .model.identity import ObjectRef
from .model.model import DSyncModel
from .plan.change import Change
from .plan.outcome import Outcome, OutcomeStatus
from .plan.plan import Plan
from .plan.result import Result

__all__ = (
    "Change",
    "DSync",
    "DSyncAction",
    "DSyncException",
    "DSyncFlags",
    "DSyncModel",
    "DSyncModelFlags",
    "DSyncStatus",
    "DeclarationError",
    "Diff",
    "DiffClassMismatch",
    "DiffElement",
    "DiffException",
    "ModelMismatch",
    "ObjectAlreadyExists",
    "ObjectCrudException",
    "ObjectNotCreated",
    "ObjectNotDeleted",
    "ObjectNotFound",
    "ObjectNotUpdated",
    "ObjectRef",
    "ObjectStoreException",
    "ObjectStoreWrongType",
    "Outcome",
    "OutcomeStatus",
    "Plan",
    "PydanticMissing",
    "RecordError",
    "Refused",
    "Result",
    "SelectorError",
    "TransientError",
)
