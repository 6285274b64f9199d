# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The comparison of two datasets; pure, without I/O."""
