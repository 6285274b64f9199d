# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offers the fixtures of the servers that whole test files share."""

from __future__ import annotations

from platforms import nautobot, nautobot_server, netbox, netbox_server

__all__ = ["nautobot", "nautobot_server", "netbox", "netbox_server"]
