# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""Model classes: declaration, construction, identity, equality, child ids, references."""
