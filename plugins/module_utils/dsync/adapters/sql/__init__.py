# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Records in the tables of a database."""

from .adapter import SqlAdapter

__all__ = ("SqlAdapter",)
