# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""All files of the library: stored plans, journals, baselines, locks, and the encoding of values in them."""
