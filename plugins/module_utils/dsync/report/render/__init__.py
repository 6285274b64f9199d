# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renderers of reports and plans, one file for each format; a renderer makes no decisions."""
