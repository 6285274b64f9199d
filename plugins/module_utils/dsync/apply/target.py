# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""What the application of a plan asks of the dataset that it changes."""

from __future__ import annotations

import logging
from typing import Any

from ..dataset.dataset import Dataset
from ..diff.diff import Diff
from ..exceptions import TransientError
from ..flags import DSyncFlags


class Target(Dataset):
    """A dataset whose objects can be changed in the system that they come from."""

    batch_size: int = 1
    """How many changes of one model and action are made at one stroke, by models that have methods for many at once."""

    thread_safe: bool = False
    """Whether several threads may load, create, update and delete at the same time; each object is only in one thread's hands."""

    transactional: bool = False
    """Whether changes are kept all together, when :meth:`sync_complete` returns, or not at all."""

    def sync_complete(
        self,
        source: Any,
        diff: Diff,
        flags: DSyncFlags = DSyncFlags.NONE,
        logger: logging.Logger | None = None,
    ) -> None:
        """Called once after a synchronisation that really changed something in this dataset, also when it stopped half-way.

        The base class does nothing; a subclass may write all changes in one batch here.

        Args:
            source: the dataset that this one was made like, a DSync.
            diff: what the comparison had found.
            flags: the flags of the synchronisation.
            logger: the library's logger.

        Raises:
            NothingKept: this dataset is transactional, and nothing of what was changed was kept. After any other exception
                everything counts as changed perhaps, since the exception may have come in the middle of the commit.
        """

    def roll_back(self) -> None:
        """Called in the place of :meth:`sync_complete` when a run did not come to its end, if this dataset is transactional: it
        takes back what was changed. The base class does nothing, for what was changed only in memory and is not written."""

    def is_transient(self, error: BaseException) -> bool:
        """Return whether a create, update, move or delete that failed with ``error`` is worth trying again; a TransientError is.

        A subclass may know other exceptions that pass, such as a timeout of its client.
        """
        return isinstance(error, TransientError)
