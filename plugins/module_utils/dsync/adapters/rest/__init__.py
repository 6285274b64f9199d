# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Records behind an HTTP API."""

from .adapter import RestAdapter

__all__ = ("RestAdapter",)
