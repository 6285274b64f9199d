# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters of documents share: trees of records, formats, and the commit of changed files."""
