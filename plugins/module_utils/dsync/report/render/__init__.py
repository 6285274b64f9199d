# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Renderings of a plan, one file a format; a renderer decides nothing."""
