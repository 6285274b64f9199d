# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Discovery: proposals for models and mappings, from the records of one or two datasets and from what their systems report."""
