# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Compare two datasets through a shared model and synchronise them in either direction."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .adapter import DSync
from .diff.diff import Diff, DiffElement
from .diff.scope import Scope
from .exceptions import (
    AmbiguousMatch,
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
    ObjectNotMoved,
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

if TYPE_CHECKING:
    from .guard.preparation import prepare as prepare_plan
    from .plan.undo import undo_plan
    from .report.report import Report
    from .storage.disk.store import DiskStore
    from .storage.journal import read as read_journal
    from .storage.plan_file import load as load_plan
    from .storage.plan_file import save as save_plan

_LATER = {
    "DiskStore": ("storage.disk.store", "DiskStore"),
    "Report": ("report.report", "Report"),
    "load_plan": ("storage.plan_file", "load"),
    "prepare_plan": ("guard.preparation", "prepare"),
    "read_journal": ("storage.journal", "read"),
    "save_plan": ("storage.plan_file", "save"),
    "undo_plan": ("plan.undo", "undo_plan"),
}
"""Names that are imported on first use, because a comparison needs none of them: the module, and the name in it."""

__all__ = (
    "AmbiguousMatch",
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
    "DiskStore",
    "ModelMismatch",
    "ObjectAlreadyExists",
    "ObjectCrudException",
    "ObjectNotCreated",
    "ObjectNotDeleted",
    "ObjectNotFound",
    "ObjectNotMoved",
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
    "Report",
    "Result",
    "Scope",
    "SelectorError",
    "TransientError",
    "load_plan",
    "prepare_plan",
    "read_journal",
    "save_plan",
    "undo_plan",
)


def __getattr__(name: str) -> Any:
    """Import names that a comparison does not need on first use."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LATER[name]
    found = globals()[name] = getattr(importlib.import_module(f".{module}", __name__), attribute)
    return found
