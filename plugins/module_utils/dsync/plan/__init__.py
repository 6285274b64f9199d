# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Changes, their order, undo, and how each of them ended."""
