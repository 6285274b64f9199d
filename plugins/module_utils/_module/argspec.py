# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of the modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SOURCE, TARGET = "source", "target"
SIDES = (SOURCE, TARGET)

DATASET = "dataset"
"""The role of the only dataset of a task, whose arguments are those of the task itself."""

BUNDLE = "_bundle"
"""The argument that holds the bundle of code; ``entry.AdapterModule`` removes it before validation."""

PROGRESS = "_progress"
"""The argument that names the file for the progress; it is removed in the same way."""

FLAGS = (
    "continue_on_failure",
    "skip_unmatched_src",
    "skip_unmatched_dst",
    "skip_unmatched_both",
    "log_unchanged_records",
)


COMPARISON_FLAGS = FLAGS[1:4]
"""Flags that affect the comparison, and so the content of a plan."""

NO_DELETES = "skip_unmatched_dst"
"""The flag that ``prune: false`` sets."""

ACTIONS = ("create", "update", "move", "delete")
"""Actions on an object, as in ``dsync.flags.DSyncAction``."""

CRITERIA = ("model", "id", "attributes")
"""Criteria of a selector for objects of one dataset, where nothing is compared."""

REPORT_FORMATS = ("text", "markdown", "html", "junit", "json")
"""The formats of reports, as in ``dsync.report.render.formats``."""

NARROWING = ("only_models", "only", "exclude", "compare_attributes", "protect")
"""The arguments that narrow what is compared and changed."""

SELECTING = ("only", "exclude", "protect")
"""Those of them that are lists of selectors."""

MODE: dict[str, Any] = {"mode": {"type": "raw", "default": "0600"}}

LOCK: dict[str, Any] = {"lock": {"type": "path"}, "lock_timeout": {"type": "float", "default": 0}}

SHARD_STORE: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "run": {"type": "str", "required": True},
}

DIFF_ONLY: dict[str, Any] = {
    "compare_only": {"type": "bool", "default": False},
    "plan_dest": {"type": "path", "aliases": ["plan"]},
    **MODE,
    **LOCK,
    "fail_on_drift": {"type": "bool", "default": False},
}

SYNC_ONLY: dict[str, Any] = {
    "plan_src": {"type": "path", "aliases": ["plan"]},
    "plan_digest": {"type": "str"},
    "approved": {"type": "str"},
    "undo_journal": {"type": "path"},
    "undo_run": {"type": "str"},
    "on_stale": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "lost_secrets": {"type": "str", "choices": ["fail", "leave"], "default": "fail", "no_log": False},
    "journal": {"type": "path"},
    "undo": {"type": "path"},
    **MODE,
    **LOCK,
    "verify": {"type": "bool", "default": False},
    "retries": {"type": "int", "default": 0},
    "workers": {"type": "int", "default": 1},
}

SYNC_RULES: dict[str, Any] = {
    "mutually_exclusive": [("plan_src", "undo_journal"), ("approved", "plan_src"), ("approved", "undo_journal")],
    "required_by": {"plan_digest": ("plan_src",), "undo_run": ("undo_journal",), "max_shrink": ("baseline",)},
}
"""Dependencies between the arguments of dsync_sync."""

DIFF_RULES: dict[str, Any] = {
    "required_by": {"max_shrink": ("baseline",)},
    "required_if": [("compare_only", True, ("shard_store",))],
}


JOURNAL_INFO: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "run": {"type": "str"},
    "max_changes": {"type": "int", "default": 500},
}


PLAN_INFO: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "approved": {"type": "str"},
    "max_changes": {"type": "int", "default": 500},
}


def discover_spec() -> dict[str, Any]:
    """Return the arguments of dsync_discover: one dataset or two, without models and mappings, and where the files are written."""
    own = _dataset()
    side = {
        **{name: own[name] for name in ("adapter", "options", "secrets", "name")},
        "tables": {"type": "raw"},
        "openapi": {"type": "str"},
        "read_records": {"type": "bool", "default": True},
    }
    return {
        "source": {"type": "dict", "required": True, "options": side},
        "target": {"type": "dict", "options": side},
        "directory": {"type": "path"},
        "force": {"type": "bool", "default": False},
        **MODE,
    }


