# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Records in files."""

from .adapter import FileAdapter

__all__ = ("FileAdapter",)
