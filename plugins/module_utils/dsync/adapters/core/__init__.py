# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What every adapter of records is made of: the contract, lookups and parents."""
