# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Adapters written for DiffSync, as adapters of this library."""
