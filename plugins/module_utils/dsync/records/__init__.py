# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Datasets that are declared, not programmed: models, and how native records are mapped onto them."""
