# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The container of loaded objects: stores, bulk loading, the tree."""
