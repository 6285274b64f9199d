# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Hosts and groups of an Ansible inventory."""

from .adapter import InventoryAdapter

__all__ = ("InventoryAdapter",)
