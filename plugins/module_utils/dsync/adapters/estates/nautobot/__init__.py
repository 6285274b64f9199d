# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects in Nautobot."""

from .adapter import NautobotAdapter

__all__ = ("NautobotAdapter",)
