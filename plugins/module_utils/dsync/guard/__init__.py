# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reasons to refuse changes before the first write."""
