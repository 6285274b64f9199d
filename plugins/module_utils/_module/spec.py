# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that dsync_diff and dsync_sync share."""

from __future__ import annotations

from typing import Any

SIDES = ("source", "target")

SHIPPED = "_shipped"
"""The argument in which the action plugin sends code along; ``arguments.AdapterModule`` takes it out before validation."""

FLAGS = (
    "continue_on_failure",
    "skip_unmatched_src",
    "skip_unmatched_dst",
    "skip_unmatched_both",
    "log_unchanged_records",
)


def argument_spec(**more: dict[str, Any]) -> dict[str, Any]:
    """Return the shared arguments, and those of one module besides."""
    return {
        **{side: _side() for side in SIDES},
        "flags": {"type": "list", "elements": "str", "choices": list(FLAGS), "default": []},
        "max_changes": {"type": "int", "default": 500},
        **more,
    }


def _side() -> dict[str, Any]:
    return {
        "type": "dict",
        "required": True,
        "options": {
            "adapter": {"type": "str", "required": True},
            "options": {"type": "dict", "default": {}},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "name": {"type": "str"},
        },
    }
