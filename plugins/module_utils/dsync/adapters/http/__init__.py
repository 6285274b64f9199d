# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What adapters that speak HTTP share: the client and its options."""
