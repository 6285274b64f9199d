# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the adapters of sources of truth share."""
