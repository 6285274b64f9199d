# Copyright: dsync contributors
# SPDX-License-Identifier: Apache-2.0
"""The interface of a dataset to which a plan is applied."""

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
    """Maximum number of changes of one model and action in a batch, for models with batch methods."""

    thread_safe: bool = False
    """Whether several threads may load, create, update and delete at the same time; one object is used by one thread at a time."""

    transactional: bool = False
    """Whether all changes are committed when :meth:`sync_complete` returns, or none."""

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
            source: the dataset with the desired state, a DSync.
            diff: the result of the comparison.
            flags: the flags of the synchronisation.
            logger: the library's logger.

        Raises:
            NothingKept: this dataset is transactional, and none of the changes was committed. After any other exception all
                changes count as possibly made, because it may have occurred in the middle of the commit.
        """

    def roll_back(self) -> None:
        """Called instead of :meth:`sync_complete` if a run did not complete and this dataset is transactional: it
        rolls all changes back. The base class does nothing, which suits changes that exist only in memory."""

    def publish(self) -> bool:
        """Called at the end of a run without failures, when everything was written and, if asked for, verified: changes that are
        kept apart until then, as in a branch, are made visible here. The base class does nothing.

        Returns:
            Whether anything was published, those changes included that earlier runs have made.

        Raises:
            DSyncException: nothing was published, or that is not known; all changes are kept.
        """
        return False

    def unpublished(self) -> bool:
        """Return whether :meth:`publish` would publish something even if no more changes were made. It changes nothing."""
        return False

    def is_transient(self, error: BaseException) -> bool:
        """Return whether a create, update, move or delete that failed with ``error`` should be retried; a TransientError should.

        A subclass may recognise other transient exceptions, such as a timeout of its client.
        """
        return isinstance(error, TransientError)

    def altered_values(self) -> str:
        """Return a sentence that names the values which the system keeps otherwise than they were written since the objects were
        loaded; an empty string if there are none, or if that is unknown, as in the base class."""
        return ""
