# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Everything that is a file: stored plans, journals, baselines, locks, and how values are encoded in them."""
