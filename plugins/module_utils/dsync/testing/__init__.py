# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The conformance suite for adapters."""
