# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects in NetBox."""

from .adapter import NetBoxAdapter

__all__ = ("NetBoxAdapter",)
