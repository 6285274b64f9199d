# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Declared datasets: models, and the mapping of native records to them."""