def info_spec() -> dict[str, Any]:
    """Return the arguments of dsync_info: those of one dataset, and those that select its objects."""
    return {
        **_dataset(),
        "models": {"type": "dict"},
        "models_file": {"type": "str"},
        "only_models": {"type": "list", "elements": "str"},
        "top_level": {"type": "list", "elements": "str"},
        "only": _selectors(*CRITERIA),
        "exclude": _selectors(*CRITERIA),
        "attributes": {"type": "raw"},
        "max_objects": {"type": "int", "default": 1000},
        "validate_only": {"type": "bool", "default": False},
        "progress": {"type": "bool", "default": True},
    }


def export_spec() -> dict[str, Any]:
    """Return the arguments of dsync_export: those of one dataset, those that select its objects, and the file."""
    own = info_spec()
    return {
        **{name: own[name] for name in own if name not in ("attributes", "max_objects", "validate_only")},
        "path": {"type": "path", "required": True},
        "format": {"type": "str", "choices": ["records", "snapshot"], "default": "records"},
        **MODE,
    }


def scope_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given arguments that narrow what a task compares and changes, in a new dict."""
    given = {name: arguments[name] for name in NARROWING if arguments.get(name)}
    for name in SELECTING:
        if name in given:
            given[name] = [{key: value for key, value in one.items() if value is not None} for one in given[name]]
    return given


def dataset_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return role → arguments of each dataset of a task."""
    given = {role: arguments[role] for role in SIDES if arguments.get(role) is not None}
    return given or {DATASET: arguments} if "adapter" in arguments else given


def argument_spec(**more: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that dsync_diff and dsync_sync share, with those of one module added."""
    return {
        **{side: _side() for side in SIDES},
        "flags": {"type": "list", "elements": "str", "choices": list(FLAGS), "default": []},
        "prune": {"type": "bool", "default": True},
        "models": {"type": "dict"},
        "models_file": {"type": "str"},
        "only_models": {"type": "list", "elements": "str"},
        "top_level": {"type": "list", "elements": "str"},
        "only": _selectors(),
        "exclude": _selectors(),
        "compare_attributes": {"type": "raw", "aliases": ["attributes"]},
        "protect": _selectors(),
        "limits": {"type": "dict", "default": {}},
        "empty_source": {"type": "str", "choices": ["fail", "allow"], "default": "fail"},
        "baseline": {"type": "path"},
        "max_shrink": {"type": "str"},
        "push_down": {"type": "bool", "default": False},
        "shards": {"type": "int", "default": 1},
        "shard_workers": {"type": "int"},
        "shard_store": {"type": "dict", "options": SHARD_STORE},
        "plan_key": {"type": "str", "no_log": True},
        "max_changes": {"type": "int", "default": 500},
        "progress": {"type": "bool", "default": True},
        "reports": {"type": "list", "elements": "dict", "default": [], "options": _report()},
        **more,
    }


def _selectors(*criteria: str) -> dict[str, Any]:
    """Return the argument for a list of selectors with these criteria; all criteria if none are named."""
    selector = {
        "model": {"type": "str"},
        "id": {"type": "str"},
        "attributes": {"type": "dict"},
        "action": {"type": "str", "choices": list(ACTIONS)},
    }
    return {"type": "list", "elements": "dict", "options": {name: selector[name] for name in criteria or selector}}


def _report() -> dict[str, Any]:
    return {
        "path": {"type": "path", "required": True},
        "format": {"type": "str", "choices": list(REPORT_FORMATS)},
        "title": {"type": "str"},
        **MODE,
    }


def _side() -> dict[str, Any]:
    return {"type": "dict", "required": True, "options": _dataset()}


def _dataset() -> dict[str, Any]:
    return {
        "adapter": {"type": "str", "required": True},
        "preset": {"type": "raw"},
        "options": {"type": "dict", "default": {}},
        "secrets": {"type": "dict", "default": {}, "no_log": True},
        "name": {"type": "str"},
        "mapping": {"type": "raw"},
        "lookups": {"type": "raw"},
    }
