# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs dsync_journal_info with the library that reads the journal."""

from __future__ import annotations

from ..plugin_utils.action import AdapterAction


class ActionModule(AdapterAction):
    """The module of the same name does the work."""
