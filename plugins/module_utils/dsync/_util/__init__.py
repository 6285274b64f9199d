# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The pydantic guard, garbage collection, plain JSON, redaction and suggestions: what every room may use."""
