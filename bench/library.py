# Copyright: dsync contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library that this process measures. Only this import differs between the two."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

LIBRARY = os.environ.get("BENCH_LIBRARY", "dsync")
"""``dsync`` or ``diffsync``."""

if TYPE_CHECKING or LIBRARY == "dsync":
    from dsync import DSync as Adapter
    from dsync import DSyncModel as Model
else:
    import structlog
    from diffsync import Adapter
    from diffsync import DiffSyncModel as Model

    # Otherwise it writes a line for every change, and writing them would be most of its time.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

__all__ = ("LIBRARY", "Adapter", "Model")
