# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Reports of comparisons, plans and runs as plain data."""
