# Copyright: dsync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs dsync_discover with the adapters of the datasets, and the library that proposes models."""

from __future__ import annotations

from ..plugin_utils.action import DiscoverAction


class ActionModule(DiscoverAction):
    """The module of the same name does the work."""
