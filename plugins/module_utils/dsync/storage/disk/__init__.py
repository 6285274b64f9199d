# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects in a file instead of memory, and the comparison of two datasets of such objects."""
