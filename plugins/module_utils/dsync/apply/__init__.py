# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The application of a plan; the only callers of create, update and delete of a model."""
